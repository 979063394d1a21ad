package middleware

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
)

// Result is what was handed to the network in response to one request.
type Result struct {
	// Status is the final status code. It is 0 if the handler was aborted
	// before there was one, and 101 if it took the connection over without
	// naming one.
	Status int
	// HandlerStatus is the status code that the handler set first. It is 0 if
	// it never called WriteHeader, and differs from Status if [Normalize] had
	// to change it.
	HandlerStatus int
	// Implicit means that no handler set a status: a 200 for a handler that
	// only wrote, or did nothing.
	Implicit bool
	// Interim are the 1xx codes that were sent first, at most 16.
	Interim []int
	// Bytes is the size of the body in bytes, as far as net/http took it. It is
	// 0 for HEAD.
	Bytes int64
	// Duration is how long the handler took.
	Duration time.Duration
	// Route is the pattern of the handler, as a ServeMux leaves it in
	// http.Request.Pattern, or [Route] tells it. It is "" if no layer knows it.
	Route string
	// Problem is the problem that was sent, nil if the response is none or was
	// not written by this toolkit. It must not be changed. Its Unwrap returns
	// the cause.
	Problem *problem.Details
	// Err is the error that the handler failed with: the one that it returned
	// to respond.Handler or gave to respond.Fail, also when the response had
	// begun; otherwise the cause of Problem, or nil.
	Err error
	// Replaced means that the body is a problem in place of what the handler
	// wrote.
	Replaced bool
	// Superfluous is how many calls of WriteHeader came too late, at most 8.
	Superfluous int
	// Hijacked means that the handler took the connection over; Bytes and
	// Status say nothing of what it sent then.
	Hijacked bool
	// Aborted means that the response was cut short, so that the client sees it
	// fail: by a panic after it had begun, or by http.ErrAbortHandler.
	Aborted bool
	// Panic is the value that the handler panicked with, nil if it did not.
	Panic any
	// ClientGone means that the client left before it had the response: its
	// connection was dead, or it gave the request up. A context that ended for
	// another reason, such as a deadline or the end of the server, does not
	// count. On HTTP/1 a client that closes its sending half before the
	// response begins cannot be told from one that left.
	ClientGone bool
	// WriteErr is the first error of a write or a flush.
	WriteErr error
}

// Capture calls done after each request with what was sent. It changes neither
// the response nor the course of a panic:
//
//	h = middleware.Capture(func(r *http.Request, res middleware.Result) {
//		requests.Add(res.Route, res.Status, res.Duration)
//	})(h)
//
// Inside [Normalize], done waits until the response is final. It is also called
// when the handler panics. The request is the one that the next handler got.
//
// Capture panics if done is nil.
func Capture(done func(*http.Request, Result)) func(http.Handler) http.Handler {
	if done == nil {
		panic("middleware: Capture: the function is nil")
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Capture", next)
		return &capture{router{next}, done, nil}
	}
}

// capture is a layer that observes.
type capture struct {
	router
	done func(*http.Request, Result)
	log  *accessLog // is told in place of done, or nil
}

func (c *capture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := visit{r: r}
	v.enter(w)
	v.start = time.Since(epoch)
	if c.log != nil && !v.x.Logged {
		v.x.Logged, v.undo = true, true
	}
	defer c.end(&v)
	c.next.ServeHTTP(v.face, r)
	v.returned = true
}

func (c *capture) end(v *visit) {
	if !v.returned {
		v.panicked = recover()
		v.x.Aborted = true
		if v.panicked != nil && v.panicked != http.ErrAbortHandler {
			v.caught()
		}
	}
	v.leave()
	c.observe(v)
	if v.panicked != nil {
		panic(v.panicked)
	}
}

// observe tells what was sent, as soon as that is final.
func (c *capture) observe(v *visit) {
	took := time.Since(epoch) - v.start
	if v.undo {
		v.x.Logged = false
	}
	if v.owner && v.w.Owns() || v.returned && v.w.Settled() {
		c.tell(v, took)
		return
	}
	// An outer Normalize may still change the response.
	p := &pendingResult{c: c, v: *v, took: took}
	p.Closer = p
	v.w.AtClose(&p.Closing)
}

func (c *capture) tell(v *visit, took time.Duration) {
	var res Result
	v.result(&res, took)
	if c.log != nil {
		c.log.record(v, &res)
		return
	}
	c.done(v.r, res)
}

// pendingResult is a Result that waits for the end of the exchange.
type pendingResult struct {
	exchange.Closing
	c    *capture
	v    visit
	took time.Duration
}

// Closed is the method of exchange.Closer.
func (p *pendingResult) Closed() { p.c.tell(&p.v, p.took) }

// epoch is some moment: the time since then comes from the monotonic clock,
// which costs less than time.Now.
var epoch = time.Now()

// result fills in what is known when the handler took so long.
func (v *visit) result(res *Result, took time.Duration) {
	x := v.x
	var wire exchange.Wire
	v.w.Wire(&wire, took)
	res.Status, res.Implicit, res.Bytes, res.Interim = wire.Status, wire.Implicit, wire.Bytes, wire.Interim
	res.Problem, res.Replaced, res.Aborted, res.ClientGone = wire.Problem, wire.Replaced, wire.Aborted, wire.ClientGone
	res.HandlerStatus, res.Duration, res.Route = x.HandlerStatus(), took, x.Pattern(v.r)
	if m := x.Peek(); m != nil {
		res.Err = m.Err
		res.Superfluous = len(m.Superfluous)
		res.Panic, res.WriteErr, res.Hijacked = m.Panic, m.WriteErr, m.Conn != nil
	}
	if res.Err == nil && res.Problem != nil {
		res.Err = res.Problem.Unwrap()
	}
}

// Route tells the layers outside, such as [AccessLog] and [Capture], by which
// pattern a router has found the handler, where the router does not leave it in
// http.Request.Pattern. Put it inside the router:
//
//	r := chi.NewRouter()
//	r.Use(middleware.Route(func(r *http.Request) string {
//		return chi.RouteContext(r.Context()).RoutePattern()
//	}))
//
// The function is called when the handler has returned or panicked, with the
// request that the handler got; it may return "". Its results become labels of
// metrics: return patterns, never paths. Route panics if the function is nil.
func Route(pattern func(*http.Request) string) func(http.Handler) http.Handler {
	if pattern == nil {
		panic("middleware: Route: the function is nil")
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Route", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := exchange.Find(w)
			if x == nil { // no layer outside that could use it
				next.ServeHTTP(w, r)
				return
			}
			defer func() { x.SetRoute(pattern(r)) }()
			next.ServeHTTP(w, r)
		})
	}
}
