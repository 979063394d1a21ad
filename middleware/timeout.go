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

// Timeout limits the time of a handler to d. If no response has begun by then, the
// client receives a 503 problem. If one has begun, it is cut short, so that the
// client does not mistake it for a complete one; one that the handler has written up
// to its declared Content-Length, or that has no body, is sent. In each case the
// context of the request is done, and later reads and writes of the handler return
// http.ErrHandlerTimeout. Reads and writes that block at the deadline are
// interrupted if the ResponseWriter supports deadlines.
//
// A response has begun when a part of it has left the layers outside that are
// known: those of this toolkit, and, inside one of them, others whose ResponseWriter
// has Unwrap. A response that has begun may take another tenth of a second, so that
// a handler which returns at the deadline is not cut off. A context that ends for
// another reason does not shorten the time.
//
// Unlike http.TimeoutHandler, Timeout buffers nothing: a handler may flush, and a
// stream is sent as it is written, but it ends after d as well. A hijacked
// connection belongs to the handler and is left alone.
//
// The handler runs on its own goroutine, with its own copy of the request and the
// header. The goroutine continues if the handler ignores its context. A panic
// reaches the outer handlers with its stack; one that comes after the deadline is
// logged.
//
// Timeout panics if d is not positive.
func Timeout(d time.Duration) func(http.Handler) http.Handler {
	return TimeoutWith(TimeoutOptions{Limit: d})
}

// TimeoutOptions are the settings of [TimeoutWith]. Limit is required.
type TimeoutOptions struct {
	// Limit is the time for the whole response. It must be positive.
	Limit time.Duration
	// Detail is the detail of the 503. Empty means a sentence that the server did
	// not respond in time.
	Detail string
	// Responder writes the 503. Nil means the Responder in effect: that of a
	// Normalize outside, or the defaults of package respond.
	Responder *respond.Responder
	// Report is called for a panic that comes after the deadline, on the handler's
	// goroutine. Nil writes a record to Logger.
	Report func(*http.Request, Report)
	// Logger receives such panics if Report is nil. Nil means slog.Default() at
	// the time of the record.
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
		return &timeoutHandler{router{next}, o}
	}
}

type timeoutHandler struct {
	router
	options TimeoutOptions
}

func (h *timeoutHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := exchange.Supervision{Limit: h.options.Limit, Expired: h.expired, Late: h.late}
	s.Supervise(h.next, w, r)
}

// expired sends the 503 for a handler that has sent nothing.
func (h *timeoutHandler) expired(w http.ResponseWriter, r *http.Request) {
	problemTo(h.options.Responder, w, r, problem.New(http.StatusServiceUnavailable, problem.Detail(h.options.Detail)))
}

// late reports a panic that came after the deadline.
func (h *timeoutHandler) late(r *http.Request, value any, stack []byte) {
	rep := Report{Panic: value, Stack: stack}
	if h.options.Report != nil {
		h.options.Report(r, rep)
		return
	}
	logger := h.options.Logger
	if logger == nil {
		logger = slog.Default()
	}
	path := ""
	if r.URL != nil {
		path = r.URL.Path
	}
	logger.LogAttrs(r.Context(), slog.LevelError, "middleware: handler panicked after its deadline",
		rep.appendAttrs(requestAttrs(r, r.Method, path))...)
}
