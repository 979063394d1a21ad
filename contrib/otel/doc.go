// Package otel completes the spans and metrics of OpenTelemetry with what the
// toolkit knows of a request: its route, which problem was sent, and why.
//
// Start with [Annotate], inside otelhttp, whose span and metrics they are. [IDs]
// gives the ids of the span to the access log, and [TraceID] that of the trace to
// the problems, so that a client can name it:
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
// The names are those of OpenTelemetry's semantic conventions for HTTP servers.
// The package starts no span, has no exporter, and sets nothing that otelhttp
// sets. Import it under a name of its own where go.opentelemetry.io/otel is
// imported too.
package otel
