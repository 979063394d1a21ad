package middleware

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
)

// AttrNames is a naming convention of log attributes.
type AttrNames int

const (
	// AttrsOTel is the convention of OpenTelemetry for HTTP, such as
	// http.request.method and http.response.status_code. The duration is in
	// seconds, and the route is the path of the pattern.
	AttrsOTel AttrNames = iota
	// AttrsShort uses short names, such as method and status.
	AttrsShort
	// AttrsGCP is the convention of Google Cloud Logging: the group httpRequest,
	// and trace fields with the prefix logging.googleapis.com.
	AttrsGCP
	// AttrsECS is the Elastic Common Schema. The duration is in nanoseconds.
	AttrsECS
)

// names are the attribute names of a convention.
type names struct {
	method, path, id, route, status, bytes, duration, trace, span, problem, message, stack string

	took func(time.Duration) slog.Value
}

// routeOfHTTP is the name of a route that is the path of a pattern only.
const routeOfHTTP = "http.route"

// pathOf returns the path of a pattern, which may begin with a method and a host.
func pathOf(pattern string) string {
	return pattern[max(strings.IndexByte(pattern, '/'), 0):]
}

var otelNames = names{
	"http.request.method", "url.path", "http.request.id", routeOfHTTP, "http.response.status_code", "http.response.body.size",
	"http.server.request.duration", "trace_id", "span_id", "error.type", "exception.message", "exception.stacktrace",
	func(d time.Duration) slog.Value { return slog.Float64Value(d.Seconds()) },
}

var shortNames = names{
	"method", "path", "request_id", "route", "status", "bytes", "duration", "trace_id", "span_id", "problem", "error", "stack",
	slog.DurationValue,
}

var ecsNames = names{
	"http.request.method", "url.path", "http.request.id", routeOfHTTP, "http.response.status_code", "http.response.body.bytes",
	"event.duration", "trace.id", "span.id", "error.type", "error.message", "error.stack_trace",
	func(d time.Duration) slog.Value { return slog.Int64Value(d.Nanoseconds()) },
}

// gcpNames are the attributes beside the group httpRequest.
var gcpNames = names{
	id: "request_id", route: "route", trace: "logging.googleapis.com/trace", span: "logging.googleapis.com/spanId",
	problem: "problem", message: "error", stack: "stack_trace",
}

func (n AttrNames) names() *names {
	switch n {
	case AttrsShort:
		return &shortNames
	case AttrsGCP:
		return &gcpNames
	case AttrsECS:
		return &ecsNames
	}
	return &otelNames
}

// appendAttrs appends the attributes of every record. The caller provides the
// array, which stays off the heap that way.
func (n AttrNames) appendAttrs(attrs []slog.Attr, v *visit, res *Result) []slog.Attr {
	name := n.names()
	method, path := slog.StringValue(exchange.Loggable(v.method, maxMethod)), slog.StringValue(exchange.Loggable(v.path, maxPath))
	if n == AttrsGCP {
		attrs = append(attrs, slog.Attr{Key: "httpRequest", Value: googleRequest(method, path, res)})
	} else {
		attrs = append(attrs, slog.Attr{Key: name.method, Value: method}, slog.Attr{Key: name.path, Value: path})
	}
	if id := RequestIDFrom(v.x.Current.Context()); id != "" {
		attrs = append(attrs, slog.String(name.id, exchange.Loggable(id, maxPath)))
	}
	if res.Route != "" {
		route := res.Route
		if name.route == routeOfHTTP {
			route = pathOf(route)
		}
		attrs = append(attrs, slog.String(name.route, exchange.Loggable(route, maxPath)))
	}
	if n != AttrsGCP {
		attrs = append(attrs, slog.Int(name.status, res.Status), slog.Int64(name.bytes, res.Bytes),
			slog.Attr{Key: name.duration, Value: name.took(res.Duration)})
	}
	return attrs
}

// googleRequest returns the HttpRequest group of Cloud Logging.
func googleRequest(method, path slog.Value, res *Result) slog.Value {
	return slog.GroupValue(
		slog.Attr{Key: "requestMethod", Value: method},
		slog.Attr{Key: "requestUrl", Value: path},
		slog.Int("status", res.Status),
		slog.String("responseSize", strconv.FormatInt(res.Bytes, 10)),
		slog.String("latency", strconv.FormatFloat(res.Duration.Seconds(), 'f', 9, 64)+"s"),
	)
}

// appendOutcome appends what was unusual about the response, and why a request
// failed.
func (n AttrNames) appendOutcome(attrs []slog.Attr, v *visit, res *Result) []slog.Attr {
	for _, flag := range [...]struct {
		name string
		on   bool
	}{{"hijacked", res.Hijacked}, {"aborted", res.Aborted}, {"client_gone", res.ClientGone}, {"panicked", res.Panic != nil}} {
		if flag.on {
			attrs = append(attrs, slog.Bool(flag.name, true))
		}
	}
	name, extra := n.names(), v.x.PeekExtra()
	if res.Status >= 400 || res.Problem != nil {
		attrs = append(attrs, slog.String(name.problem, errorType(res)))
	}
	switch {
	case res.Panic != nil:
		attrs = append(attrs, slog.String(name.message, panicText(res.Panic)))
		if extra != nil && len(extra.Stack) > 0 {
			attrs = append(attrs, slog.String(name.stack, string(extra.Stack)))
		}
	case res.Err != nil:
		attrs = append(attrs, slog.String(name.message, exchange.Loggable(causeText(res.Err), maxCause)))
	case extra != nil && extra.Withheld != "":
		attrs = append(attrs, slog.String(name.message, exchange.Loggable(extra.Withheld, maxCause)))
	}
	if res.WriteErr != nil {
		attrs = append(attrs, slog.String("write_error", exchange.Loggable(res.WriteErr.Error(), maxPath)))
	}
	return attrs
}

// errorType returns the type of the problem that was sent, or the status code.
// OpenTelemetry's error.type must have few values.
func errorType(res *Result) string {
	switch d := res.Problem; {
	case d == nil:
		return strconv.Itoa(res.Status)
	case d.Type == "" || d.Type == problem.BlankType:
		return strconv.Itoa(d.Status)
	default:
		return exchange.Loggable(d.Type, maxPath)
	}
}
