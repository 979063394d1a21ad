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

// Annotate describes each request on the span that is current around it, and on
// the metrics of otelhttp, once the response is final:
//
//   - http.route, and with it the name of the span: "GET /orders/{id}". The route
//     is [middleware.Result]'s, so that middleware.Route tells it for routers
//     that do not use http.Request.Pattern.
//   - error.type, for what is an error of a server: a status from 500 on, also
//     one that is sent as gRPC's; a response that was cut short; an error after
//     the response had begun. It is the type of the problem, or the status code.
//     A 4xx is not an error of a server and has none.
//   - an event "exception" with the cause of such an error, or the panic.
//
// Where the client has left, a 5xx has the error.type "client_gone" and no
// exception. What comes from errors is cut to 1 KiB each.
//
// Put it directly inside otelhttp. Without a span that records it does no more
// than [middleware.Capture]. Annotate panics if next is nil.
func Annotate(next http.Handler) http.Handler { return AnnotateWith(AnnotateOptions{})(next) }

// AnnotateOptions are settings of [AnnotateWith]. The zero value is Annotate
// itself. Functions in it are called by many goroutines at once.
type AnnotateOptions struct {
	// Attrs returns further attributes of the span. It has to bound what it
	// takes from the request.
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
			span.SetStatus(codes.Error, "") // which otelhttp does by the status code
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

// methodOf returns the method for the name of a span: "HTTP" for one that a
// client made up.
func methodOf(method string) string {
	switch method {
	case http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
		http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace, "QUERY":
		return method
	}
	return "HTTP"
}
