package exchange

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Writer is the ResponseWriter between a handler and its base. Without a Policy it
// only observes. With one it holds each error until the policy has decided about
// it. A success costs one branch for each call and is never held.
//
// It is not pooled, since a goroutine that outlives its handler would write into the
// response to another client.
type Writer struct {
	base      http.ResponseWriter
	x         *Exchange
	scope     *Scope // of the innermost Normalize around the running handler, or nil
	observers *Observation
	held      *heldError // valid in the state held alone

	bytes    int64
	status   int32 // that was sent
	state    atomic.Uint32
	implicit bool // no handler called WriteHeader
	gone     bool // the request was given up before the header was sent
	encoded  bool // an outer layer has set Content-Encoding
	nosniff  bool // and X-Content-Type-Options
	listed   bool // its face is in the table

	own Exchange // of x, if this Writer is the outermost
}

// The states of a Writer describe how far the response is on the wire. They only
// proceed down this list, with one exception: held can return to open.
//
//   - open, held: nothing of the final response has been handed to base.
//   - sent, discarding, bodyless: the header has, and cannot be changed.
//   - hijacked: the connection belongs to the handler.
//   - closed: the layer that made the Writer has returned, with a response.
//
// The state is atomic because a handler may leave a goroutine behind, whose late
// writes must find the Writer closed.
const (
	open       = iota
	held       // an error waits; see heldError
	sent       // bytes pass
	discarding // bytes are dropped: the response is complete
	bodyless   // the status forbids a body
	hijacked
	closed
)

// Observer is called just before the header of a final or an interim response is
// sent, and may change it. It may be called again if nothing was sent after all.
type Observer interface {
	Sending(x *Exchange, code int, h http.Header)
}

// Observation is the list element of an Observer. A layer embeds it in what it
// allocates anyway.
type Observation struct {
	Observer Observer
	outer    *Observation
}

// Observe adds an observer until the Writer is closed. The innermost is called
// first.
func (w *Writer) Observe(o *Observation) {
	o.outer = w.observers
	w.observers = o
}

// Enter returns the Writer around rw, the ResponseWriter for the next handler, and
// whether the Writer was made for the caller, who then owns it. If rw belongs to a
// Writer of an outer layer, with nothing in between, that Writer is returned.
func Enter(rw http.ResponseWriter, r *http.Request) (w *Writer, face http.ResponseWriter, owner bool) {
	switch base := rw.(type) { // in this order, what net/http has made costs one look
	case *http1Writer:
		if base.state.Load() != closed {
			base.x.enterAgain(r)
			return &base.Writer, rw, false
		}
	case *http2Writer:
		if base.state.Load() != closed {
			base.x.enterAgain(r)
			return &base.Writer, rw, false
		}
	case carrier, unwrapper, bothBase, mixedBase:
	case http1Base:
		w := new(http1Writer)
		w.outermost(rw, r)
		return &w.Writer, w, true
	case http2Base:
		w := new(http2Writer)
		w.outermost(rw, r)
		return &w.Writer, w, true
	}
	return enterOther(rw, r)
}

// outermost makes w the outermost Writer of an exchange.
func (w *Writer) outermost(base http.ResponseWriter, r *http.Request) {
	w.base, w.x = base, &w.own
	w.own.writer = w
	w.own.enter(r)
	if h := base.Header(); len(h) > 0 {
		w.noteOutside(h)
	}
}

// enterOther is Enter for a base that is neither net/http's nor a Writer that can be
// shared.
func enterOther(rw http.ResponseWriter, r *http.Request) (w *Writer, face http.ResponseWriter, owner bool) {
	x, shared := lookup(rw)
	if shared != nil && shared.state.Load() != closed {
		x.enterAgain(r)
		return shared, rw, false
	}
	w, face = wrap(rw)
	if x == nil {
		if u, ok := rw.(unwrapper); ok {
			x = Find(u.Unwrap())
		}
	}
	if x == nil {
		w.outermost(rw, r)
	} else {
		w.x = x
		x.enterAgain(r)
		w.noteOutside(rw.Header())
	}
	return w, face, true
}

// Exchange returns the exchange that w is part of.
func (w *Writer) Exchange() *Exchange { return w.x }

// Push makes s the scope of the handlers inside, until [Writer.Pop]. It returns
// what Pop takes.
func (w *Writer) Push(s *Scope) (saved bool) {
	if saved = w.scope != nil || w.x.responding != nil || w.encoded; saved { // which only few have
		extra := w.x.Extra()
		extra.scopes = append(extra.scopes, pushed{w.scope, w.x.responding, w.encoded, w.nosniff})
	}
	w.scope = s
	if s.Responder != nil {
		w.x.responding = s
	}
	w.encoded, w.nosniff = false, false
	if h := w.base.Header(); len(h) > 0 {
		w.noteOutside(h)
	}
	return saved
}

// noteOutside notes which fields an outer layer has set.
func (w *Writer) noteOutside(h http.Header) {
	if encoding := h["Content-Encoding"]; encoding != nil {
		w.encoded = true
		w.x.Extra().encoding = encoding
	}
	w.nosniff = len(h["X-Content-Type-Options"]) > 0
}

// pushed is what was in force before a Push.
type pushed struct {
	scope, responding *Scope
	encoded, nosniff  bool
}

// Pop ends what Push began.
func (w *Writer) Pop(saved bool) {
	if !saved {
		w.scope, w.encoded, w.nosniff = nil, false, false
		if w.x.responding != nil {
			w.x.responding = nil
		}
		return
	}
	extra := w.x.PeekExtra()
	last := len(extra.scopes) - 1
	b := extra.scopes[last]
	extra.scopes = extra.scopes[:last]
	w.scope, w.x.responding, w.encoded, w.nosniff = b.scope, b.responding, b.encoded, b.nosniff
}

// EncodedOutside reports whether an outer layer had set Content-Encoding before
// the handlers inside the policy ran, and NosniffOutside the same of
// X-Content-Type-Options.
func (w *Writer) EncodedOutside() bool { return w.encoded }

// EncodingOutside returns the Content-Encoding that an outer layer had set before
// the handler ran, and whether that is known. It is where rw is of this package:
// a foreign layer in between may be a compressor.
func EncodingOutside(rw http.ResponseWriter) (values []string, known bool) {
	x, w := lookup(rw)
	if d, ok := rw.(*direct); ok {
		w = (*Writer)(d)
	}
	switch {
	case w != nil && w.encoded:
		return w.x.PeekExtra().encoding, true
	case w == nil && x != nil: // behind a gate
		return x.behind().encoding, true
	}
	return nil, w != nil
}

// NosniffOutside is described at EncodedOutside.
func (w *Writer) NosniffOutside() bool { return w.nosniff }

// Unwrap is for http.ResponseController: deadlines and full duplex.
func (w *Writer) Unwrap() http.ResponseWriter { return w.base }

func (w *Writer) carried() (*Exchange, *Writer) { return w.x, w }

// Written reports whether the handler has given its response, sent or held. A
// base of another toolkit may know that it has begun before.
func (w *Writer) Written() bool {
	switch w.state.Load() {
	case open:
	case held:
		h := w.held
		return h == nil || !h.isCorrectable()
	default:
		return true
	}
	base, ok := w.base.(interface{ Written() bool })
	return ok && base.Written()
}

// OnWire reports whether anything of the final response has been handed on.
func (w *Writer) OnWire() bool { return w.state.Load() > held }

// FinalStatus returns the status that the client gets, when the exchange is over:
// 500 if the handler was aborted before it had sent any.
func (x *Exchange) FinalStatus() int {
	for g := x.behind(); g != nil; g = x.behind() {
		if g.isExpired() {
			<-g.done
			return g.after.Status
		}
		x = g.outer
	}
	if status := x.writer.Status(); status != 0 {
		return status
	}
	return http.StatusInternalServerError
}

// Status returns the final status that was sent; 0 if there is none.
func (w *Writer) Status() int { return int(w.status) }

// Bytes returns how much of the body was handed on, in bytes.
func (w *Writer) Bytes() int64 { return w.bytes }

// Sending reports whether bytes that are written now belong to the body.
func (w *Writer) Sending() bool { return w.state.Load() == sent }

// Header returns the header of the response.
func (w *Writer) Header() http.Header { return w.base.Header() }

// WriteHeader is http.ResponseWriter's, and never panics inside a Policy that
// replaces codes which cannot be sent.
func (w *Writer) WriteHeader(code int) {
	if code == http.StatusOK && w.state.Load() == open {
		w.x.handlerSet(code)
		w.commit(code)
		return
	}
	w.writeHeader(code)
}

func (w *Writer) writeHeader(code int) {
	switch w.state.Load() {
	case open:
		w.begin(code)
	case held:
		w.again(code)
	case closed:
	case hijacked:
		w.serverLog("http: response.WriteHeader on hijacked connection from %s", callerOf(code))
	default:
		if !IsInterim(code) { // which is late, and harmless
			w.superfluous(code)
		}
	}
}

// begin is the first WriteHeader.
func (w *Writer) begin(code int) {
	switch {
	case w.isInterim(code):
		w.writeInterim(code)
	case w.scope == nil && (code < 100 || code > 999):
		// net/http panics. An outer policy does not, and lets the handler correct
		// itself: either way nothing is sent.
		w.x.handlerSet(code)
		w.base.WriteHeader(code)
	case w.scope == nil:
		w.x.handlerSet(code)
		w.commit(code)
	default:
		w.decide(code)
	}
}

// IsInterim reports whether the code announces a final response, which 101 does
// not (RFC 9110, section 15.2).
func IsInterim(code int) bool {
	return code >= 100 && code <= 199 && code != http.StatusSwitchingProtocols
}

// isInterim is IsInterim for the protocol at hand: on HTTP/2 net/http sends a
// 101 as an interim response, and another one follows.
func (w *Writer) isInterim(code int) bool {
	return IsInterim(code) || code == http.StatusSwitchingProtocols && w.scope == nil && w.x.Request.ProtoMajor >= 2
}

// maxInterim bounds what is noted: a proxy passes on as many as it gets.
const maxInterim = 16

func (w *Writer) writeInterim(code int) {
	if takesInterimForFinal(w.base) || w.scope != nil && !w.scope.Interim(w.x, code) {
		return
	}
	h := w.base.Header()
	w.observe(code, h)
	if w.x.limited {
		w.x.keepLimits(h)
	}
	w.base.WriteHeader(code)
	if !w.Owns() { // the outermost Writer notes it
		return
	}
	if extra := w.x.Extra(); len(extra.Interim) < maxInterim {
		extra.Interim = append(extra.Interim, code)
	}
}

// takesInterimForFinal reports whether base is such as the writer of
// http.TimeoutHandler: it has neither a way to flush nor one to what it wraps.
func takesInterimForFinal(base http.ResponseWriter) bool {
	switch base.(type) {
	case http.Flusher, flushErrorer, unwrapper, carrier:
		return false
	}
	return true
}

// commit sends the header. The state changes after the call: if base panics,
// nothing was sent.
func (w *Writer) commit(code int) {
	w.complete(code)
	w.base.WriteHeader(code)
	w.status = int32(code)
	if w.scope != nil && forbidsBody(code) {
		w.state.Store(bodyless)
		return
	}
	w.state.Store(sent)
}

func forbidsBody(code int) bool {
	return code == http.StatusNoContent || code == http.StatusResetContent || code == http.StatusNotModified
}

// complete lets everybody see the header that is about to be sent.
func (w *Writer) complete(code int) {
	if w.x.Request.Context().Err() != nil {
		w.gone = true
	}
	if w.scope != nil {
		w.scope.Complete(w, code)
	}
	if extra := w.x.PeekExtra(); extra != nil && extra.Unread && w.x.Request.ProtoMajor < 2 {
		w.base.Header()["Connection"] = []string{"close"}
	}
	if w.x.limited || w.observers != nil {
		w.observe(code, w.base.Header())
	}
}

// observe lets the layers see a header that is about to be sent.
func (w *Writer) observe(code int, h http.Header) {
	if w.x.limited {
		w.x.trimLimits(h)
	}
	for o := w.observers; o != nil; o = o.outer {
		o.Observer.Sending(w.x, code, h)
	}
}

// superfluous is for the second and later WriteHeader. net/http would log the
// wrapper as its caller, so it does not learn of the call.
func (w *Writer) superfluous(code int) {
	extra, call := w.x.Extra(), callerOf(code)
	if len(extra.Superfluous) < maxCalls {
		extra.Superfluous = append(extra.Superfluous, call)
	}
	if w.scope == nil && w.x.Request.ProtoMajor < 2 { // HTTP/2 never logged it
		w.serverLog("http: superfluous response.WriteHeader call from %s", call)
	}
	freeze(w.base)
}

func (w *Writer) Write(p []byte) (int, error) {
	switch w.state.Load() {
	case sent:
	case open:
		w.beginImplicit()
	default:
		return w.writeOther(p)
	}
	n, err := w.base.Write(p)
	w.wrote(int64(n), err)
	return n, err
}

func (w *Writer) WriteString(s string) (int, error) {
	switch w.state.Load() {
	case sent:
	case open:
		w.beginImplicit()
	default:
		return w.writeOther([]byte(s))
	}
	n, err := io.WriteString(w.base, s)
	w.wrote(int64(n), err)
	return n, err
}

// beginImplicit prepares the 200 that net/http sends with the first bytes.
func (w *Writer) beginImplicit() {
	w.complete(http.StatusOK)
	w.implicit = true
	w.status = http.StatusOK
}

// wrote counts n bytes of the body that base has taken.
func (w *Writer) wrote(n int64, err error) {
	if w.state.Load() == open {
		w.state.Store(sent)
	}
	if !w.x.Head {
		w.bytes += n
	}
	if err != nil {
		w.failed(err)
	}
}

func (w *Writer) failed(err error) {
	if extra := w.x.Extra(); extra.WriteErr == nil {
		extra.WriteErr = err
	}
}

// writeOther accepts bytes for a response whose header is held, or whose status
// permits no body.
func (w *Writer) writeOther(p []byte) (int, error) {
	switch w.state.Load() {
	case held:
		return w.hold(p)
	case hijacked:
		return 0, http.ErrHijacked
	case bodyless:
		return 0, http.ErrBodyNotAllowed
	case discarding:
		w.x.Extra().Dropped += int64(len(p))
		return len(p), nil
	}
	return 0, errReturned
}

// readFrom keeps sendfile: base copies from src itself. A source without a byte
// commits nothing, as in net/http.
func (w *Writer) readFrom(src io.Reader) (int64, error) {
	switch w.state.Load() {
	case sent, open:
	case held:
		return w.holdFrom(src)
	default:
		return io.Copy(writeOnly{w}, src)
	}
	rf, ok := w.base.(io.ReaderFrom)
	if !ok {
		return io.Copy(writeOnly{w}, src)
	}
	begins := w.state.Load() == open
	if begins {
		w.complete(http.StatusOK)
	}
	n, err := rf.ReadFrom(src)
	if n == 0 && begins && !isRefused(err) {
		return n, err
	}
	if begins {
		w.implicit, w.status = true, http.StatusOK
	}
	w.wrote(n, err)
	return n, err
}

// isRefused reports whether base has refused bytes, for which it has begun the
// response.
func isRefused(err error) bool { return errors.Is(err, http.ErrContentLength) }

// writeOnly hides ReadFrom, so that io.Copy does not come back to it.
type writeOnly struct{ io.Writer }

func (w *Writer) Flush() { _ = w.FlushError() }

// FlushError commits what there is, and flushes base or what it wraps.
func (w *Writer) FlushError() error {
	state := w.state.Load()
	switch {
	case state == closed:
		return errReturned
	case state == held && canFlush(w.base):
		if w.held.awaitsText(w.base.Header()) {
			return nil
		}
		w.settleEarly()
	case state == open:
		w.complete(http.StatusOK)
	case state == hijacked && w.implicit && w.bytes == 0:
		w.serverLog("http: response.WriteHeader on hijacked connection from %s", callerOf(http.StatusOK))
		return nil
	}
	err := http.NewResponseController(w.base).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if state == open {
		w.status, w.implicit = http.StatusOK, true
		w.state.Store(sent)
	}
	if err != nil {
		w.failed(err)
	}
	return err
}

func (w *Writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	state := w.state.Load()
	switch {
	case state == closed:
		return nil, nil, errReturned
	case state == held:
		w.passAsIs()
		state = w.state.Load()
	}
	conn, rw, err := http.NewResponseController(w.base).Hijack()
	if err != nil {
		return conn, rw, err
	}
	if state == open { // websocket libraries write their 101 to the connection
		w.status, w.implicit = http.StatusSwitchingProtocols, true
	}
	w.x.Extra().Conn = conn
	w.state.Store(hijacked)
	return conn, rw, nil
}

// Deadlines and full duplex are not the Writer's business. net/http's writers
// have these methods, so that some handlers use them without a controller. A
// deadline that has passed looks like a client that left.

func (w *Writer) SetReadDeadline(t time.Time) error {
	w.x.noteDeadline(func(d *deadlines) { d.setRead(t) })
	return http.NewResponseController(w.base).SetReadDeadline(t)
}

func (w *Writer) SetWriteDeadline(t time.Time) error {
	w.x.noteDeadline(func(d *deadlines) { d.setWrite(t, w.x.Request.ProtoMajor) })
	return http.NewResponseController(w.base).SetWriteDeadline(t)
}

func (w *Writer) EnableFullDuplex() error {
	return http.NewResponseController(w.base).EnableFullDuplex()
}

// CloseNotify is what [http.Request.Context] replaced. The base has it.
func (w *Writer) CloseNotify() <-chan bool { return w.base.(closeNotifier).CloseNotify() }

// Ended ends a layer: it is called when the handler inside has ended, with the
// request that the handler got. The owner of the Writer closes it. After a
// response late calls are refused then; without one they still reach the base,
// since a framework may respond to an error only now.
//
// The owner removes the files of a form. Net/http forgets them when a panic goes
// on, if a foreign layer has copied the request and, in Go 1.27, over HTTP/2.
func (w *Writer) Ended(face http.ResponseWriter, r *http.Request, owner bool) {
	if r != w.x.Request {
		w.x.returned(r)
	}
	if form := w.x.Request.MultipartForm; form != nil && owner && w.Owns() {
		_ = form.RemoveAll()
	}
	if !owner {
		return
	}
	if w.state.Load() == open && !w.x.Aborted {
		w.complete(http.StatusOK)
		w.status, w.implicit = http.StatusOK, true // net/http sends it now
	}
	if w.OnWire() {
		w.state.Store(closed)
	} else {
		w.state.Store(open)
	}
	w.forgetFace(face)
	if w.x == &w.own {
		w.x.runClosers()
	}
}

// Wire is what was handed to the network.
type Wire struct {
	Status     int
	Bytes      int64
	Implicit   bool
	Replaced   bool
	Aborted    bool
	ClientGone bool
	Problem    *problem.Details
	Interim    []int
}

// Wire fills in what was handed to the network, took after the exchange began,
// as the outermost Writer knows it.
func (w *Writer) Wire(wire *Wire, took time.Duration) { w.x.wire(wire, took) }

func (x *Exchange) wire(wire *Wire, took time.Duration) {
	extra := x.PeekExtra()
	if extra != nil && extra.gate != nil {
		extra.gate.wire(wire, took)
		return
	}
	w := x.writer
	wire.Status, wire.Bytes, wire.Implicit = w.Status(), w.bytes, w.implicit
	wire.Replaced, wire.Aborted, wire.Problem = x.Replaced, x.Aborted, x.Problem
	if x.Request.Context().Err() != nil {
		wire.ClientGone = w.clientGone(took)
	}
	if extra != nil {
		wire.Interim = extra.Interim
	}
}

// Settled reports whether no outer layer can change the response any more.
func (w *Writer) Settled() bool { return w.Owns() && w.state.Load() >= sent }

// AtClose has c called when the outermost layer has returned.
func (w *Writer) AtClose(c *Closing) { w.x.closeLater(c) }

// Owns reports whether w is the outermost Writer of its exchange.
func (w *Writer) Owns() bool { return w.x == &w.own }

// errReturned is for a write that comes after its handler.
var errReturned = fmt.Errorf("middleware: the handler has returned: %w", http.ErrHandlerTimeout)

// The fields of draft-ietf-httpapi-ratelimit-headers, as net/http spells them.
const (
	limitPolicyField = "Ratelimit-Policy"
	limitStateField  = "Ratelimit"
)

// KeepLimits notes that the RateLimit fields in the header of rw are those of
// this service: what a proxy further in adds to them, of its upstream, does not
// leave. It does nothing if rw is of no exchange.
func KeepLimits(rw http.ResponseWriter) {
	if x := Find(rw); x != nil {
		h := rw.Header()
		x.limitTo(lines(h[limitPolicyField]), lines(h[limitStateField]))
	}
}

// limitTo notes how many lines of the fields are those of this service, from now
// on: what was noted at an interim response has not those of a limiter further in.
func (x *Exchange) limitTo(policyLines, stateLines uint8) {
	x.limited, x.policyLines, x.stateLines = true, policyLines, stateLines
	if extra := x.PeekExtra(); extra != nil {
		extra.limitPolicy, extra.limitState = nil, nil
	}
}

// lines counts the values of a field, up to 255.
func lines(values []string) uint8 { return uint8(min(len(values), math.MaxUint8)) }

// IsCheap reports whether Enter costs little for rw: it is one of net/http's, or
// a layer of this toolkit has entered already.
func IsCheap(rw http.ResponseWriter) bool {
	x, _ := lookup(rw)
	return x != nil || shape(rw) != 0
}

// keepLimits notes the fields at an interim response, after which a ReverseProxy
// clears the header.
func (x *Exchange) keepLimits(h http.Header) {
	if extra := x.Extra(); extra.limitPolicy == nil {
		extra.limitPolicy, extra.limitState = h[limitPolicyField], h[limitStateField]
	}
}

func (x *Exchange) trimLimits(h http.Header) {
	if extra := x.PeekExtra(); extra != nil && extra.limitPolicy != nil {
		h[limitPolicyField], h[limitStateField] = extra.limitPolicy, extra.limitState
	}
	trim := func(field string, lines uint8) {
		if now := h[field]; len(now) > int(lines) {
			h[field] = now[:lines:lines]
		}
	}
	trim(limitPolicyField, x.policyLines)
	trim(limitStateField, x.stateLines)
}

// Own makes sure that a header field leaves with the values that a layer gave
// it, although a handler adds others, as a ReverseProxy does with what its
// upstream sent. A handler that replaces the values keeps its own.
type Own struct {
	Observation
	Field  string
	Values []string
}

// Sending is the method of Observer. A ReverseProxy clears the header after an
// interim response, so that only the field of its upstream is left.
func (o *Own) Sending(x *Exchange, _ int, h http.Header) {
	now := h[o.Field]
	extended := len(now) > len(o.Values) && slices.Equal(now[:len(o.Values)], o.Values)
	if extra := x.PeekExtra(); extended || extra != nil && len(extra.Interim) > 0 {
		h[o.Field] = o.Values
	}
}
