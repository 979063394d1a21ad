package otel

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"github.com/rejoinder-go/rejoinder/problem"
)

// IDs returns the ids of the trace and of the current span in the context of r, in
// hexadecimal, or "" if there is no span. It suits middleware.AccessLogOptions.Trace:
// the log record then has the span of this server instead of that of the client.
func IDs(r *http.Request) (traceID, spanID string) {
	span := trace.SpanContextFromContext(r.Context())
	if !span.IsValid() {
		return "", ""
	}
	return span.TraceID().String(), span.SpanID().String()
}

// TraceID returns an option that adds the extension "trace_id" to a problem, the id of
// the trace in hexadecimal, so that a client can quote it to the operators of the
// service. It suits respond.Responder.Extend. Without a span it returns no option.
func TraceID(r *http.Request, _ *problem.Details) []problem.Option {
	id, _ := IDs(r)
	if id == "" {
		return nil
	}
	return []problem.Option{problem.Extension("trace_id", id)}
}
