package middleware

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// visit is one request at one layer: a Normalize, Recover, Capture or AccessLog.
// Each enters the exchange, calls the next handler, and has its end deferred:
//
//	v := visit{r: r}
//	v.enter(w)
//	defer l.end(&v)
//	l.next.ServeHTTP(v.face, r)
//	v.returned = true
//
// These lines stand in each layer, and not in one function with an interface for
// the rest: that would put the visit on the heap.
type visit struct {
	w    *exchange.Writer
	x    *exchange.Exchange
	face http.ResponseWriter // for the next handler
	r    *http.Request

	// What the request had when it came: handlers rewrite theirs.
	method, path string

	panicked any           // nil for runtime.Goexit
	start    time.Duration // since epoch
	owner    bool          // the Writer was made for this layer
	returned bool          // as opposed to a panic or runtime.Goexit
	undo     bool          // what the layer has set was something else before
}

func (v *visit) enter(w http.ResponseWriter) {
	v.w, v.face, v.owner = exchange.Enter(w, v.r)
	v.x = v.w.Exchange()
	v.method = v.x.Request.Method
	if url := v.x.Request.URL; url != nil {
		v.path = url.Path
	}
}

// leave ends the layer.
func (v *visit) leave() { v.w.Ended(v.face, v.r, v.owner) }

// caught notes a panic that no layer further in has noted.
func (v *visit) caught() *exchange.Rare {
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
func (v *visit) recovered(respond func(w http.ResponseWriter)) any {
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
