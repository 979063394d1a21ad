package otel_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	rejoinderotel "github.com/rejoinder-go/rejoinder/contrib/otel"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Otelhttp is the outermost layer and makes the span. Annotate stands directly inside
// it, so that it sees the response of all other layers. The records of AccessLog have
// the ids of the trace and the span, and the problems of Normalize that of the trace.
func Example() {
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return errors.New("pq: connection refused")
	}))
	spans := tracetest.NewSpanRecorder() // a service has an exporter
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	h := middleware.Chain(
		otelhttp.NewMiddleware("orders", otelhttp.WithTracerProvider(provider)),
		rejoinderotel.Annotate,
		middleware.RequestID,
		middleware.AccessLogWith(middleware.AccessLogOptions{Trace: rejoinderotel.IDs, Logger: quiet}),
		middleware.NormalizeWith(middleware.NormalizeOptions{
			Responder: &respond.Responder{Extend: rejoinderotel.TraceID},
		}),
	)(mux)

	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders/7", nil))
	span := spans.Ended()[0]
	fmt.Println(span.Name(), span.Status().Code)
	for _, a := range span.Attributes() {
		if a.Key == "http.route" || a.Key == "error.type" {
			fmt.Println(a.Key, a.Value.String())
		}
	}
	for _, event := range span.Events() {
		fmt.Println(event.Name, event.Attributes[1].Value.String())
	}
	// Output:
	// GET /orders/{id} Error
	// http.route /orders/{id}
	// error.type 500
	// exception pq: connection refused
}
