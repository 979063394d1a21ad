package middleware

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// layer is what Normalize, Recover, Capture and AccessLog have in common: each
// does something when a handler begins, and something when it has ended.
type layer interface {
	begin(v visit) visit
	// end is called when the handler has returned or panicked, and returns the
	// value to go on panicking with, or nil.
	end(v visit) (again any)
	// after is called when the Writer is closed, if this layer owns it.
	after(v visit)
}

// visit is one request at one layer.
type visit struct {
	w        *exchange.Writer
	x        *exchange.Exchange
	r        *http.Request
	owner    bool // the Writer was made for this layer
	returned bool // as opposed to a panic or runtime.Goexit
	panicked any  // nil for runtime.Goexit
	start    time.Duration
	logged   bool // before the layer
	saved    bool // there was a policy before the layer
}

// serve calls next inside a layer.
func serve(l layer, next http.Handler, rw http.ResponseWriter, r *http.Request) {
	w, face, owner := exchange.Enter(rw, r)
	v := l.begin(visit{w: w, x: w.Exchange(), r: r, owner: owner})
	defer func() {
		if !v.returned {
			v.panicked = recover()
		}
		again := l.end(v)
		exits := !v.returned && v.panicked == nil // runtime.Goexit
		w.Ended(face, r, owner, again == nil && !exits)
		l.after(v)
		if again != nil {
			panic(again)
		}
	}()
	next.ServeHTTP(face, r)
	v.returned = true
}

// caught notes a panic that no layer further in has noted.
func (v visit) caught() *exchange.Rare {
	m := v.x.Rare()
	if m.Panic == nil {
		m.Reported = false // a handler further in may have reported other things
	}
	if m.Panic == nil || m.Stack == nil {
		m.Panic, m.Stack = exchange.Origin(v.panicked)
		if m.Stack == nil {
			m.Stack = exchange.Stack()
		}
	}
	return m
}

// recovered responds to a handler that did not return, if it still can, and
// returns the value to panic with again, if any.
func (v visit) recovered(respond func(w http.ResponseWriter)) any {
	switch v.panicked {
	case nil: // runtime.Goexit
		v.x.Aborted = true
		return nil
	case http.ErrAbortHandler:
		v.x.Aborted = true
		return http.ErrAbortHandler
	}
	m := v.caught()
	if w := v.w.Replacement(); w != nil {
		v.x.Aborted = false // as a layer further in may have thought
		respond(w)
		return nil
	}
	if m.Conn != nil {
		_ = m.Conn.Close() // net/http lets go of it, and no other layer would
	}
	v.x.Aborted = true
	return http.ErrAbortHandler
}

// router lets Timeout find the route of a request whose handler has not
// returned: each middleware passes the question on.
type router struct{ next http.Handler }

// Handler returns the handler that a ServeMux further in would call for r, and
// the pattern of it, or nil and "".
func (h router) Handler(r *http.Request) (http.Handler, string) {
	if next, ok := h.next.(exchange.Router); ok {
		return next.Handler(r)
	}
	return nil, ""
}
