package middleware

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// visit is one request at one layer: Normalize, Recover, Capture or AccessLog.
// Each layer enters the exchange, defers its end, and calls the next handler:
//
//	v := visit{r: r}
//	v.enter(w)
//	defer l.end(&v)
//	l.next.ServeHTTP(v.face, r)
//	v.finish()
//
// These lines are repeated in each layer, since a shared function with an
// interface for the layer would move the visit to the heap.
type visit struct {
	w    *exchange.Writer
	x    *exchange.Exchange
	face http.ResponseWriter // for the next handler
	r    *http.Request

	// As the request had them on arrival; handlers may rewrite theirs.
	method, path string

	panicked any           // nil for runtime.Goexit
	start    time.Duration // since epoch
	owner    bool          // the Writer was made for this layer
	returned bool          // as opposed to a panic or runtime.Goexit
	undo     bool          // the layer has set something that it must reset
}

func (v *visit) enter(w http.ResponseWriter) {
	v.w, v.face, v.owner = exchange.Enter(w, v.r)
	v.x = v.w.Exchange()
}

// name notes what a record will call the request.
func (v *visit) name() {
	r := v.x.Request
	v.method = r.Method
	if r.URL != nil {
		v.path = r.URL.Path
	}
}

// finish notes that the next handler has returned. If one inside of it has not, then
// a layer of another toolkit has recovered its panic.
func (v *visit) finish() {
	v.returned = true
	v.x.Aborted = false
}

// leave ends the layer.
func (v *visit) leave() { v.w.Ended(v.face, v.r, v.owner) }

// caught records a panic that no inner layer has recorded.
func (v *visit) caught() *exchange.Extra {
	extra := v.x.Extra()
	if extra.Panic == nil {
		extra.Reported = false // an inner layer may have reported something else
	}
	if extra.Panic == nil || extra.Stack == nil {
		extra.Panic, extra.Stack = exchange.Origin(v.panicked)
		if extra.Stack == nil {
			extra.Stack = exchange.Stack()
		}
	}
	return extra
}

// recovered responds for a handler that did not return, if no response has begun.
// It returns the value to panic with again, or nil.
func (v *visit) recovered(respond func(w http.ResponseWriter)) any {
	switch v.panicked {
	case nil: // runtime.Goexit
		v.x.Aborted = true
		return nil
	case http.ErrAbortHandler:
		v.x.Aborted = true
		return http.ErrAbortHandler
	}
	extra := v.caught()
	if w := v.w.Replacement(); w != nil {
		v.x.Aborted = false // which an inner layer may have set
		respond(w)
		return nil
	}
	if extra.Conn != nil {
		_ = extra.Conn.Close() // net/http no longer owns it, and no other layer closes it
	}
	v.x.Aborted = true
	return http.ErrAbortHandler
}
