// Package otel adds to the spans and metrics of OpenTelemetry what the toolkit knows
// about a request: its route, the problem that was sent, and the reason.
//
// Start with [Annotate], directly inside otelhttp, which records the span and the
// metrics. [IDs] adds the ids of the trace and the span to the access log, and
// [TraceID] adds that of the trace to problems, so that a client can quote it:
//
//	h = middleware.Chain(
//		otelhttp.NewMiddleware("orders"),
//		otel.Annotate,
//		middleware.RequestID,
//		middleware.AccessLogWith(middleware.AccessLogOptions{Trace: otel.IDs}),
//		middleware.NormalizeWith(middleware.NormalizeOptions{
//			Responder: &respond.Responder{Extend: otel.TraceID},
//		}),
//	)(mux)
//
// Attributes have the names of OpenTelemetry's semantic conventions for HTTP servers.
// The package starts no spans, has no exporter, and sets no attribute that otelhttp
// sets. A file that also imports go.opentelemetry.io/otel has to rename one of the
// two imports.
package otel
