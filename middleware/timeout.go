package middleware

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Timeout gives a handler the time d for its answer. If it has not begun one
// by then, the client gets 503 as a problem; if it has, the answer is cut
// short, so that the client does not take it for complete. Either way the
// context of the request has expired, and later writes of the handler fail
// with http.ErrHandlerTimeout.
//
// Unlike http.TimeoutHandler it holds nothing back, so a handler may flush,
// and a stream is sent as it comes; but it ends after d, too. A connection
// that was hijacked belongs to the handler and is left alone. Content is not
// sent by sendfile, since nothing could interrupt that.
//
// The handler runs on a goroutine of its own, which goes on if it does not
// heed its context. A panic is passed on to the outer handlers with its stack.
//
// Panics if d is not positive.
func Timeout(d time.Duration) func(http.Handler) http.Handler {
	if d <= 0 {
		panic(fmt.Sprintf("middleware: Timeout: %v is not positive", d))
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Timeout", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveTimed(w, r, next, d) })
	}
}

func serveTimed(w http.ResponseWriter, r *http.Request, next http.Handler, d time.Duration) {
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	tw := &timedWriter{base: w, header: w.Header().Clone()}
	if tw.header == nil {
		tw.header = http.Header{}
	}
	timed := r.WithContext(ctx)
	ended := make(chan any, 1) // what to panic with, or nil
	go func() {
		var v any = http.ErrAbortHandler // for runtime.Goexit
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				v = &relayed{p, stack()}
			}
			ended <- v
		}()
		next.ServeHTTP(tw, timed)
		v = nil
	}()
	select {
	case v := <-ended:
		r.Pattern = timed.Pattern // as a ServeMux leaves it for the layers around
		tw.end(v)
		return
	case <-ctx.Done():
	}
	late, begun := tw.expire(ctx.Err())
	switch {
	case !late: // hijacked: wait as net/http would
		tw.end(<-ended)
	case begun, !errors.Is(ctx.Err(), context.DeadlineExceeded): // or the client has gone
		panic(http.ErrAbortHandler)
	default:
		respond.Problem(w, r, problem.New(http.StatusServiceUnavailable,
			problem.Detail("The server did not finish its answer in time. Try again later.")))
	}
}

// relayed is a panic of another goroutine, with the stack that it had there.
type relayed struct {
	value any
	stack []byte
}

func (p *relayed) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

// Unwrap returns the value of the panic if it is an error.
func (p *relayed) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// origin returns the value and the stack of a panic where it began; the stack
// is nil if that was on this goroutine.
func origin(v any) (value any, stack []byte) {
	if p, ok := v.(*relayed); ok {
		return p.value, p.stack
	}
	return v, nil
}

// timedWriter keeps a handler from writing once its time is over. It has a
// header of its own, since the handler may still change it when the 503 is
// sent. It has no Unwrap, which would lead past its lock.
type timedWriter struct {
	mu       sync.Mutex
	base     http.ResponseWriter
	header   http.Header
	begun    bool
	hijacked bool
	err      error // of every write, when the time is over
}

func (t *timedWriter) Header() http.Header { return t.header }

// expire ends the handler's time, unless the connection is the handler's.
func (t *timedWriter) expire(cause error) (late, begun bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hijacked {
		return false, true
	}
	t.err = http.ErrHandlerTimeout
	if !errors.Is(cause, context.DeadlineExceeded) {
		t.err = cause
	}
	return true, t.begun
}

// end finishes the answer of a handler that was in time.
func (t *timedWriter) end(v any) {
	if v != nil {
		panic(v)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hijacked {
		t.publish() // all of it, or the trailers
	}
}

// publish puts the handler's header in place of the base's.
func (t *timedWriter) publish() {
	h := t.base.Header()
	clear(h)
	maps.Copy(h, t.header)
}

func (t *timedWriter) begin() {
	if !t.begun {
		t.publish()
		t.begun = true
	}
}

func (t *timedWriter) WriteHeader(code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.err != nil:
	case interim(code) && !t.begun:
		before := t.base.Header().Clone()
		t.publish()
		t.base.WriteHeader(code)
		h := t.base.Header() // a 503 may still come, without these fields
		clear(h)
		maps.Copy(h, before)
	default:
		if !t.begun {
			t.publish()
		}
		t.base.WriteHeader(code) // may panic
		t.begun = true
	}
}

func (t *timedWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	t.begin()
	return t.base.Write(p)
}

func (t *timedWriter) Flush() { _ = t.FlushError() }

func (t *timedWriter) FlushError() error {
	return t.control(func(c *http.ResponseController) error {
		t.begin()
		return c.Flush()
	})
}

func (t *timedWriter) SetReadDeadline(d time.Time) error {
	return t.control(func(c *http.ResponseController) error { return c.SetReadDeadline(d) })
}

func (t *timedWriter) SetWriteDeadline(d time.Time) error {
	return t.control(func(c *http.ResponseController) error { return c.SetWriteDeadline(d) })
}

func (t *timedWriter) EnableFullDuplex() error {
	return t.control((*http.ResponseController).EnableFullDuplex)
}

// control does something with the base while there is time.
func (t *timedWriter) control(do func(*http.ResponseController) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	return do(http.NewResponseController(t.base))
}

// Hijack ends the supervision if it succeeds.
func (t *timedWriter) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	err = t.control(func(c *http.ResponseController) (err error) {
		conn, rw, err = c.Hijack()
		t.hijacked = err == nil
		return err
	})
	return conn, rw, err
}

// Push is refused where the connection cannot do it, as its contract allows.
func (t *timedWriter) Push(target string, opts *http.PushOptions) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	if p, ok := t.base.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}
