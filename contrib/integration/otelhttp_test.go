package integration_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// Otelhttp is the outermost layer: its span has the status that the client receives, the
// route, and the duration of all layers. The record has the trace.
func TestOTelHTTPIsOutsideTheChain(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	s := inside(t, func(chain middlewareFunc) http.Handler {
		m := http.NewServeMux()
		m.HandleFunc("GET /orders/{id}", order)
		m.HandleFunc("GET /panics", panics)
		m.Handle("GET /fails", fails)
		m.HandleFunc("GET /ws", coderEcho)
		h := chain(middleware.RequestID(m)) // an inner layer that copies the request
		return otelhttp.NewHandler(h, "server", otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(propagation.TraceContext{}))
	})
	for _, c := range []struct {
		path, route string
		code        int
		failed      bool
		reason      string
	}{
		{"/orders/7", "/orders/{id}", 200, false, "a success"},
		{"/nowhere", "", 404, false, "the client's mistake"},
		{"/panics", "/panics", 500, true, "a panic, which Normalize has made a response of"},
		{"/fails", "/fails", 500, true, "an error that was returned"},
	} {
		for _, proto := range protocols {
			spans.Reset()
			e := s.do(proto, "GET", c.path, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			assert.Equal(t, c.code, e.StatusCode, c.reason)
			assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", e.record["trace_id"])
			span := ended(t, spans)
			assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.SpanContext().TraceID().String())
			attrs := attribute.NewSet(span.Attributes()...)
			status, _ := attrs.Value("http.response.status_code")
			assert.EqualValues(t, c.code, status.AsInt64(), c.reason)
			assert.Equal(t, c.failed, span.Status().Code == codes.Error, c.reason)
			assert.NotContains(t, span.Status().Description, "secret")
			if c.route != "" {
				assert.Equal(t, "GET "+c.route, span.Name(), c.reason)
			}
		}
	}
}

// ended waits for the span of a request whose response the client has received.
func ended(t *testing.T, spans *tracetest.SpanRecorder) sdktrace.ReadOnlySpan {
	t.Helper()
	var span sdktrace.ReadOnlySpan
	require.Eventually(t, func() bool {
		for _, s := range spans.Ended() {
			if s.SpanKind() == trace.SpanKindServer {
				span = s
			}
		}
		return span != nil
	}, 10e9, 1e6)
	return span
}
