// Package connect sends problems to the clients of Connect, gRPC and gRPC-Web in
// the form of their protocol.
//
// Start with [Render], in the Responder of a Normalize that is around everything
// that may refuse a call:
//
//	h = middleware.Chain(
//		middleware.NormalizeWith(middleware.NormalizeOptions{
//			Responder: &respond.Responder{Render: connect.Render},
//		}),
//		limit,
//	)(mux)
//
// The limiter's 429 is then resource_exhausted, with a google.rpc.RetryInfo of
// its Retry-After; a 503 is unavailable and a 401 unauthenticated. Without it such
// a client finds no status of its protocol and guesses one by the HTTP status: for
// a 429 that is unavailable, which many repeat at once.
//
// Requests of other clients have the usual problems, so that an API of REST and
// one of calls can share a chain. What an RPC handler sends itself passes as it
// is. The package serves no calls, and works beside connect-go as well as grpc-go.
package connect
