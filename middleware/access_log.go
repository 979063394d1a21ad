package middleware

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
)

// AccessLog writes one slog record for each request, after the response. The
// record has the method and path as they came, the request identifier, trace,
// route, status, size and duration, and for a failure the problem type, the cause
// and the panic. It has neither the query nor the client's address, since both
// may be personal data. Inside an AccessLog, package respond and [Normalize] do
// not log failures themselves.
//
// Server errors and panics are logged at level Error, all others at Info. A
// client that left and planned [Maintenance] are not failures.
//
// Put AccessLog outside [Normalize], so that it logs what was sent. AccessLog
// panics if next is nil.
func AccessLog(next http.Handler) http.Handler { return AccessLogWith(AccessLogOptions{})(next) }

// AccessLogOptions are the settings of [AccessLogWith]. The zero value gives the
// behavior of [AccessLog]. The functions must be safe for concurrent use.
type AccessLogOptions struct {
	// Logger receives the records. Nil means slog.Default() at the time of each
	// record.
	Logger *slog.Logger
	// Names is the naming convention of the attributes.
	Names AttrNames
	// Level returns the level of a record. Nil means Error for a server error or a
	// panic, and Info otherwise.
	Level func(*http.Request, Result) slog.Level
	// Skip reports whether to write no record. A failure that is skipped is not
	// logged anywhere else. Nil skips none.
	Skip func(*http.Request, Result) bool
	// Route returns the pattern of the handler, for a router outside that does not
	// set http.Request.Pattern; for a router inside see [Route]. Nil, or an empty
	// result, means Result.Route.
	Route func(*http.Request) string
	// Trace returns the identifiers of the request's trace and span, in
	// hexadecimal. Nil, or an empty result, means those in a valid traceparent
	// header field of the request.
	Trace func(*http.Request) (traceID, spanID string)
	// ClientAddr returns the client's address, such as that of
	// clientip.FromContext. Nil, or an empty result, logs no address.
	ClientAddr func(*http.Request) string
	// Attrs returns further attributes. It must bound the size of what it copies
	// from the request. Nil adds none.
	Attrs func(*http.Request, Result) []slog.Attr
}

// AccessLogWith is [AccessLog] with settings.
func AccessLogWith(o AccessLogOptions) func(http.Handler) http.Handler {
	l := &accessLog{o}
	return func(next http.Handler) http.Handler {
		mustHandler("AccessLog", next)
		return &captureHandler{router{next}, nil, l}
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
			attrs = append(attrs, slog.String("client.address", exchange.Loggable(addr, maxPath)))
		}
	}
	if l.Attrs != nil {
		attrs = append(attrs, l.Attrs(r, *res)...)
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}

func (l *accessLog) level(v *visit, res *Result) slog.Level {
	switch extra := v.x.PeekExtra(); {
	case l.Level != nil:
		return l.Level(v.r, *res)
	case res.Panic != nil:
		return slog.LevelError
	case res.ClientGone, extra != nil && extra.Planned:
		return slog.LevelInfo
	case res.Status >= 500, res.Problem != nil && res.Problem.Status >= 500: // which gRPC sends with 200
		return slog.LevelError
	}
	return slog.LevelInfo
}

// trace returns the identifiers of the request's trace and span, or "".
func (l *accessLog) trace(v *visit) (trace, span string) {
	if l.Trace != nil {
		if trace, span = l.Trace(v.r); trace != "" {
			return exchange.Loggable(trace, maxID), exchange.Loggable(span, maxID)
		}
	}
	return traceOf(v.x.Request)
}

// causeText returns the message of err followed by the causes of the problems in
// its chain, since the message of a problem does not include its cause. It does
// not repeat the status and the detail, which the record has anyway.
func causeText(err error) string {
	text := ""
	for range 8 {
		var d *problem.Details
		if !errors.As(err, &d) || d.Unwrap() == nil {
			break
		}
		if err != error(d) || d.IsRemote() {
			text += exchange.Loggable(err.Error(), maxCause) + ": "
		}
		err = d.Unwrap()
	}
	return text + err.Error()
}

// maxCause is how many bytes of an error message are logged.
const maxCause = 1 << 10

// traceOf returns the identifiers of the trace and the parent span in a valid
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
