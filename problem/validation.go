package problem

// FieldError says what is wrong with one part of a request's content.
type FieldError struct {
	// Detail explains the fault in words that the client may read.
	Detail string `json:"detail"`
	// Pointer is the place of the fault: a JSON Pointer in the form of a URI
	// fragment, such as "#/age". Empty means the whole content.
	Pointer string `json:"pointer,omitempty"`
}
