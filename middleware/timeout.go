package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Timeout gives a handler the time d for its response. If none has begun by
// then, the client gets 503 as a problem; if one has, it is cut short, so that
// the client does not take it for complete. Either way the context of the
// request has expired, and later writes and reads of the handler fail with
// http.ErrHandlerTimeout. Reads and writes that block at the deadline are
// interrupted, where the ResponseWriter can set deadlines.
//
// A response that has begun has another tenth of a second to end, so that a
// handler which returns at the deadline is not cut off. A context that ends for
// another reason leaves the handler its time.
//
// Unlike http.TimeoutHandler it holds nothing back, so a handler may flush,
// and a stream is sent as it comes; but it ends after d, too. A connection
// that was hijacked belongs to the handler and is left alone.
//
// The handler runs on a goroutine of its own, with a copy of the request and of
// the header. The goroutine goes on if it does not heed its context. A panic is
// passed on to the outer handlers with its stack; one that comes later is
// logged.
//
// Timeout panics if d is not positive.
func Timeout(d time.Duration) func(http.Handler) http.Handler {
	return TimeoutWith(TimeoutOptions{Limit: d})
}

// TimeoutOptions are settings of [TimeoutWith]. Limit is required.
type TimeoutOptions struct {
	// Limit is the time for the whole response.
	Limit time.Duration
	// Detail is the detail of the 503. Empty means a sentence which says that
	// the server did not respond in time.
	Detail string
	// Responder writes the 503. Nil means the one in effect: that of a
	// Normalize outside, or the defaults of package respond.
	Responder *respond.Responder
	// Report is told of a panic that comes when the time is over, on the
	// goroutine of the handler. Nil writes a record to Logger.
	Report func(*http.Request, Report)
	// Logger is where such panics go if Report is nil. Nil means
	// slog.Default(), at the time of the record.
	Logger *slog.Logger
}

// TimeoutWith is [Timeout] with settings.
//
// TimeoutWith panics if Limit is not positive.
func TimeoutWith(o TimeoutOptions) func(http.Handler) http.Handler {
	if o.Limit <= 0 {
		panic(fmt.Sprintf("middleware: Timeout: %v is not positive", o.Limit))
	}
	if o.Detail == "" {
		o.Detail = "The server did not finish its response in time. Try again later."
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Timeout", next)
		return &timed{router{next}, o}
	}
}

type timed struct {
	router
	options TimeoutOptions
}

func (t *timed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := exchange.Supervision{Limit: t.options.Limit, Expired: t.expired, Late: t.late}
	s.Supervise(t.next, w, r)
}

// expired responds for a handler that has not begun to.
func (t *timed) expired(w http.ResponseWriter, r *http.Request) {
	problemTo(t.options.Responder, w, r, problem.New(http.StatusServiceUnavailable, problem.Detail(t.options.Detail)))
}

// late reports a panic of a handler whose time was over.
func (t *timed) late(r *http.Request, value any, stack []byte) {
	rep := Report{Panic: value, Stack: stack}
	if t.options.Report != nil {
		t.options.Report(r, rep)
		return
	}
	logger := t.options.Logger
	if logger == nil {
		logger = slog.Default()
	}
	path := ""
	if r.URL != nil {
		path = r.URL.Path
	}
	logger.LogAttrs(r.Context(), slog.LevelError, "middleware: handler panicked after its time was over",
		rep.appendAttrs(requestAttrs(r, r.Method, path))...)
}
