// Package middleware provides net/http middleware that turns error responses into
// problem documents (RFC 9457), recovers panics, and logs, identifies and bounds
// requests.
//
// Start with [Normalize]: it turns the errors of every handler below it, also
// those of [net/http.ServeMux] and [net/http.Error], into problem documents and
// leaves successes alone. The whole chain of a service is
//
//	h = middleware.Chain(
//		middleware.RequestID,
//		middleware.AccessLog,
//		middleware.Normalize,
//		ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(100), Key: ratelimit.ByIP(clientip.Direct)}),
//	)(mux)
//
// Each X is a middleware with safe defaults, and XWith(XOptions{...}) is the same
// with settings. The Responder that [NormalizeWith] is given writes all problems
// inside, also those of package respond.
//
// All middleware of a request share one ResponseWriter. It has exactly the
// optional interfaces of the one it wraps, it buffers no success, and what it
// reports in [Result] is what was handed to the network. Deadlines and full
// duplex are reached through [net/http.ResponseController]. [Unless] leaves a
// request unwrapped whose handler needs more than that.
//
// Out of reach are the few responses that net/http's server writes before a
// handler exists, such as the one to a malformed request line: package listener
// is for those.
//
// In a test, httptest.ResponseRecorder takes a 103 for the status: package
// middlewaretest shows what a client gets.
package middleware
