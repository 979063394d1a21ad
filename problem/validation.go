package problem

import (
	"net/http"
	"strings"
)

// FieldError describes what is wrong with one part of a request. Its members are
// those that OpenAPI catalogues of problem types use besides the two of RFC 9457,
// section 3; at most one of Pointer, Parameter and Header says where the part is.
type FieldError struct {
	// Detail explains the fault in words that the client may read.
	Detail string `json:"detail"`
	// Pointer is a place in the body: a JSON Pointer in the form of a URI
	// fragment, such as "#/age"; see [Pointer].
	Pointer string `json:"pointer,omitempty"`
	// Parameter is the name of a query or path parameter.
	Parameter string `json:"parameter,omitempty"`
	// Header is the name of a header field.
	Header string `json:"header,omitempty"`
	// Code tells one kind of fault from another by program, such as [CodeRange].
	// The application chooses those of the faults that it finds.
	Code string `json:"code,omitempty"`
}

// Bounds of a [Validation]. A request that is wrong in more places needs another
// response than a longer list, and what a client sent need not be sent back at
// length.
const (
	MaxFieldErrors = 100
	maxFieldDetail = 1 << 10 // bytes
	maxFieldPlace  = 512     // bytes of a pointer and of each name
)

// Validation collects what is wrong with one request:
//
//	var v problem.Validation
//	v.Check(order.Quantity > 0, "must be positive", "quantity")
//	v.Check(order.Item != "", "must not be empty", "item")
//	if page < 1 {
//		v.Add(problem.FieldError{Detail: "must be positive", Parameter: "page"})
//	}
//	return v.Err()
//
// It keeps the first [MaxFieldErrors] faults, a Detail of at most 1 KiB and
// places of at most 512 bytes: a longer pointer is cut to the nearest value
// around the fault.
//
// The zero value is ready to use: nothing is wrong. It can be passed to [Errors]
// to describe the faults by a [Type] of one's own. It is not safe for concurrent
// use.
type Validation []FieldError

// Check adds a fault at the path, see [Pointer], unless ok. It returns ok.
func (v *Validation) Check(ok bool, detail string, path ...any) bool {
	if !ok && len(*v) < MaxFieldErrors {
		v.Add(FieldError{Detail: detail, Pointer: boundedPointer(maxFieldPlace, path)})
	}
	return ok
}

// Add adds faults.
func (v *Validation) Add(faults ...FieldError) {
	room := max(MaxFieldErrors-len(*v), 0)
	for _, f := range faults[:min(len(faults), room)] {
		*v = append(*v, FieldError{
			Detail:    cut(f.Detail, maxFieldDetail),
			Pointer:   cutPointer(f.Pointer),
			Parameter: cut(f.Parameter, maxFieldPlace),
			Header:    cut(f.Header, maxFieldPlace),
			Code:      cut(f.Code, maxFieldPlace),
		})
	}
}

func cutPointer(pointer string) string {
	if len(pointer) <= maxFieldPlace {
		return pointer
	}
	return pointer[:max(strings.LastIndexByte(pointer[:maxFieldPlace+1], '/'), 0)]
}

// Err returns nil if nothing is wrong, and otherwise a 422 that lists the faults,
// changed by the options.
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
