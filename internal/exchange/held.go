package exchange

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// Policy decides what becomes of the status that a handler sets, and writes what
// replaces an error.
type Policy interface {
	// Decide decides about a final status, before anything is sent: the code to
	// send, and what to do with the body. It may look at the header.
	Decide(w *Writer, code int) Decision
	// Sniff decides about an Untyped error by its first bytes. There are none if
	// the handler flushes before it writes.
	Sniff(w *Writer, code int, first []byte) Body
	// Keep reports whether the text of an error says more than its code.
	Keep(code int, text []byte) bool
	// TooLong decides about an error text that is longer than MaxText: Drop or
	// Pass.
	TooLong(w *Writer, code int) Body
	// MaxText is the size in bytes up to which a text is held.
	MaxText() int
	// Interim reports whether a 1xx may be sent.
	Interim(x *Exchange, code int) bool
	// Complete may add to the header of the final response just before it is
	// sent with code.
	Complete(w *Writer, code int)
	// Replace writes the response in place of an error whose text is text to
	// direct, which leads past the policy.
	Replace(w *Writer, direct http.ResponseWriter, code int, text string)
}

// Scope is what a Normalize sets for the handlers inside.
type Scope struct {
	Policy
	Responder Responder // nil means that of a Scope further out
}

// Decision is what a [Policy] decides about a status.
type Decision struct {
	Code int
	Body Body
	// Forced means that the handler's code cannot be sent, so that a later one
	// counts.
	Forced bool
}

// Body is what to do with the body of a response.
type Body uint8

const (
	Pass    Body = iota // send it as it comes
	Typed               // send it with the first byte; without one, replace it
	Untyped             // its first bytes decide
	Line                // a text that comes in one Write, as that of http.Error
	Text                // a text that may come in many
	Drop                // it was written for another status, or is no text
	Tunnel              // a 2xx to a CONNECT: only a connection that is hijacked can be one
)

// heldError is an error that waits for its text, or for the first byte of its body.
type heldError struct {
	kind   Body
	code   int
	forced bool
	whole  bool   // the text has come; what follows is an accident
	frozen bool   // what follows belongs to another code
	canned []byte // what came first and says no more than the code: it leaves if the error passes
	text   string

	header     []field  // as it was when the handler set the status
	room       [5]field // as many as the documented chain and http.Error set
	cannedRoom [maxCanned]byte
}

// maxCanned has room for the usual texts of net/http, such as "404 page not
// found"; a longer one is allocated.
const maxCanned = 24

// length is how much of the text has been collected, in bytes.
func (h *heldError) length() int { return len(h.canned) + len(h.text) }

type field struct {
	name   string
	values []string
}

// decide lets the policy decide about the first final status.
func (w *Writer) decide(code int) {
	w.x.handlerSet(code)
	decision := w.scope.Decide(w, code)
	if decision.Body == Pass {
		w.commit(decision.Code)
		return
	}
	w.held = &heldError{kind: decision.Body, code: decision.Code, forced: decision.Forced}
	w.held.remember(w.base.Header())
	w.state.Store(held)
}

// remember notes the header to send: what a handler changes after WriteHeader
// is not sent, and it may have had the map before.
func (h *heldError) remember(header http.Header) {
	h.header = h.room[:0]
	if len(header) > len(h.room) {
		h.header = make([]field, 0, len(header))
	}
	for name, values := range header {
		h.header = append(h.header, field{name, values})
	}
}

// restore makes header what it was, and returns what it is now, or nil if that
// is the same.
func (h *heldError) restore(header http.Header) (now http.Header) {
	same := len(header) == len(h.header)
	for i := 0; same && i < len(h.header); i++ {
		f := &h.header[i]
		values, ok := header[f.name]
		same = ok && len(values) == len(f.values) && (len(values) == 0 || &values[0] == &f.values[0])
	}
	if same {
		return nil
	}
	now = maps.Clone(header)
	clear(header)
	for _, f := range h.header {
		header[f.name] = f.values
	}
	return now
}

// replaceHeader makes the fields of h those of another header. The map stays: handlers
// and other layers have it.
func replaceHeader(h, fields http.Header) {
	clear(h)
	maps.Copy(h, fields)
}

// again is a WriteHeader while an error is held.
func (w *Writer) again(code int) {
	h := w.held
	switch {
	case IsInterim(code): // too late, and harmless
	case h.isCorrectable() && code >= 100 && code <= 599:
		// As net/http permits whose WriteHeader has panicked.
		w.held, w.x.handlerStatus = nil, 0
		w.state.Store(open)
		w.begin(code)
	default:
		h.frozen = true
		w.superfluous(code)
	}
}

// isCorrectable reports whether all that the handler has done is to set a status
// that cannot be sent: it may still set another one.
func (h *heldError) isCorrectable() bool { return h.forced && !h.whole }

// freeze notes at an error that a layer at rw or outside of it holds that the
// handler has set another status. A layer in between has not handed that on.
func freeze(rw http.ResponseWriter) {
	for range maxLayers {
		x, w := lookup(rw)
		switch {
		case w != nil && w.state.Load() == held:
			w.held.frozen = true
			return
		case w != nil:
			rw = w.base
			continue
		case x != nil:
			if g := x.behind(); g != nil && g.enter(false) == nil {
				freeze(g.base)
				g.leave()
			}
		}
		u, ok := rw.(unwrapper)
		if !ok {
			return
		}
		rw = u.Unwrap()
	}
}

// hold takes bytes of an error that is held.
func (w *Writer) hold(p []byte) (int, error) {
	h := w.held
	if len(p) == 0 {
		return 0, nil
	}
	if h.kind == Untyped {
		h.kind = w.scope.Sniff(w, h.code, p)
	}
	if h.kind == Typed || h.kind == Pass {
		w.pass()
		return w.Write(p)
	}
	return w.collect(p)
}

// AwaitTunnel holds the response to a CONNECT over HTTP/1 before the handler has
// given one: it is code, unless the handler hijacks the connection or sets an
// error. What a client sends after a 2xx is the tunnel's, and net/http would
// read it as the next request (RFC 9110, section 9.3.6).
func (w *Writer) AwaitTunnel(code int) {
	if w.state.Load() == open && w.x.Request.ProtoMajor < 2 {
		w.held = &heldError{kind: Tunnel, code: code, forced: true}
		w.held.remember(w.base.Header())
		w.state.Store(held)
	}
}

// isUntouched reports whether the handler has not begun the response that waits
// for its tunnel.
func (w *Writer) isUntouched() bool {
	return w.held.kind == Tunnel && w.held.isCorrectable()
}

// collect takes a part of the text.
func (w *Writer) collect(p []byte) (int, error) {
	h := w.held
	switch {
	case h.kind == Line && h.whole: // http.Error writes once: this is an accident
		w.x.Extra().Dropped += int64(len(p))
	case h.frozen, h.kind == Drop, h.kind == Tunnel:
		w.withhold(p)
	case h.length()+len(p) > w.scope.MaxText():
		if w.scope.TooLong(w, h.code) == Pass {
			w.pass()
			return w.Write(p)
		}
		w.withhold([]byte(h.text))
		w.withhold(p)
		h.kind, h.text = Drop, ""
	case h.text != "" || w.scope.Keep(h.code, p):
		h.text += string(p)
	case h.canned == nil:
		h.canned = append(h.cannedRoom[:0], p...)
	default:
		h.canned = append(h.canned, p...)
	}
	h.whole = true
	return len(p), nil
}

// withhold notes text that the client does not get.
func (w *Writer) withhold(p []byte) {
	extra := w.x.Extra()
	extra.Dropped += int64(len(p))
	if extra.Withheld == "" {
		extra.Withheld = Bounded(p)
	}
}

// Withhold notes the text of an error that the client does not get.
func (x *Exchange) Withhold(text string) { x.Extra().Withheld = Bounded(text) }

const maxWithheld = 1 << 10

// Bounded returns the beginning of a text, for a log.
func Bounded[T string | []byte](text T) string {
	s := string(text[:min(len(text), maxWithheld)])
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
}

// holdFrom is ReadFrom while an error is held.
func (w *Writer) holdFrom(src io.Reader) (int64, error) {
	if k := w.held.kind; k != Typed && k != Untyped {
		return io.Copy(writeOnly{w}, src)
	}
	var first [512]byte // as many as decide a content type
	k, err := io.ReadFull(src, first[:])
	if k == 0 {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	n, werr := w.Write(first[:k])
	switch {
	case werr != nil:
		return int64(n), werr
	case err == io.ErrUnexpectedEOF:
		return int64(n), nil
	case err != nil:
		return int64(n), err
	}
	more, err := w.readFrom(src)
	return int64(n) + more, err
}

// pass sends the header that waits, and what was collected, as they are. What
// the handler has changed since stays in the map: it may be trailers.
func (w *Writer) pass() {
	h := w.release()
	now := h.restore(w.base.Header())
	w.commit(h.code)
	if now != nil {
		header := w.base.Header()
		replaceHeader(header, now)
	}
	if len(h.canned) > 0 { // an error shows in the next write
		_, _ = w.Write(h.canned)
	}
	if h.text != "" {
		_, _ = w.WriteString(h.text)
	}
}

// release takes what is held.
func (w *Writer) release() *heldError {
	h := w.held
	w.held = nil
	w.state.Store(open)
	return h
}

// passAsIs is for a handler that hijacks: the header leaves, the text does not.
func (w *Writer) passAsIs() {
	switch {
	case w.isUntouched():
		w.release()
		return
	case w.held.kind == Tunnel:
		w.held.code = cmp.Or(w.x.handlerStatus, http.StatusOK)
	}
	w.held.canned, w.held.text = nil, ""
	w.pass()
}

// awaitsText reports whether the text of an error has not come, or not all of
// what the header declares: a proxy may flush before each part.
func (h *heldError) awaitsText(header http.Header) bool {
	if h.kind == Tunnel { // or the connection
		return true
	}
	if h.kind != Line && h.kind != Text || h.frozen {
		return false
	}
	length := 1 // any text
	if declared := header["Content-Length"]; len(declared) == 1 {
		if n, err := strconv.Atoi(declared[0]); err == nil {
			length = n
		}
	}
	return h.length() < length
}

// settleEarly is for a handler that flushes: an error that may be a stream goes
// on, a text is complete.
func (w *Writer) settleEarly() {
	h := w.held
	if h.kind == Untyped {
		h.kind = w.scope.Sniff(w, h.code, nil)
	}
	switch h.kind {
	case Typed, Pass:
		w.pass()
	default:
		w.settleNow()
	}
}

// settleNow replaces an error that is held before its handler has returned. What
// comes later is dropped.
func (w *Writer) settleNow() {
	if w.state.Load() != held {
		return
	}
	w.Settle()
	if w.state.Load() == sent {
		w.state.Store(discarding)
	}
}

// Settle replaces an error that is still held when its handler has returned.
func (w *Writer) Settle() {
	if w.state.Load() != held || w.x.Aborted {
		return
	}
	h := w.release()
	h.restore(w.base.Header())
	w.scope.Replace(w, w.direct(), h.code, h.text)
}

// Discard drops an error that is held, and reports whether a response can still
// be given. The header is what it was when the error began.
func (w *Writer) Discard() bool {
	if w.state.Load() == held {
		w.release().restore(w.base.Header())
	}
	return w.state.Load() == open
}

// Replacement returns a ResponseWriter that writes a response past the policy,
// or nil if it is too late for that.
func (w *Writer) Replacement() http.ResponseWriter {
	if !w.Discard() {
		return nil
	}
	return w.direct()
}

// around returns the other Writers of the exchange, the innermost first. Foreign
// layers are in between.
func (w *Writer) around() (outer []*Writer) {
	rw := w.base
	for range maxLayers {
		if _, found := lookup(rw); found != nil {
			outer = append(outer, found)
		}
		u, ok := rw.(unwrapper)
		if !ok { // net/http's, or a gate
			break
		}
		rw = u.Unwrap()
	}
	return outer
}

// supersede has respond give another response than the one that a foreign layer
// inside holds back. What such a layer hands on later is dropped.
func (w *Writer) supersede(respond func(http.ResponseWriter)) {
	respond(w)
	w.settleNow()
	w.state.Store(closed)
}

// discardBeyond drops what comes after a response of the declared length.
func (w *Writer) discardBeyond() {
	if w.isComplete() {
		w.state.Store(discarding)
	}
}

func (w *Writer) direct() http.ResponseWriter {
	w.x.Replaced = true
	w.restoreEncoding()
	return (*direct)(w)
}

// restoreEncoding makes Content-Encoding what a layer outside of w has set:
// http.FileServer deletes that (go.dev/issue/66343). That of a handler is gone if
// package respond writes, and there is none otherwise.
func (w *Writer) restoreEncoding() {
	if w.encoded {
		w.base.Header()["Content-Encoding"] = w.x.PeekExtra().encoding
	}
}

// direct is a Writer seen as the ResponseWriter to its base: what replaces an
// error is not subject to the policy that replaced it. Package respond, which it is
// for, calls WriteHeader before Write.
type direct Writer

func (d *direct) carried() (*Exchange, *Writer) { return d.x, nil }
func (d *direct) Header() http.Header           { return d.base.Header() }
func (d *direct) Unwrap() http.ResponseWriter   { return d.base }

func (d *direct) WriteHeader(code int) {
	if w := (*Writer)(d); w.state.Load() == open {
		w.commit(code)
	}
}

func (d *direct) Write(p []byte) (int, error) {
	n, err := d.base.Write(p)
	(*Writer)(d).wrote(int64(n), err)
	return n, err
}
