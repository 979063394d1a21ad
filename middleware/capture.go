package middleware

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
)

// Result describes what was handed to the network in response to one request.
type Result struct {
	// Status is the final status code. It is 0 if the handler was aborted before
	// there was one, and 101 if it hijacked the connection without setting one.
	Status int
	// HandlerStatus is the status code that the handler set first. It is 0 if the
	// handler never called WriteHeader, and differs from Status if [Normalize]
	// changed it. One that cannot be sent does not count if another follows, such
	// as that of an error that is returned to respond.Handler.
	HandlerStatus int
	// Implicit means that no handler set a status code: the 200 of a handler that
	// only wrote a body, or did nothing.
	Implicit bool
	// Interim are the 1xx codes that were sent first, at most 16.
	Interim []int
	// Bytes is the size of the body in bytes, as far as net/http accepted it. It
	// is 0 for HEAD.
	Bytes int64
	// Duration is how long the handler ran.
	Duration time.Duration
	// Route is the pattern of the handler: http.Request.Pattern, as a ServeMux
	// sets it, or the result of [Route]. It is "" if no layer knows it.
	Route string
	// Problem is the problem that was sent. It is nil if the response was not a
	// problem, or not written by this toolkit. It must not be changed. Its Unwrap
	// method returns the cause.
	Problem *problem.Details
	// Err is the error that the handler returned to respond.Handler or passed to
	// respond.Fail, even if the response had begun; otherwise the cause of
	// Problem, or nil.
	Err error
	// Replaced means that the body is a problem in place of what the handler
	// wrote.
	Replaced bool
	// Superfluous is the number of calls of WriteHeader after the first, at most 8.
	Superfluous int
	// Hijacked means that the handler hijacked the connection. Status and Bytes do
	// not describe what it sent afterwards.
	Hijacked bool
	// Aborted means that the response was cut short, by a panic after it had begun
	// or by http.ErrAbortHandler, so that the client sees it fail.
	Aborted bool
	// Panic is the value that the handler panicked with, or nil.
	Panic any
	// ClientGone means that the client left before it had the response: its
	// connection was dead, or it cancelled the request. A context that ended for
	// another reason, such as a deadline or the server's shutdown, does not
	// count. On HTTP/1, a client that closes its sending half before the response
	// begins looks like one that left.
	ClientGone bool
	// WriteErr is the first error of a write or a flush.
	WriteErr error
}

// Capture calls done after each request with the [Result]. It changes neither the
// response nor a panic:
//
//	h = middleware.Capture(func(r *http.Request, res middleware.Result) {
//		requests.Add(res.Route, res.Status, res.Duration)
//	})(h)
//
// Inside [Normalize], done is called when the response is final. It is also called
// if the handler panics. The request is the one that was passed to the next
// handler. Done must be safe for concurrent use.
//
// Capture panics if done is nil.
func Capture(done func(*http.Request, Result)) func(http.Handler) http.Handler {
	if done == nil {
		panic("middleware: Capture: the function is nil")
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Capture", next)
		return &captureHandler{router{next}, done, nil}
	}
}

// captureHandler is the layer of Capture and of AccessLog.
type captureHandler struct {
	router
	done func(*http.Request, Result)
	log  *accessLog // called in place of done, or nil
}

func (h *captureHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := visit{r: r}
	v.enter(w)
	v.start = time.Since(epoch)
	if h.log != nil {
		v.name()
		v.undo = !v.x.Logged
		v.x.Logged = true
	}
	defer h.end(&v)
	h.next.ServeHTTP(v.face, r)
	v.finish()
}

func (h *captureHandler) end(v *visit) {
	if !v.returned {
		v.panicked = recover()
		v.x.Aborted = true
		if v.panicked != nil && v.panicked != http.ErrAbortHandler {
			v.caught()
		}
	}
	v.leave()
	h.observe(v)
	if v.panicked != nil {
		panic(v.panicked)
	}
}

// observe reports what was sent as soon as that is final.
func (h *captureHandler) observe(v *visit) {
	took := time.Since(epoch) - v.start
	if v.undo {
		v.x.Logged = false
	}
	if v.owner && v.w.Owns() || v.returned && v.w.Settled() {
		h.tell(v, took)
		return
	}
	// An outer Normalize may still change the response.
	p := &pendingResult{h: h, v: *v, took: took}
	p.Closer = p
	v.w.AtClose(&p.Closing)
}

func (h *captureHandler) tell(v *visit, took time.Duration) {
	var res Result
	v.result(&res, took)
	if h.log != nil {
		h.log.record(v, &res)
		return
	}
	h.done(v.r, res)
}

// pendingResult is a Result that waits for the end of the exchange.
type pendingResult struct {
	exchange.Closing
	h    *captureHandler
	v    visit
	took time.Duration
}

// Closed is the method of exchange.Closer.
func (p *pendingResult) Closed() { p.h.tell(&p.v, p.took) }

// epoch is an arbitrary moment. The time since then is read from the monotonic
// clock, which costs less than time.Now.
var epoch = time.Now()

// result fills in res.
func (v *visit) result(res *Result, took time.Duration) {
	x := v.x
	var wire exchange.Wire
	v.w.Wire(&wire, took)
	res.Status, res.Implicit, res.Bytes, res.Interim = wire.Status, wire.Implicit, wire.Bytes, wire.Interim
	res.Problem, res.Replaced, res.Aborted, res.ClientGone = wire.Problem, wire.Replaced, wire.Aborted, wire.ClientGone
	res.HandlerStatus, res.Duration, res.Route = x.HandlerStatus(), took, x.Pattern(v.r)
	if extra := x.PeekExtra(); extra != nil {
		res.Err = extra.Err
		res.Superfluous = len(extra.Superfluous)
		res.Panic, res.WriteErr, res.Hijacked = extra.Panic, extra.WriteErr, extra.Conn != nil
	}
	if res.Err == nil && res.Problem != nil {
		res.Err = res.Problem.Unwrap()
	}
}
