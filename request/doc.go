// Package request decodes JSON from the bodies of requests, and reports what is wrong with
// a body so that the client can correct it.
//
// Start with [JSON]. It decodes a body into a Go value, or returns a problem that lists
// each fault with a JSON Pointer to its place:
//
//	order, err := request.JSON[Order](r)
//	if err != nil {
//		return err // a *problem.Details with 400, 408, 413, 415 or 422
//	}
//
// Use a [Decoder] to change the bounds or to allow unknown members.
//
// The package is strict, so that a client learns of a mistake early. It accepts no unknown
// or repeated members, no data after the value, and no encoding other than UTF-8. It bounds
// the size and the depth of a body, because any client can send one. It does not check
// whether values make sense to the application; [problem.Validation] is for that.
//
// It does not write responses. Return the error to respond.Handler, or pass it to
// respond.Fail.
package request
