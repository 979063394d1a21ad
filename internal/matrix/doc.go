// Package matrix tests that the responses of this module conform to the
// specifications. It has no code outside of its tests, which produce each of the 63
// status codes in eight ways, for five methods, over HTTP/1.0, HTTP/1.1 and HTTP/2,
// behind each middleware alone and behind chains of them. Package conformance judges
// the bytes of the responses.
package matrix
