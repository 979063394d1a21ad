package problem

// FieldError says what is wrong with one part of a request's content.
type FieldError struct {
	// Detail explains the fault in words that the client may read.
	Detail string `json:"detail"`
	// Pointer is the place of the fault: a JSON Pointer in the form of a URI
	// fragment, such as "#/age". Empty means the whole content.
	Pointer string `json:"pointer,omitempty"`
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
