// Package request reads what a client sends, and says what is wrong with it in
// a way that the client can act on.
//
// Start with [JSON]: it decodes the body of a request into a Go value, or
// returns a problem that names each fault with a JSON Pointer:
//
//	order, err := request.JSON[Order](r)
//	if err != nil {
//		return err // 400, 408, 413, 415 or 422, for respond.Handler or respond.Fail
//	}
//
// It is strict, since a client that is told of a slip early is the easier to
// help: no unknown or repeated members, nothing behind the value, no other
// encoding than UTF-8. And it is bounded, since anybody can send anything. What
// a value means is for the application to check; see [problem.Validation].
//
// It sends nothing: that is what package respond is for.
package request
