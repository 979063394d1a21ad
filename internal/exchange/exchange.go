// Package exchange owns one request and its response on their way through the
// layers of this toolkit.
//
// Start with [Enter]: it returns the [Writer] around a ResponseWriter, and the
// ResponseWriter to hand to the next handler. Layers that follow one another
// share one Writer. [Find] returns the [Exchange] that a handler's
// ResponseWriter belongs to, which is how package respond learns of the request
// and of the Responder in effect. [Serve] and [ServeBody] give a handler a
// request with another context or body.
//
// Nothing else in the project wraps a ResponseWriter or copies a request. The
// package decides nothing: what becomes of an error is the business of a
// [Policy].
package exchange

import (
	"cmp"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Responder writes problems. The only implementation is respond.Responder, whose
// package imports this one.
type Responder interface {
	Problem(http.ResponseWriter, *http.Request, *problem.Details)
}

// Exchange is what the layers share about one request and its response. It belongs
// to the goroutine that serves the request. A handler that runs on its own
// goroutine, inside [Supervise], has its own Exchange, which the outer one adopts
// if the handler ends in time.
type Exchange struct {
	// Request is the request as the outermost layer got it, and Current as the
	// innermost did: its context knows more.
	Request, Current *http.Request

	accept     *string // that the request had on entry; nil if there was none
	responding *Scope  // the innermost with a Responder, or nil

	// Problem is the problem that was sent, if any.
	Problem *problem.Details

	extra  atomic.Pointer[Extra] // which the goroutines on both sides of a gate may make
	writer *Writer               // the outermost; nil behind a gate

	handlerStatus int

	// Head and Connect mean that the request had this method on entry: handlers
	// rewrite theirs.
	Head, Connect bool
	// Logged means that an access log will write a record of this exchange, so
	// that no other layer needs to log the failure.
	Logged bool
	// Replaced means that a problem was sent in place of the handler's body.
	Replaced bool
	// Aborted means that the handler did not return normally, and nothing was
	// sent in its place.
	Aborted bool
	// limited means that a limiter of this service has set its fields, on so many
	// lines each.
	limited                 bool
	policyLines, stateLines uint8
}

// Closing is the list element of a Closer. A layer embeds it in what it allocates
// anyway.
type Closing struct {
	Closer Closer
	next   *Closing
}

// Closer is called when the exchange is over.
type Closer interface{ Closed() }

// Extra is the part of an exchange that few exchanges need.
type Extra struct {
	// Planned means that the service refuses requests on purpose for a while.
	Planned bool
	// Unread means that the rest of the body of the request must not be read as
	// the next request: it is beyond its limit, or its time was over.
	Unread bool

	Err         error  // that the handler returned, or passed to package respond
	Interim     []int  // the 1xx codes that were sent
	Superfluous []Call // of WriteHeader; at most maxCalls
	Dropped     int64  // bytes that came after an error was complete
	Withheld    string // text that the client did not get
	WriteErr    error  // the first
	Left        bool   // net/http has reported that the client left
	Conn        net.Conn
	Panic       any
	Stack       []byte
	Route       string // the pattern of the request, as far as a layer has reported it

	// What a Policy found. The exchange only keeps it.
	Invalid  Call
	Missing  []string
	Misused  string
	Reported bool

	tunnel   string   // the path of a CONNECT
	encoding []string // Content-Encoding of a layer outside the policy
	gate     *gate    // the handler runs behind it
	closers  *Closing // the first to call

	// deadlines are what the handler, or a gate on a goroutine of its own, has set.
	deadlines atomic.Pointer[deadlines]

	limitPolicy, limitState []string // the RateLimit fields at an interim response
	scopes                  []pushed // that the present one stands in for
}

// Extra returns the part of x that few exchanges need. The first call creates it.
func (x *Exchange) Extra() *Extra {
	if extra := x.extra.Load(); extra != nil {
		return extra
	}
	x.extra.CompareAndSwap(nil, new(Extra))
	return x.extra.Load()
}

// PeekExtra is [Exchange.Extra], but returns nil if there is none.
func (x *Exchange) PeekExtra() *Extra { return x.extra.Load() }

// HandlerStatus is the status that the handler set first; 0 if it set none.
func (x *Exchange) HandlerStatus() int { return x.handlerStatus }

// handlerSet notes the status that the handler sets first. One that cannot be
// sent counts until there is another.
func (x *Exchange) handlerSet(code int) {
	if x.Replaced {
		return
	}
	switch now := x.handlerStatus; {
	case now < 100 || now > 999, now == http.StatusSwitchingProtocols && x.Request.ProtoMajor >= 2:
		x.handlerStatus = code
	}
}

// Accept returns the Accept field that the request had on entry.
func (x *Exchange) Accept() string {
	if x.accept == nil {
		return ""
	}
	return *x.accept
}

// Responder returns what writes the problems of this exchange: the Responder of
// the innermost Normalize around the running handler that has one, or nil for
// the defaults.
func (x *Exchange) Responder() Responder {
	if x.responding == nil {
		return nil
	}
	return x.responding.Responder
}

func (x *Exchange) enter(r *http.Request) {
	x.Request, x.Current = r, r
	switch r.Method {
	case http.MethodHead:
		x.Head = true
	case http.MethodConnect:
		x.Connect = true
		if r.URL != nil {
			x.Extra().tunnel = r.URL.Path
		}
	}
	if accept := r.Header["Accept"]; len(accept) == 1 {
		x.accept = &accept[0] // a handler that sets the field gives it other values
	} else if len(accept) > 1 {
		all := strings.Join(accept, ", ")
		x.accept = &all
	}
}

// enterAgain notes that a further layer has got the request.
func (x *Exchange) enterAgain(r *http.Request) {
	x.Current = r
	x.routed(r)
}

// behind returns the gate that the handler runs behind, or nil.
func (x *Exchange) behind() *gate {
	extra := x.PeekExtra()
	if extra == nil {
		return nil
	}
	return extra.gate
}

// hear takes over what an exchange inside this one says of the response that it
// is about to begin.
func (x *Exchange) hear(inner *Exchange) {
	x.Problem = cmp.Or(inner.Problem, x.Problem)
	if err := inner.Extra().Err; err != nil {
		x.Extra().Err = err
	}
	if inner.Replaced {
		x.Replaced, x.handlerStatus = true, inner.handlerStatus
	}
	if inner.limited {
		x.limitTo(inner.policyLines, inner.stateLines)
	}
}

// adopt takes over what became of an exchange inside this one.
func (x *Exchange) adopt(inner *Exchange) {
	sent := x.Problem // which a Policy of x may have put in place of the other
	x.hear(inner)
	x.Problem = cmp.Or(sent, x.Problem)
	x.SetRoute(inner.route())
	x.handlerStatus = cmp.Or(x.handlerStatus, inner.handlerStatus)
	extra, in := x.Extra(), inner.Extra()
	for c := in.closers; c != nil; {
		next := c.next
		x.closeLater(c)
		c = next
	}
	if in.Reported {
		extra.Reported = true
	}
	if in.Planned {
		extra.Planned = true
	}
	if extra.Panic == nil {
		extra.Panic, extra.Stack = in.Panic, in.Stack
	}
	extra.Superfluous = append(extra.Superfluous, in.Superfluous...)
	if extra.WriteErr == nil {
		extra.WriteErr = in.WriteErr
	}
}

// closeLater appends c to the list.
func (x *Exchange) closeLater(c *Closing) {
	c.next = nil
	last := &x.Extra().closers
	for *last != nil {
		last = &(*last).next
	}
	*last = c
}

// runClosers calls what waited for the end of the exchange.
func (x *Exchange) runClosers() {
	extra := x.PeekExtra()
	if extra == nil {
		return
	}
	for c := extra.closers; c != nil; c = c.next {
		c.Closer.Closed()
	}
}

// carrier is a ResponseWriter of this package.
type carrier interface{ carried() (*Exchange, *Writer) }

// faces has the Writers behind the ResponseWriters that httpsnoop has made:
// these carry nothing. An entry lives as long as its Writer.
var (
	faces     sync.Map // of http.ResponseWriter to *Writer
	faceCount atomic.Int64
)

// lookup returns what rw itself carries.
func lookup(rw http.ResponseWriter) (*Exchange, *Writer) {
	switch c := rw.(type) { // the usual ones first
	case *http1Writer:
		return c.x, &c.Writer
	case *http2Writer:
		return c.x, &c.Writer
	case carrier:
		return c.carried()
	}
	// Only a pointer can be one of httpsnoop's, and be looked up without a
	// panic because it cannot be compared.
	if faceCount.Load() > 0 && rw != nil && reflect.TypeOf(rw).Kind() == reflect.Pointer {
		if w, ok := faces.Load(rw); ok {
			w := w.(*Writer)
			return w.x, w
		}
	}
	return nil, nil
}

// Find returns the Exchange that rw belongs to, or nil. It looks below wrappers
// that have Unwrap, up to a bound.
func Find(rw http.ResponseWriter) *Exchange {
	for range maxLayers {
		if x, _ := lookup(rw); x != nil {
			return x
		}
		u, ok := rw.(unwrapper)
		if !ok {
			return nil
		}
		rw = u.Unwrap()
	}
	return nil
}

// maxLayers bounds a walk down Unwrap. A layer that returns itself would be
// walked for ever (go.dev/issue/66350).
const maxLayers = 64

type unwrapper interface{ Unwrap() http.ResponseWriter }

// Begun reports whether the response that rw belongs to has begun, as far as a
// layer of this toolkit knows.
func Begun(rw http.ResponseWriter) bool {
	for range maxLayers {
		if x, w := lookup(rw); w != nil {
			return w.Written()
		} else if x != nil {
			g, ok := rw.(interface{ Written() bool })
			return ok && g.Written()
		}
		u, ok := rw.(unwrapper)
		if !ok {
			return false
		}
		rw = u.Unwrap()
	}
	return false
}

// routed notes the pattern of a request behind a gate, whose supervisor may have to
// know it before the handler returns.
func (x *Exchange) routed(r *http.Request) {
	if x.writer == nil {
		x.SetRoute(r.Pattern)
	}
}

func (x *Exchange) route() string {
	extra := x.PeekExtra()
	if extra == nil {
		return ""
	}
	return extra.Route
}

// Pattern returns the pattern that the request was matched with, or "".
func (x *Exchange) Pattern(r *http.Request) string {
	pattern := cmp.Or(r.Pattern, cmp.Or(x.route(), x.Request.Pattern))
	if x.Connect && strings.HasSuffix(x.Extra().tunnel+"/", pattern) {
		return "" // the path of a client, that a ServeMux redirects to
	}
	return pattern
}

// Failed notes the error that the handler failed with: the first.
func (x *Exchange) Failed(err error) {
	if extra := x.Extra(); extra.Err == nil {
		extra.Err = err
	}
}

// SetRoute notes a pattern that a layer inside a router has found.
func (x *Exchange) SetRoute(pattern string) {
	if pattern == "" {
		return
	}
	x.Extra().Route = pattern
	if g := x.behind(); g != nil { // whose supervisor may stop waiting
		g.mu.Lock()
		g.route = pattern
		g.mu.Unlock()
	}
}
