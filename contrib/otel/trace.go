package otel

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"github.com/rejoinder-go/rejoinder/problem"
)

// IDs returns the ids of the trace and of the span that is current in the
// context of r, in hexadecimal, or "" if there is none. It suits
// middleware.AccessLogOptions.Trace: the record of a request then has the span
// of this server, where it otherwise names that of the client.
func IDs(r *http.Request) (traceID, spanID string) {
	span := trace.SpanContextFromContext(r.Context())
	if !span.IsValid() {
		return "", ""
	}
	return span.TraceID().String(), span.SpanID().String()
}

// TraceID adds the extension "trace_id" to a problem, in hexadecimal, so that a
// client can name the trace to those who can look into it. It suits
// respond.Responder.Extend. Without a span it adds nothing.
func TraceID(r *http.Request, _ *problem.Details) []problem.Option {
	id, _ := IDs(r)
	if id == "" {
		return nil
	}
	return []problem.Option{problem.Extension("trace_id", id)}
}
