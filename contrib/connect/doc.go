// Package connect sends problems to clients of Connect, gRPC and gRPC-Web as errors
// of their protocol.
//
// Start with [Render], in the Responder of a Normalize that is around all layers
// which may refuse a call:
//
//	h = middleware.Chain(
//		middleware.NormalizeWith(middleware.NormalizeOptions{
//			Responder: &respond.Responder{Render: connect.Render},
//		}),
//		limit,
//	)(mux)
//
// The 429 of a limiter is then resource_exhausted, with its Retry-After in a
// google.rpc.RetryInfo; a 503 is unavailable, and a 401 is unauthenticated. Without
// Render such a client derives a code from the HTTP status: for a 429 that is
// unavailable, after which many clients retry at once.
//
// Other requests get the usual problems, so that REST and RPC can share a chain. The
// responses of an RPC handler pass through unchanged. The package serves no calls
// itself; it works beside connect-go and grpc-go.
package connect
