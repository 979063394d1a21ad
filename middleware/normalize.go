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

// Normalize makes every error response of next a problem document (RFC 9457)
// and leaves the others alone. It replaces
//
//   - an error status without a body,
//   - a text/plain error, such as http.Error, ServeMux, FileServer, StripPrefix,
//     MaxBytesHandler and TimeoutHandler write, and an untyped text,
//   - a panic before anything was sent.
//
// The text of a 4xx becomes the detail of the problem; one that is longer than
// MaxText passes as it is. The text of a 5xx is never sent, whatever its length:
// it goes to the log. A JSON object or array that was put through http.Error is
// sent as JSON. A body with another type of its own passes unchanged. What is
// already sent stays as it is: a later panic cuts the response short, so that
// the client notices.
//
// A status code outside 100 to 599 becomes 500. A body that the code forbids
// (204, 205, 304) is dropped. A 2xx to a CONNECT over HTTP/1 becomes 501 unless
// the handler hijacks the connection, since the client sends the bytes of a
// tunnel after it (RFC 9110, section 9.3.6). Errors are JSON, or HTML or XML for a client
// that prefers those; Vary says so.
//
// Put it inside a compressor and outside http.TimeoutHandler. Several in a row
// do no harm. Normalize panics if next is nil.
func Normalize(next http.Handler) http.Handler { return NormalizeWith(NormalizeOptions{})(next) }

// Replacement is an answer to the question what becomes of an error that has a
// body: see [NormalizeOptions].
type Replacement int

const (
	ReplaceUsual Replacement = iota // what Normalize does without being told
	ReplaceYes                      // a problem takes the place of the body
	ReplaceNo                       // the body passes as it is
)

// NormalizeOptions are settings of [NormalizeWith]. The zero value is Normalize
// itself. Functions in it are called by many goroutines at once.
type NormalizeOptions struct {
	// Skip, if it returns true, leaves the response to a request alone, for
	// instance where a proxy passes on the errors of other servers.
	Skip func(*http.Request) bool

	// Strict sends x00 in place of a code of that class which the catalogue
	// does not have. Otherwise such a code keeps its number.
	Strict bool

	// Codes replaces the codes of errors: the handler's code is the key. It
	// may give a code to numbers that are none, which otherwise become 500.
	Codes map[int]int

	// Replace decides for an error with a body what becomes of it, before the
	// first byte. It may look at the header but not change it. Nil is
	// ReplaceUsual for every error. It is not asked about empty errors and codes
	// that were changed, which are always replaced, nor about problems, which
	// never are.
	Replace func(r *http.Request, code int, h http.Header) Replacement

	// Detail returns the detail for a problem that replaces text. An empty
	// string stands for the documented description of the code. Text is what
	// the handler wrote, without surrounding space, at most 1 KiB, valid
	// UTF-8; nothing else is put before Detail. Nil keeps the text of a 4xx
	// only. Mind that texts of a 5xx were seldom written for clients.
	Detail func(r *http.Request, code int, text string) string

	// Challenges are sent with a 401 that has none (RFC 9110, section 15.5.2),
	// such as `Bearer realm="orders"`.
	Challenges []string

	// Upgrade is sent with a 426 that names no protocol (RFC 9110, section
	// 15.5.22). HTTP/2 has no such field.
	Upgrade []string

	// RetryAfter is sent with a 429 and a 503 that do not say when to come
	// back, rounded up to whole seconds. Zero sends nothing.
	RetryAfter time.Duration

	// Fill may add header fields to an error just before it is sent, after
	// the settings above.
	Fill func(r *http.Request, code int, h http.Header)

	// MaxText is how many bytes of an error are held to see whether it is
	// short. Zero means 4096.
	MaxText int

	// Responder writes all problems inside: those that Normalize makes, and
	// those of package respond and of middleware further in that has none of its
	// own. Nil means that of a Normalize further out, or the defaults of package
	// respond.
	Responder *respond.Responder

	// Report is told, after the response, what a developer should know about
	// it: see [Report]. It is not called if there is nothing to tell. Nil
	// writes one record to Logger.
	Report func(*http.Request, Report)

	// Logger is where reports go if Report is nil. Nil means slog.Default(),
	// at the time of the record.
	Logger *slog.Logger
}

// defaultMaxText is enough for any error line. It is the buffer that net/http
// has for a body, too.
const defaultMaxText = 4 << 10

// NormalizeWith is [Normalize] with settings.
//
// NormalizeWith panics if MaxText or RetryAfter is negative, or if Codes
// replaces a code of 100 to 399, or replaces one by what is no final status.
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
		return &normalizer{router{next}, p, scope}
	}
}

// normalizer is the layer of a Normalize.
type normalizer struct {
	router
	policy *policy
	scope  *exchange.Scope
}

func (n *normalizer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.policy.options.Skip != nil && n.policy.options.Skip(r) {
		n.next.ServeHTTP(w, r)
		return
	}
	v := visit{r: r}
	v.enter(w)
	v.undo = v.w.Push(n.scope)
	if v.x.Connect {
		v.w.AwaitTunnel(http.StatusNotImplemented)
	}
	defer n.end(&v)
	n.next.ServeHTTP(v.face, r)
	v.returned = true
}

func (n *normalizer) end(v *visit) {
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
	n.policy.report(v)
	if again != nil {
		panic(again)
	}
}
