package middleware

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Normalize turns every error response of next into a problem document (RFC 9457)
// and leaves the other responses alone. It replaces
//
//   - an error status without a body,
//   - a text/plain error, such as http.Error, ServeMux, FileServer, StripPrefix,
//     MaxBytesHandler and TimeoutHandler write, and text without a Content-Type,
//   - a panic before anything was sent.
//
// The text of a 4xx becomes the detail of the problem, unless it is longer than
// MaxText: then it passes through unchanged. The text of a 5xx goes to the log and
// is never sent. A JSON object or array written through http.Error is sent as JSON
// if the status is a 4xx. A body with another Content-Type passes through
// unchanged. What was already sent cannot change: a later panic cuts the response
// short, so that the client notices.
//
// A status code outside 100 to 599 becomes 500. A body that the status forbids
// (204, 205, 304) is dropped. A 2xx to a CONNECT over HTTP/1 becomes 501 unless
// the handler hijacks the connection, since the client would send the bytes of a
// tunnel after it (RFC 9110, section 9.3.6). Problems are JSON, or HTML or XML for
// a client that prefers those, with a matching Vary.
//
// Put Normalize inside a compressor and outside http.TimeoutHandler. It may be
// applied more than once. Normalize panics if next is nil.
func Normalize(next http.Handler) http.Handler { return NormalizeWith(NormalizeOptions{})(next) }

// Replacement is the result of [NormalizeOptions].Replace: what becomes of an
// error that has a body.
type Replacement int

const (
	ReplaceUsual Replacement = iota // as Normalize does by default
	ReplaceYes                      // a problem replaces the body
	ReplaceNo                       // the body passes through
)

// NormalizeOptions are the settings of [NormalizeWith]. The zero value gives the
// behavior of [Normalize]. The functions must be safe for concurrent use.
type NormalizeOptions struct {
	// Skip reports whether to leave the response to a request alone, for instance
	// where a proxy forwards the errors of other servers. Nil skips none.
	Skip func(*http.Request) bool

	// Strict replaces a code that the catalogue does not have with the x00 of its
	// class. Otherwise such a code is sent as it is.
	Strict bool

	// Codes maps an error code of the handler to the code to send. It may have
	// keys outside 100 to 599, which otherwise become 500.
	Codes map[int]int

	// Replace decides what becomes of an error with a body, before its first byte.
	// It must not change the header. Nil means ReplaceUsual for every error.
	// Replace is not called for an error that is always replaced, since it is
	// empty or its code was changed, nor for a problem, which never is.
	Replace func(r *http.Request, code int, h http.Header) Replacement

	// Detail returns the detail of a problem that replaces text. An empty result
	// means the documented description of the code. Text is what the handler
	// wrote, without surrounding white space, at most 1 KiB of printable UTF-8; for
	// any other text Detail is not called. Nil uses the text of a 4xx, and the
	// description for a 5xx. Beware: the text of a 5xx is seldom meant for clients.
	Detail func(r *http.Request, code int, text string) string

	// Challenges is added as WWW-Authenticate to a 401 that has none (RFC 9110,
	// section 15.5.2). An example is `Bearer realm="orders"`.
	Challenges []string

	// Upgrade is added to a 426 without an Upgrade header field (RFC 9110, section
	// 15.5.22). HTTP/2 has no such field.
	Upgrade []string

	// RetryAfter is added to a 429 or a 503 without Retry-After, rounded up to
	// whole seconds. Zero adds nothing.
	RetryAfter time.Duration

	// Fill may add header fields to an error just before it is sent, after the
	// settings above. Nil adds none.
	Fill func(r *http.Request, code int, h http.Header)

	// MaxText is the number of bytes of a plain text error that are held. A longer
	// text passes through for a 4xx, and is dropped for a 5xx. Zero means 4096.
	MaxText int

	// Responder writes all problems inside: those of Normalize, of package
	// respond, and of inner middleware that has no Responder of its own. Nil means
	// that of an outer Normalize, or the defaults of package respond.
	Responder *respond.Responder

	// Report is called after a response about which a developer should know
	// something; see [Report]. Nil writes one record to Logger.
	Report func(*http.Request, Report)

	// Logger receives the records if Report is nil. Nil means slog.Default() at
	// the time of the record.
	Logger *slog.Logger
}

// defaultMaxText is enough for any error line, and as large as net/http's own
// buffer of a body.
const defaultMaxText = 4 << 10

// NormalizeWith is [Normalize] with settings.
//
// NormalizeWith panics if MaxText or RetryAfter is negative, and if Codes has a key
// from 100 to 399 or a value that is not a final status code.
func NormalizeWith(o NormalizeOptions) func(http.Handler) http.Handler {
	for from, to := range o.Codes {
		if from >= 100 && from < 400 {
			panic(fmt.Sprintf("middleware: NormalizeOptions.Codes: %d is not an error", from))
		}
		if to < 200 || to > 599 {
			panic(fmt.Sprintf("middleware: NormalizeOptions.Codes: %d (for %d) is not a final status code", to, from))
		}
	}
	if o.MaxText < 0 {
		panic(fmt.Sprintf("middleware: NormalizeOptions.MaxText: %d is negative", o.MaxText))
	}
	if o.RetryAfter < 0 {
		panic(fmt.Sprintf("middleware: NormalizeOptions.RetryAfter: %v is negative", o.RetryAfter))
	}
	if o.MaxText == 0 {
		o.MaxText = defaultMaxText
	}
	o.Codes = maps.Clone(o.Codes)
	o.Challenges = slices.Clone(o.Challenges)
	o.Upgrade = slices.Clone(o.Upgrade)
	p := &policy{options: o}
	scope := &exchange.Scope{Policy: p}
	if o.Responder != nil {
		scope.Responder = o.Responder
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Normalize", next)
		return &normalizeHandler{router{next}, p, scope}
	}
}

// normalizeHandler is the layer of a Normalize.
type normalizeHandler struct {
	router
	policy *policy
	scope  *exchange.Scope
}

func (h *normalizeHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.policy.options.Skip != nil && h.policy.options.Skip(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	v := visit{r: r}
	v.enter(w)
	v.name()
	v.undo = v.w.Push(h.scope)
	if v.x.Connect {
		v.w.AwaitTunnel(http.StatusNotImplemented)
	}
	defer h.end(&v)
	h.next.ServeHTTP(v.face, r)
	v.finish()
}

func (h *normalizeHandler) end(v *visit) {
	var again any
	if !v.returned {
		v.panicked = recover()
		again = v.recovered(func(w http.ResponseWriter) { respond.Error(w, http.StatusInternalServerError) })
	}
	v.w.Settle()
	if v.returned {
		checkLength(v.w)
	}
	v.w.Pop(v.undo)
	v.leave()
	h.policy.report(v)
	if again != nil {
		panic(again)
	}
}
