package problem

import "net/http"

// FieldError says what is wrong with one part of a request's content.
type FieldError struct {
	// Detail explains the fault in words that the client may read.
	Detail string `json:"detail"`
	// Pointer is the place of the fault: a JSON Pointer in the form of a URI
	// fragment, such as "#/age"; see [Pointer]. Empty means that no place is
	// given.
	Pointer string `json:"pointer,omitempty"`
}

// MaxFieldErrors is how many faults a [Validation] keeps. A request that is
// wrong in more places than that needs another answer than a longer list.
const MaxFieldErrors = 100

// Validation collects what is wrong with the content of one request:
//
//	var v problem.Validation
//	v.Check(order.Quantity > 0, "must be positive", "quantity")
//	v.Check(order.Item != "", "must not be empty", "item")
//	return v.Err()
//
// The zero value is ready to use: nothing is wrong. It can be passed to
// [Errors] to describe the faults by a [Type] of one's own. It is not safe for
// concurrent use.
type Validation []FieldError

// Check adds a fault at the path, see [Pointer], unless ok. It returns ok.
func (v *Validation) Check(ok bool, detail string, path ...any) bool {
	if !ok {
		v.Add(FieldError{Detail: detail, Pointer: Pointer(path...)})
	}
	return ok
}

// Add adds faults, up to [MaxFieldErrors] of them altogether.
func (v *Validation) Add(faults ...FieldError) {
	room := max(MaxFieldErrors-len(*v), 0)
	*v = append(*v, faults[:min(len(faults), room)]...)
}

// Err returns nil if nothing is wrong, and else a 422 that lists the faults,
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
		if e.Pointer != "" {
			b = append(b, `,"pointer":`...)
			b = appendString(b, e.Pointer)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
