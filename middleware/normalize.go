package middleware

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
)

// Normalize makes every error answer of next a problem document (RFC 9457)
// and leaves the others alone. It replaces
//
//   - an error status without content,
//   - what http.Error writes: text/plain with nosniff. ServeMux's own 404 and
//     405, FileServer, StripPrefix, MaxBytesHandler and TimeoutHandler answer
//     that way or a similar one,
//   - a short text without a Content-Type beside an error status,
//   - a panic before anything was sent.
//
// The text of a 4xx becomes the detail of the problem. That of a 5xx is never
// sent: it goes to the log. A JSON object or array that was put through
// http.Error is no text; it is sent as JSON. Content with a type of its own passes unchanged,
// and so does a long text. What is already sent stays as it is: a later panic
// cuts the answer short, so that the client notices.
//
// A status code outside 100 to 599 becomes 500. Content that the code forbids
// (204, 205, 304) is dropped. Errors are JSON, or HTML or XML for a client
// that prefers those; Vary says so.
//
// Put it inside a compressor and outside http.TimeoutHandler. Several in a row
// do no harm.
func Normalize(next http.Handler) http.Handler { return Normalizer{}.Wrap(next) }

// Normalizer is [Normalize] with settings. The zero value is Normalize itself.
// Functions in it are called by many goroutines at once.
type Normalizer struct {
	// Skip, if it returns true, leaves the answer to a request alone, for
	// instance where a proxy passes on the errors of other servers.
	Skip func(*http.Request) bool

	// Strict sends x00 in place of a code of that class which the catalogue
	// does not have. Otherwise such a code keeps its number.
	Strict bool

	// Codes replaces the codes of errors: the handler's code is the key. It
	// may give a code to numbers that are none, which otherwise become 500.
	Codes map[int]int

	// Replace decides for an error with content what becomes of it, before
	// the first byte: true replaces it by a problem. It may look at the header
	// but not change it. Nil replaces what the documentation of Normalize
	// lists. It is not asked about empty errors and codes that were changed,
	// which are always replaced, nor about problems, which never are.
	Replace func(r *http.Request, code int, h http.Header) bool

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
	// short; a longer one passes. Zero means 4096.
	MaxText int

	// Responder writes the problems. Nil means the defaults of package
	// respond.
	Responder *respond.Responder

	// Report is told, after the answer, what a developer should know about
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

// Wrap returns a handler that normalizes the answers of next.
//
// Panics if next is nil, if MaxText or RetryAfter is negative, or if Codes
// replaces a code of 100 to 399, or replaces one by what is no final status.
func (n Normalizer) Wrap(next http.Handler) http.Handler {
	mustHandler("Normalize", next)
	for from, to := range n.Codes {
		if from >= 100 && from < 400 {
			panic(fmt.Sprintf("middleware: Normalizer.Codes: %d is no error", from))
		}
		if to < 200 || to > 599 {
			panic(fmt.Sprintf("middleware: Normalizer.Codes: %d (for %d) is no final status code", to, from))
		}
	}
	if n.MaxText < 0 {
		panic(fmt.Sprintf("middleware: Normalizer.MaxText: %d is negative", n.MaxText))
	}
	if n.RetryAfter < 0 {
		panic(fmt.Sprintf("middleware: Normalizer.RetryAfter: %v is negative", n.RetryAfter))
	}
	if n.MaxText == 0 {
		n.MaxText = defaultMaxText
	}
	n.Codes = maps.Clone(n.Codes)
	n.Challenges = slices.Clone(n.Challenges)
	n.Upgrade = slices.Clone(n.Upgrade)
	return &normalizer{Normalizer: n, next: next}
}

// normalizer is a Normalizer at work.
type normalizer struct {
	Normalizer
	next   http.Handler
	habits habits
}

func (n *normalizer) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if n.Skip != nil && n.Skip(r) {
		n.next.ServeHTTP(rw, r)
		return
	}
	w, face, r, owner := enter(rw, r)
	around := w.norm
	w.norm = n
	returned := false
	defer func() {
		var again any // the value to go on panicking with
		if !returned {
			again = w.caught(recover(), n.Responder)
		}
		w.settle()
		if returned {
			w.checkLength()
		}
		w.norm = around
		if owner {
			w.close()
		}
		n.report(w, r)
		if again != nil {
			panic(again)
		}
	}()
	n.next.ServeHTTP(face, r)
	returned = true
}
