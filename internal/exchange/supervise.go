package exchange

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// Supervision bounds the time of a handler.
type Supervision struct {
	// Limit is the time for the whole response.
	Limit time.Duration
	// Expired responds for a handler that has sent nothing.
	Expired func(http.ResponseWriter, *http.Request)
	// Late is called for a panic after the deadline, on the handler's goroutine.
	Late func(r *http.Request, value any, stack []byte)
}

// grace is how much longer a response may take that has begun in time, so that a
// handler which returns at the deadline is not cut.
const grace = 100 * time.Millisecond

// Supervise calls next on a goroutine of its own, with a request, a header and a
// ResponseWriter of its own, and returns when next has returned or its time is
// over. If nothing has been sent by then, it calls Expired to respond. A response
// that has begun and is not complete in time is cut: with a panic of
// http.ErrAbortHandler, as net/http's server expects. Panics of next are passed
// on, with their stack (see [Origin]).
//
// At the deadline a read and a write that block are interrupted. A connection
// that was hijacked is the handler's for as long as it likes, and so is its
// context.
func (s Supervision) Supervise(next http.Handler, rw http.ResponseWriter, r *http.Request) {
	w, face, owner := Enter(rw, r)
	defer w.Ended(face, r, owner)
	g, inner := newGate(face, r, s.Limit)
	ended := make(chan any, 1) // what to panic with, or nil
	go func() {
		var v any = http.ErrAbortHandler // for runtime.Goexit
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				v = relay(p)
			}
			if !g.end() { // the supervisor does not wait any more
				s.late(g, inner, v)
			}
			ended <- v
		}()
		next.ServeHTTP(g.face, inner)
		v = nil
	}()
	timer := time.NewTimer(s.Limit)
	defer timer.Stop()
	v, inTime := g.await(ended, timer)
	if !inTime {
		s.expire(g, next, face, r)
		return
	}
	bringBack(r, inner)
	g.finish()
	if v != nil {
		w.x.Aborted = true // unless an outer layer responds
		panic(v)
	}
}

// expire ends the exchange of a handler whose time is over.
func (s Supervision) expire(g *gate, next http.Handler, w http.ResponseWriter, r *http.Request) {
	unsent, whole, route := g.expire()
	if g.outer.route() == "" {
		g.outer.SetRoute(cmp.Or(route, routeOf(next, r)))
	}
	defer func() { g.conclude(unsent) }()
	respond := func(w http.ResponseWriter) { s.Expired(w, r) }
	switch {
	case whole: // there is nothing to cut
	case unsent == nil:
		if unsent = g.outer.behind().respondPast(respond); unsent == nil {
			g.outer.Aborted = true
			panic(http.ErrAbortHandler)
		}
	case unsent == g.writer:
		respond(w)
		g.settleHeld()
		for _, w := range g.around { // what a foreign layer adds has no place
			w.discardBeyond()
		}
	default:
		unsent.supersede(respond)
		g.settleHeld()
	}
}

// late ends a handler that returned after its deadline.
func (s Supervision) late(g *gate, r *http.Request, v any) {
	if r.MultipartForm != nil { // the server has finished with the request
		_ = r.MultipartForm.RemoveAll()
	}
	g.own.runClosers()
	if p, ok := v.(*relayed); ok {
		s.Late(r, p.value, p.stack)
	}
}

// await waits until the handler has ended or its time is over.
func (g *gate) await(ended <-chan any, timer *time.Timer) (v any, inTime bool) {
	select {
	case v = <-ended:
		return v, true
	case <-timer.C:
	}
	if g.closeUnbegun() {
		return nil, false
	}
	timer.Reset(grace)
	select {
	case v = <-ended:
		g.stopReading()
		return v, true
	case <-timer.C:
	}
	if g.close() {
		return nil, false
	}
	return <-ended, true
}

// relayed is a panic of another goroutine, with its stack.
type relayed struct {
	value any
	stack []byte
}

// relay returns a panic in progress as one to pass on. One that another gate has
// passed on keeps the stack on which it began.
func relay(v any) *relayed {
	if p, ok := v.(*relayed); ok {
		return p
	}
	return &relayed{v, Stack()}
}

func (p *relayed) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

// Unwrap returns the value of the panic if it is an error.
func (p *relayed) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// Origin returns the value and the stack of a panic where it began; the stack is
// nil if that was on this goroutine.
func Origin(v any) (value any, stack []byte) {
	if p, ok := v.(*relayed); ok {
		return p.value, p.stack
	}
	return v, nil
}

const maxStack = 16 << 10

// Stack returns the stack of a panic in progress, without the part above it.
func Stack() []byte {
	s := debug.Stack()
	if i := bytes.Index(s, []byte("\npanic(")); i >= 0 {
		s = s[i+1:]
	}
	return s[:min(len(s), maxStack)]
}

// Router finds the pattern of a request without serving it. http.ServeMux
// implements it, and so do middleware that ask their next handler.
type Router interface {
	Handler(*http.Request) (http.Handler, string)
}

// routeOf returns the pattern by which next would serve r. A handler that has not
// returned has not brought it back yet.
func routeOf(next http.Handler, r *http.Request) string {
	if router, ok := next.(Router); ok {
		_, pattern := router.Handler(r)
		return pattern
	}
	return ""
}
