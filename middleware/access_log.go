package middleware

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// AccessLog writes one slog record for each request, after the response: method
// and path as they came, request id, trace, route, status, size, duration, and
// for a failure its problem type, cause and panic. It logs neither query nor
// address, which may be personal. Package respond and [Normalize] leave the
// failures of the requests inside to this record.
//
// Server errors and panics have level Error, the others Info. A client that left
// and planned [Maintenance] are not failures.
//
// Put it outside [Normalize], so that it tells what was sent. AccessLog panics if
// next is nil.
func AccessLog(next http.Handler) http.Handler { return AccessLogWith(AccessLogOptions{})(next) }

// AccessLogOptions are settings of [AccessLogWith]. The zero value is AccessLog
// itself. Functions in it are called by many goroutines at once.
type AccessLogOptions struct {
	// Logger gets the records. Nil means slog.Default(), at the time of the
	// record.
	Logger *slog.Logger
	// Names says how the attributes are called.
	Names AttrNames
	// Level chooses the level. Nil means Error for a server error or a panic,
	// and Info otherwise.
	Level func(*http.Request, Result) slog.Level
	// Skip, if it returns true, leaves a request out, also one that failed: no
	// other record tells of the failure.
	Skip func(*http.Request, Result) bool
	// Route returns the pattern of the handler where the router does not leave
	// it in http.Request.Pattern and the request here can tell; see [Route] for
	// a router further in. Nil, or an empty result, means Result.Route.
	Route func(*http.Request) string
	// Trace returns the ids of the trace and of the span that the request is part
	// of, in hexadecimal. Nil, or an empty result, takes those that the client
	// names in a valid traceparent header field.
	Trace func(*http.Request) (traceID, spanID string)
	// ClientAddr returns the address of the client, such as
	// clientip.FromContext gives it. Nil, or an empty result, logs none.
	ClientAddr func(*http.Request) string
	// Attrs adds attributes. It has to bound what it takes from the request.
	Attrs func(*http.Request, Result) []slog.Attr
}

// AttrNames is a convention for the names of log attributes.
type AttrNames int

const (
	// AttrsOTel are the names of OpenTelemetry's conventions for HTTP, such as
	// http.request.method and http.response.status_code. The duration is in
	// seconds, and the route is the path of the pattern.
	AttrsOTel AttrNames = iota
	// AttrsShort are short names, such as method and status.
	AttrsShort
	// AttrsGCP are those of Google Cloud Logging: the group httpRequest, and the
	// trace fields with the prefix logging.googleapis.com.
	AttrsGCP
	// AttrsECS are those of the Elastic Common Schema. The duration is in
	// nanoseconds.
	AttrsECS
)

// AccessLogWith is [AccessLog] with settings.
func AccessLogWith(o AccessLogOptions) func(http.Handler) http.Handler {
	l := &accessLog{o}
	return func(next http.Handler) http.Handler {
		mustHandler("AccessLog", next)
		return &capture{router{next}, nil, l}
	}
}

type accessLog struct{ AccessLogOptions }

func (l *accessLog) record(v *visit, res *Result) {
	r := v.r
	if l.Route != nil {
		if route := l.Route(r); route != "" {
			res.Route = route
		}
	}
	if l.Skip != nil && l.Skip(r, *res) {
		return
	}
	logger := l.Logger
	if logger == nil {
		logger = slog.Default()
	}
	ctx, level := v.x.Current.Context(), l.level(v, res)
	if !logger.Enabled(ctx, level) {
		return
	}
	var room [24]slog.Attr
	attrs := l.Names.appendAttrs(room[:0], v, res)
	if trace, span := l.trace(v); trace != "" {
		name := l.Names.names()
		attrs = append(attrs, slog.String(name.trace, trace), slog.String(name.span, span))
	}
	attrs = l.Names.appendOutcome(attrs, v, res)
	if l.ClientAddr != nil {
		if addr := l.ClientAddr(r); addr != "" {
			attrs = append(attrs, slog.String("client.address", cut(addr, maxPath)))
		}
	}
	if l.Attrs != nil {
		attrs = append(attrs, l.Attrs(r, *res)...)
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}

func (l *accessLog) level(v *visit, res *Result) slog.Level {
	switch m := v.x.Peek(); {
	case l.Level != nil:
		return l.Level(v.r, *res)
	case res.Panic != nil:
		return slog.LevelError
	case res.ClientGone, m != nil && m.Planned:
		return slog.LevelInfo
	case res.Status >= 500, res.Problem != nil && res.Problem.Status >= 500: // which gRPC sends with 200
		return slog.LevelError
	}
	return slog.LevelInfo
}

// trace returns the ids of the trace and the span of a request, or "".
func (l *accessLog) trace(v *visit) (trace, span string) {
	if l.Trace != nil {
		if trace, span = l.Trace(v.r); trace != "" {
			return cut(trace, maxID), cut(span, maxID)
		}
	}
	return traceOf(v.x.Request)
}

// names has what a convention calls the attributes of a record.
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

// gcpNames has only what stands beside the group httpRequest.
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

// appendAttrs appends what every record has. The caller has the room for it, so
// that it need not be on the heap.
func (n AttrNames) appendAttrs(attrs []slog.Attr, v *visit, res *Result) []slog.Attr {
	name := n.names()
	method, path := slog.StringValue(cut(v.method, maxMethod)), slog.StringValue(cut(v.path, maxPath))
	if n == AttrsGCP {
		attrs = append(attrs, slog.Attr{Key: "httpRequest", Value: googleRequest(method, path, res)})
	} else {
		attrs = append(attrs, slog.Attr{Key: name.method, Value: method}, slog.Attr{Key: name.path, Value: path})
	}
	if id := RequestIDFrom(v.x.Current.Context()); id != "" {
		attrs = append(attrs, slog.String(name.id, id))
	}
	if res.Route != "" {
		route := res.Route
		if name.route == routeOfHTTP {
			route = pathOf(route)
		}
		attrs = append(attrs, slog.String(name.route, cut(route, maxPath)))
	}
	if n != AttrsGCP {
		attrs = append(attrs, slog.Int(name.status, res.Status), slog.Int64(name.bytes, res.Bytes),
			slog.Attr{Key: name.duration, Value: name.took(res.Duration)})
	}
	return attrs
}

// googleRequest returns what Cloud Logging calls an HttpRequest.
func googleRequest(method, path slog.Value, res *Result) slog.Value {
	return slog.GroupValue(
		slog.Attr{Key: "requestMethod", Value: method},
		slog.Attr{Key: "requestUrl", Value: path},
		slog.Int("status", res.Status),
		slog.String("responseSize", strconv.FormatInt(res.Bytes, 10)),
		slog.String("latency", strconv.FormatFloat(res.Duration.Seconds(), 'f', 9, 64)+"s"),
	)
}

// appendOutcome appends what was unusual, and why a request failed.
func (n AttrNames) appendOutcome(attrs []slog.Attr, v *visit, res *Result) []slog.Attr {
	for _, flag := range [...]struct {
		name string
		on   bool
	}{{"hijacked", res.Hijacked}, {"aborted", res.Aborted}, {"client_gone", res.ClientGone}, {"panicked", res.Panic != nil}} {
		if flag.on {
			attrs = append(attrs, slog.Bool(flag.name, true))
		}
	}
	name, m := n.names(), v.x.Peek()
	if res.Status >= 400 || res.Problem != nil {
		attrs = append(attrs, slog.String(name.problem, errorType(res)))
	}
	switch {
	case res.Panic != nil:
		attrs = append(attrs, slog.String(name.message, panicText(res.Panic)))
		if m != nil && len(m.Stack) > 0 {
			attrs = append(attrs, slog.String(name.stack, string(m.Stack)))
		}
	case res.Err != nil:
		attrs = append(attrs, slog.String(name.message, cut(causeText(res.Err), maxCause)))
	case m != nil && m.Withheld != "":
		attrs = append(attrs, slog.String(name.message, m.Withheld))
	}
	if res.WriteErr != nil {
		attrs = append(attrs, slog.String("write_error", cut(res.WriteErr.Error(), maxPath)))
	}
	return attrs
}

// causeText returns the message of an error with the causes of the problems in
// it, which the messages of these leave out. What the record has anyway, the
// status and the words for the client, is not repeated.
func causeText(err error) string {
	text := ""
	for range 8 {
		var d *problem.Details
		if !errors.As(err, &d) || d.Unwrap() == nil {
			break
		}
		if err != error(d) || d.IsRemote() {
			text += cut(err.Error(), maxCause) + ": "
		}
		err = d.Unwrap()
	}
	return text + err.Error()
}

// maxCause is how much of the message of an error is logged, in bytes.
const maxCause = 1 << 10

// errorType returns the type of the problem that was sent, or the status code:
// error.type of OpenTelemetry's conventions has few values.
func errorType(res *Result) string {
	switch d := res.Problem; {
	case d == nil:
		return strconv.Itoa(res.Status)
	case d.Type == "" || d.Type == problem.BlankType:
		return strconv.Itoa(d.Status)
	default:
		return cut(d.Type, maxPath)
	}
}

// traceOf returns the trace and the parent span that a request names in a valid
// traceparent header field (W3C Trace Context, section 3.2), or "".
func traceOf(r *http.Request) (trace, span string) {
	values := r.Header["Traceparent"]
	if len(values) != 1 {
		return "", ""
	}
	v := values[0]
	if len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return "", ""
	}
	version, trace, span := v[:2], v[3:35], v[36:52]
	switch {
	case version == "ff", version == "00" && len(v) != 55, len(v) > 55 && v[55] != '-':
		return "", ""
	case !isLowerHex(version), !isLowerHex(trace), !isLowerHex(span), !isLowerHex(v[53:55]):
		return "", ""
	case strings.Trim(trace, "0") == "", strings.Trim(span, "0") == "":
		return "", ""
	}
	return trace, span
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
