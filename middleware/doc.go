// Package middleware wraps handlers, so that whatever they write leaves the
// server in order.
//
// Start with [Normalize]: it turns the errors of every handler below it, also
// those of [net/http.ServeMux] and [net/http.Error], into problem documents
// (RFC 9457) and leaves successes alone. The whole chain of a service is
//
//	h = middleware.Chain(
//		middleware.RequestID,
//		middleware.AccessLog,
//		middleware.Normalize,
//		ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(100), Key: ratelimit.ByIP(clientip.Direct)}),
//	)(mux)
//
// Each function is a default; the struct beside it, such as [Normalizer], is
// the same with settings.
//
// Capture, Normalize and Recover share one ResponseWriter. It has exactly the
// optional interfaces of the one it wraps, it buffers no success, and what it
// tells in [Result] is what was handed to the network. Deadlines and full
// duplex are reached through [net/http.ResponseController].
//
// Out of reach are the few answers that net/http's server writes before a
// handler exists, such as the one to a malformed request line: package listener
// is for those.
//
// In a test, httptest.ResponseRecorder takes a 103 for the status: package
// middlewaretest shows what a client gets.
package middleware
