package otel

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// Annotate is a middleware that adds these to the current span of each request when
// the response has been sent, and the attributes also to the metrics of otelhttp:
//
//   - The attribute http.route, which also becomes part of the name of the span, such
//     as "GET /orders/{id}". It is the Route of [middleware.Result]; for routers that
//     do not set http.Request.Pattern, middleware.Route sets it.
//   - The attribute error.type, if the server failed: if the status is 500 or more,
//     even if gRPC sends it as 200; if the response was cut short; or if the handler
//     returned an error after the response had begun. Its value is the type of the
//     problem, or otherwise the status code. A 4xx is not a failure of the server.
//   - An event "exception" with the cause of the failure, or with the panic.
//
// If the client has left, a 5xx gets the error.type "client_gone", and no event. The
// message of an error is truncated to 1 KiB.
//
// Put Annotate directly inside otelhttp. Without a recording span it adds only the
// attributes of the metrics. Annotate panics if next is nil.
func Annotate(next http.Handler) http.Handler { return AnnotateWith(AnnotateOptions{})(next) }

// AnnotateOptions are settings of [AnnotateWith]. The zero value is Annotate itself.
type AnnotateOptions struct {
	// Attrs returns more attributes for the span. It may be called concurrently.
	// It has to bound the values that it derives from the request.
	Attrs func(*http.Request, middleware.Result) []attribute.KeyValue
}

// AnnotateWith is [Annotate] with settings.
func AnnotateWith(o AnnotateOptions) func(http.Handler) http.Handler {
	return middleware.Capture(func(r *http.Request, res middleware.Result) {
		route, failure := routeOf(res.Route), errorType(res)
		var attrs []attribute.KeyValue
		if route != "" {
			attrs = append(attrs, semconv.HTTPRoute(route))
		}
		if failure != "" {
			attrs = append(attrs, semconv.ErrorTypeKey.String(failure))
		}
		if labeler, ok := otelhttp.LabelerFromContext(r.Context()); ok {
			labeler.Add(attrs...)
		}
		span := trace.SpanFromContext(r.Context())
		if !span.IsRecording() {
			return
		}
		if route != "" {
			span.SetName(methodOf(r.Method) + " " + route)
		}
		if failure != "" && !res.ClientGone {
			span.SetStatus(codes.Error, "") // otelhttp sets it only by the status code
			addException(span, res)
		}
		if o.Attrs != nil {
			attrs = append(attrs, o.Attrs(r, res)...)
		}
		span.SetAttributes(attrs...)
	})
}

// routeOf returns the path of a pattern, which may begin with a method and a host.
func routeOf(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return strings.ToValidUTF8(pattern[i:], "\uFFFD")
	}
	return ""
}

// methodOf returns the method for the name of a span: "HTTP" for an unknown one, so
// that clients cannot multiply the names.
func methodOf(method string) string {
	switch method {
	case http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
		http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace, "QUERY":
		return method
	}
	return "HTTP"
}
