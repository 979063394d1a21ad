package middleware

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// writer is the one ResponseWriter of the package. Capture observes through
// it; while a Normalize is around the running handler, norm is set, and errors
// are held until it is known what is in them. A success costs one branch per
// call and is never held.
//
// It is not pooled: a goroutine that outlives its handler would otherwise
// write into the answer to another client.
type writer struct {
	base http.ResponseWriter
	req  *http.Request
	norm *normalizer // of the innermost Normalize around the running handler
	rare *rare

	text     string // of an error, until it is sent
	bytes    int64
	asked    int   // what the handler wanted first; 0 if it never said
	status   int32 // sent, or about to be
	state    atomic.Uint32
	implicit bool // nobody called WriteHeader
	replaced bool // the body is ours
	aborted  bool
	forced   bool // the handler asked for a code that cannot be sent
	frozen   bool // the text belongs to another code, or is none
	seen     bool // the handler has had the header map in its hands
	encoded  bool // Content-Encoding was there before: it is an outer layer's
}

// The states of a writer. Between held and document nothing has been sent.
const (
	open      = iota // no final status yet
	sent             // the header is out; bytes pass
	swallow          // the header is out; bytes are dropped
	bodiless         // the header is out and forbids content
	hijacked         // the connection belongs to the handler
	closed           // the handler has returned
	held             // an error in the manner of http.Error: its text is to come
	complete         // an error whose text has come
	undecided        // an error without a type: the first bytes will tell
	lines            // an error without a type that turned out to be text
	explicit         // an error with a type of its own, and no bytes yet
	document         // a problem that this client wants in another form
)

func pending(state uint32) bool { return state >= held }

// rare has what few answers need.
type rare struct {
	encoding    []string // Content-Encoding of an outer layer
	interim     []int
	superfluous []Call
	late        http.Header // what the handler gets while the real header waits
	document    []byte      // a problem to be turned into another form
	dropped     int64
	conn        net.Conn
	writeErr    error
	panicked    any
	stack       []byte
	invalid     Call
	missing     []string
	misused     string
	told        bool // reported
	withheld    string
	atClose     []func()
}

func (w *writer) more() *rare {
	if w.rare == nil {
		w.rare = new(rare)
	}
	return w.rare
}

// shared marks the ResponseWriters of this package.
func (w *writer) shared() *writer { return w }

// Unwrap is for http.ResponseController: deadlines and full duplex.
func (w *writer) Unwrap() http.ResponseWriter { return w.base }

// Written reports whether the handler has given its answer, sent or held.
// respond.Handler asks this before it answers an error.
func (w *writer) Written() bool { return w.state.Load() != open }

func (w *writer) Header() http.Header {
	if !w.seen {
		w.look()
	}
	if pending(w.state.Load()) {
		return w.lateHeader()
	}
	return w.base.Header()
}

// look notes what outer layers have set, before the handler can add to it.
func (w *writer) look() {
	w.seen = true
	if encoding, ok := w.base.Header()["Content-Encoding"]; ok {
		w.encoded = true
		w.more().encoding = encoding
	}
}

// lateHeader returns the map to change after WriteHeader. Such changes are
// never sent (net/http takes a copy in WriteHeader), so they must not reach
// the real map while it waits.
func (w *writer) lateHeader() http.Header {
	m := w.more()
	if m.late == nil {
		m.late = w.base.Header().Clone()
		if m.late == nil {
			m.late = http.Header{}
		}
	}
	return m.late
}

// adoptLate makes the header that the handler has changed since the one to
// send, because the WriteHeader before counts for nothing.
func (w *writer) adoptLate() {
	if w.rare == nil || w.rare.late == nil {
		return
	}
	h := w.base.Header()
	clear(h)
	maps.Copy(h, w.rare.late)
	w.rare.late = nil
}

func (w *writer) WriteHeader(code int) {
	if code == http.StatusOK && w.state.Load() == open {
		w.asked = code
		w.prepare(code)
		w.commit(code)
		return
	}
	w.writeHeader(code)
}

// commit sends the header. The state changes after the call: if the base
// panics, nothing was sent.
func (w *writer) commit(code int) {
	w.base.WriteHeader(code)
	w.status = int32(code)
	w.state.Store(sent)
}

func (w *writer) writeHeader(code int) {
	switch state := w.state.Load(); {
	case state == open:
	case state == closed:
		return
	case state == hijacked:
		w.serverLog("http: response.WriteHeader on hijacked connection from %s", callerOf(code))
		return
	case interim(code):
		return // too late, and harmless
	case state == held && w.forced && sendable(code):
		w.asked, w.frozen = 0, false // the handler corrected itself before it wrote
		w.adoptLate()
		w.state.Store(open)
	default:
		w.superfluousCall(code)
		return
	}
	switch {
	case w.isInterim(code):
		w.writeInterim(code)
	case w.norm != nil:
		w.decide(code)
	default:
		if w.asked == 0 && !w.replaced {
			w.asked = code
		}
		w.commit(code)
	}
}

// interim reports whether the code announces a final answer, which 101 does
// not (RFC 9110, section 15.2).
func interim(code int) bool {
	return code >= 100 && code <= 199 && code != http.StatusSwitchingProtocols
}

// sendable reports whether code can be the status of an answer (RFC 9110,
// section 15).
func sendable(code int) bool { return status.ClassOf(code) != 0 }

// isInterim is interim for the protocol at hand: on HTTP/2 a 101 goes out as
// an interim answer, and another one follows.
func (w *writer) isInterim(code int) bool {
	return interim(code) || code == http.StatusSwitchingProtocols && w.norm == nil && w.req.ProtoMajor >= 2
}

// superfluousCall is for the second and later WriteHeader. net/http would log
// the wrapper as its caller, so it does not learn of the call.
func (w *writer) superfluousCall(code int) {
	w.frozen = true
	m := w.more()
	call := callerOf(code)
	if len(m.superfluous) < maxCalls {
		m.superfluous = append(m.superfluous, call)
	}
	if w.norm == nil && w.req.ProtoMajor < 2 { // HTTP/2 never logged it
		w.serverLog("http: superfluous response.WriteHeader call from %s", call)
	}
}

// serverLog writes where net/http's server writes such messages.
func (w *writer) serverLog(format string, call Call) {
	if srv, _ := w.req.Context().Value(http.ServerContextKey).(*http.Server); srv != nil && srv.ErrorLog != nil {
		srv.ErrorLog.Printf(format, call)
		return
	}
	log.Printf(format, call)
}

func (w *writer) Write(p []byte) (int, error) {
	switch w.state.Load() {
	case sent:
	case open:
		w.beforeImplicit()
	default:
		return w.writePending(p)
	}
	n, err := w.base.Write(p)
	w.wrote(int64(n), err)
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	switch w.state.Load() {
	case sent:
	case open:
		w.beforeImplicit()
	default:
		return w.writePending([]byte(s))
	}
	n, err := io.WriteString(w.base, s)
	w.wrote(int64(n), err)
	return n, err
}

// beforeImplicit prepares the 200 that net/http sends with the first bytes if
// nobody asked for another code.
func (w *writer) beforeImplicit() {
	w.prepare(http.StatusOK)
	w.implicit = true
	w.status = http.StatusOK
}

// wrote counts n bytes of content that the base has taken.
func (w *writer) wrote(n int64, err error) {
	if w.state.Load() == open {
		w.state.Store(sent)
	}
	if w.req.Method != http.MethodHead {
		w.bytes += n
	}
	if err != nil && w.more().writeErr == nil {
		w.rare.writeErr = err
	}
}

// readFrom keeps sendfile: the base copies from src itself.
func (w *writer) readFrom(src io.Reader) (int64, error) {
	switch state := w.state.Load(); {
	case state == sent:
	case state == open:
		w.beforeImplicit()
	default:
		return w.readPending(src)
	}
	rf, ok := w.base.(io.ReaderFrom)
	if !ok {
		return io.Copy(writeOnly{w}, src)
	}
	n, err := rf.ReadFrom(src)
	w.wrote(n, err)
	return n, err
}

// writeOnly hides ReadFrom, so that io.Copy does not come back to it.
type writeOnly struct{ io.Writer }

func (w *writer) Flush() { _ = w.FlushError() }

// FlushError commits what there is, and flushes the base or what it wraps.
func (w *writer) FlushError() error {
	state := w.state.Load()
	switch {
	case state == closed:
		return errReturned
	case state == open:
		w.prepare(http.StatusOK)
	case pending(state):
		w.release(true)
	}
	err := http.NewResponseController(w.base).Flush()
	if state == open && !isUnsupported(err) {
		w.status, w.implicit = http.StatusOK, true
		w.state.Store(sent)
	}
	if err != nil && !isUnsupported(err) && w.more().writeErr == nil {
		w.rare.writeErr = err
	}
	return err
}

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	state := w.state.Load()
	switch {
	case state == closed:
		return nil, nil, errReturned
	case pending(state):
		w.release(false)
	}
	conn, rw, err := http.NewResponseController(w.base).Hijack()
	if err != nil {
		return conn, rw, err
	}
	if state == open { // websocket libraries write their 101 to the connection
		w.status, w.implicit = http.StatusSwitchingProtocols, true
	}
	w.more().conn = conn
	w.state.Store(hijacked)
	return conn, rw, nil
}

// Deadlines and full duplex are not the writer's business. net/http's writers
// have these methods, so that some handlers ask for them without a controller.

func (w *writer) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(w.base).SetReadDeadline(t)
}

func (w *writer) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(w.base).SetWriteDeadline(t)
}

func (w *writer) EnableFullDuplex() error {
	return http.NewResponseController(w.base).EnableFullDuplex()
}

// CloseNotify is what [http.Request.Context] replaced. The base has it.
func (w *writer) CloseNotify() <-chan bool {
	return w.base.(closeNotifier).CloseNotify()
}

// close ends the answer when the outermost handler that uses the writer has
// returned. What comes later is refused.
func (w *writer) close() {
	switch state := w.state.Load(); {
	case w.aborted && (state == open || pending(state)):
		w.status = 0
	case state == open:
		w.status, w.implicit = http.StatusOK, true // net/http sends it now
	}
	w.state.Store(closed)
	if w.rare != nil {
		for _, f := range w.rare.atClose {
			f()
		}
	}
}

// errReturned answers a write that comes after its handler.
var errReturned = fmt.Errorf("middleware: the handler has returned: %w", http.ErrHandlerTimeout)
