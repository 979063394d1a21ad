package middleware

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Result is what was handed to the network in answer to one request.
type Result struct {
	// Status is the final status code. It is 0 if the handler was aborted
	// before there was one, and 101 if it took the connection over without
	// naming one.
	Status int
	// Asked is the status code that the handler wanted. It is 0 if it never
	// called WriteHeader, and differs from Status if [Normalize] had to
	// change it.
	Asked int
	// Implicit means that nobody asked for a status: a 200 for a handler that
	// only wrote, or did nothing.
	Implicit bool
	// Interim are the 1xx codes that were sent first, at most 16.
	Interim []int
	// Bytes is the size of the content in bytes, as far as net/http took it.
	// It is 0 for HEAD.
	Bytes int64
	// Duration is how long the handler took.
	Duration time.Duration
	// Replaced means that the content is a problem in place of what the
	// handler wrote.
	Replaced bool
	// Superfluous is how many calls of WriteHeader came too late.
	Superfluous int
	// Hijacked means that the handler took the connection over; Bytes and
	// Status say nothing of what it sent then.
	Hijacked bool
	// Aborted means that the answer was cut short, so that the client sees it
	// fail: by a panic after it had begun, or by http.ErrAbortHandler.
	Aborted bool
	// Panic is the value that the handler panicked with, nil if it did not.
	Panic any
	// ClientGone means that the client had closed the connection, or given up
	// on the request, before the handler returned.
	ClientGone bool
	// WriteErr is the first error of a write or a flush.
	WriteErr error
}

// Capture calls done after each request with what was sent. It changes neither
// the answer nor the course of a panic:
//
//	h = middleware.Capture(func(r *http.Request, res middleware.Result) {
//		requests.Add(r.Pattern, res.Status, res.Duration)
//	})(h)
//
// Inside [Normalize], done waits until the answer is final. It is also called
// when the handler panics. The request is the one that the next handler got,
// so that a ServeMux has left its Pattern in it.
//
// Panics if done is nil.
func Capture(done func(*http.Request, Result)) func(http.Handler) http.Handler {
	if done == nil {
		panic("middleware: Capture: the function is nil")
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Capture", next)
		return &capture{next, done}
	}
}

type capture struct {
	next http.Handler
	done func(*http.Request, Result)
}

func (c *capture) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	start := time.Since(epoch)
	w, face, r, owner := enter(rw, r)
	returned := false
	defer func() {
		var v any
		if !returned {
			v = recover()
			w.noticed(v)
		}
		took := time.Since(epoch) - start
		switch {
		case owner:
			w.close()
			c.done(r, w.result(r, took))
		case w.state.Load() == sent && v == nil:
			c.done(r, w.result(r, took))
		default: // an outer Normalize may still change it
			m := w.more()
			m.atClose = append(m.atClose, func() { c.done(r, w.result(r, took)) })
		}
		if v != nil {
			panic(v)
		}
	}()
	c.next.ServeHTTP(face, r)
	returned = true
}

// epoch is some moment: the time since then comes from the monotonic clock,
// which costs less than time.Now.
var epoch = time.Now()

// noticed notes a panic that goes on.
func (w *writer) noticed(v any) {
	w.aborted = true
	if v != nil && v != http.ErrAbortHandler {
		if m := w.more(); m.panicked == nil {
			m.panicked, m.stack = origin(v)
		}
	}
}

func (w *writer) result(r *http.Request, took time.Duration) Result {
	res := Result{
		Status: int(w.status), Asked: w.asked, Implicit: w.implicit, Bytes: w.bytes, Duration: took,
		Replaced: w.replaced, Aborted: w.aborted,
		ClientGone: errors.Is(r.Context().Err(), context.Canceled),
	}
	if m := w.rare; m != nil {
		res.Interim, res.Superfluous = m.interim, len(m.superfluous)
		res.Panic, res.WriteErr, res.Hijacked = m.panicked, m.writeErr, m.conn != nil
	}
	return res
}
