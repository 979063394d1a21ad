package problem

import (
	"net/http"
	"strings"
)

// FieldError describes what is wrong with one part of a request. It has the members
// of RFC 9457, section 3, and those that OpenAPI catalogues of problem types use.
// At most one of Pointer, Parameter and Header should be set.
type FieldError struct {
	// Detail explains the fault to the client.
	Detail string `json:"detail"`
	// Pointer is the place of the fault in the body: a JSON Pointer as a URI
	// fragment, such as "#/age". See [Pointer].
	Pointer string `json:"pointer,omitempty"`
	// Parameter is the name of a query or path parameter.
	Parameter string `json:"parameter,omitempty"`
	// Header is the name of a header field.
	Header string `json:"header,omitempty"`
	// Code identifies the kind of fault for programs, such as [CodeRange].
	Code string `json:"code,omitempty"`
}

// Codes of the faults that this package and package request find in a body, see
// [FieldError]. Unlike the details they do not change between releases. An
// application defines its own codes beside these, as words in lower case joined by
// underscores.
const (
	CodeUnknown   = "unknown"   // the member is not known
	CodeDuplicate = "duplicate" // the member occurs twice, or its name is the same map key as another one
	CodeType      = "type"      // the value has the wrong type: a string instead of a number, or 1.5 instead of a whole number
	CodeRange     = "range"     // the number is too large or too small
	CodeLength    = "length"    // the array has too many or too few elements
	CodeName      = "name"      // the name is not a valid map key, or contains an unpaired surrogate
	CodeInvalid   = "invalid"   // the value has the right type but is not valid, such as "13:75" for a time
)

// MaxFieldErrors is the largest number of faults in a [Validation]. A longer list
// would not help the client, and the response should not grow with the request.
const MaxFieldErrors = 100

// The other bounds of a Validation.
const (
	maxFieldDetail = 1 << 10 // bytes
	maxFieldPlace  = 512     // bytes of a pointer and of each name
)

// Validation collects the faults of one request:
//
//	var v problem.Validation
//	v.Check(order.Quantity > 0, "must be positive", "quantity")
//	v.Check(order.Item != "", "must not be empty", "item")
//	if page < 1 {
//		v.Add(problem.FieldError{Detail: "must be positive", Parameter: "page"})
//	}
//	return v.Err()
//
// It keeps the first [MaxFieldErrors] faults and ignores the others. A detail is
// truncated to 1 KiB, and names and codes to 512 bytes. A pointer of more than 512
// bytes is shortened, so that it leads to a value around the fault.
//
// The zero value is an empty list, ready to use. To send the faults with a [Type]
// of your own, pass them to its New method: t.New(Errors(v...)). A Validation is
// not safe for concurrent use.
type Validation []FieldError

// Check adds a fault at the path unless ok is true, and returns ok. The path is as
// for [Pointer].
func (v *Validation) Check(ok bool, detail string, path ...any) bool {
	if !ok && len(*v) < MaxFieldErrors {
		v.Add(FieldError{Detail: detail, Pointer: boundedPointer(maxFieldPlace, path)})
	}
	return ok
}

// Add adds faults to the list.
func (v *Validation) Add(faults ...FieldError) {
	room := max(MaxFieldErrors-len(*v), 0)
	for _, f := range faults[:min(len(faults), room)] {
		*v = append(*v, FieldError{
			Detail:    truncate(f.Detail, maxFieldDetail),
			Pointer:   truncatePointer(f.Pointer),
			Parameter: truncate(f.Parameter, maxFieldPlace),
			Header:    truncate(f.Header, maxFieldPlace),
			Code:      truncate(f.Code, maxFieldPlace),
		})
	}
}

func truncatePointer(pointer string) string {
	if len(pointer) <= maxFieldPlace {
		return pointer
	}
	return pointer[:max(strings.LastIndexByte(pointer[:maxFieldPlace+1], '/'), 0)]
}

// Err returns nil if the list is empty, and otherwise a 422 with the faults and the
// options applied.
func (v Validation) Err(opts ...Option) error {
	if len(v) == 0 {
		return nil
	}
	return New(http.StatusUnprocessableEntity, Errors(v...)).With(opts...)
}

// appendFieldErrors appends the JSON array of RFC 9457, section 3.
func appendFieldErrors(b []byte, errs []FieldError) []byte {
	b = append(b, '[')
	for i, e := range errs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"detail":`...)
		b = appendString(b, e.Detail)
		b = appendOptional(b, `,"pointer":`, e.Pointer)
		b = appendOptional(b, `,"parameter":`, e.Parameter)
		b = appendOptional(b, `,"header":`, e.Header)
		b = appendOptional(b, `,"code":`, e.Code)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, name...), value)
}
