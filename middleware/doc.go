// Package middleware provides net/http middleware that turns error responses into
// problem documents (RFC 9457), recovers panics, and logs, identifies and bounds
// requests.
//
// Start with [Normalize]. It turns the errors of every handler inside, including
// those of [net/http.ServeMux] and [net/http.Error], into problem documents and
// leaves successes alone. A typical chain is
//
//	h = middleware.Chain(
//		middleware.RequestID,
//		middleware.AccessLog,
//		middleware.Normalize,
//		ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(100), Key: ratelimit.ByIP(clientip.Direct)}),
//	)(mux)
//
// Each X is a middleware with safe defaults, and XWith(XOptions{...}) is the same
// with settings. The Responder in [NormalizeOptions] writes all problems inside,
// including those of package respond.
//
// All middleware of a request share one ResponseWriter. It has exactly the
// optional interfaces of the one it wraps, it never buffers a success, and
// [Result] reports what was handed to the network. Deadlines and full duplex work
// through [net/http.ResponseController]. Use [Unless] for a handler that needs
// other interfaces of the server's ResponseWriter.
//
// The package cannot change the few responses that net/http's server writes
// before any handler runs, such as the one to a malformed request line. Package
// listener can.
//
// In tests use package middlewaretest, which shows what a client receives;
// httptest.ResponseRecorder mistakes a 103 for the final status.
package middleware
