package exchange

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// gate stands between a handler whose time is bounded and its ResponseWriter. Each
// call enters, does its I/O without a lock, and leaves. When the time is over, no
// call can enter, and the supervisor waits until the last one has left. From then on
// the ResponseWriter belongs to the supervisor.
//
// The handler has its own header, since it may still change that while the
// supervisor sends another response.
type gate struct {
	base   http.ResponseWriter
	writer *Writer   // that base is
	around []*Writer // of the same exchange, outside of foreign layers; the innermost first
	outer  *Exchange // of base
	own    Exchange
	ctx    *deadline
	header http.Header
	before http.Header // of base, without what the handler has set: an outer layer may hold its error
	face   http.ResponseWriter

	encoding []string // Content-Encoding of a layer outside

	length string // Content-Length of the handler's response; "" if its end is not known

	mu       sync.Mutex
	idle     *sync.Cond
	calls    int // in progress
	reads    int
	begun    bool
	cut      bool // nothing can be written any more
	hijacked bool
	ended    bool          // the handler has
	unread   bool          // the body of an HTTP/1 request, or a part of it
	returned bool          // in time
	done     chan struct{} // closed when the supervisor has ended the exchange
	after    Wire          // of an exchange whose handler was late
	err      error         // of every call, when the time is over
	route    string

	superseded bool // a gate further in has given its response past the handler
}

// newGate returns a gate in front of w, and the request for the handler behind it.
func newGate(w http.ResponseWriter, r *http.Request, limit time.Duration) (*gate, *http.Request) {
	g := &gate{base: w, header: w.Header().Clone(), outer: Find(w)}
	_, g.writer = lookup(w)
	g.around = g.writer.around()
	g.encoding = g.header["Content-Encoding"]
	g.idle = sync.NewCond(&g.mu)
	g.done = make(chan struct{})
	g.ctx = withDeadline(r.Context(), time.Now().Add(limit))
	g.unread = r.Body != nil && r.Body != http.NoBody && r.ProtoMajor < 2
	inner := ownCopy(r, g.ctx, g.body(r.Body))
	g.own.enter(inner)
	g.own.Extra().gate = g
	x := g.outer
	g.own.responding, g.own.Logged = x.responding, x.Logged
	g.own.Head, g.own.Connect, g.own.accept = x.Head, x.Connect, x.accept
	g.face = g.faceFor()
	return g, inner
}

// enter admits a call. A call that begins the response publishes the handler's
// header.
func (g *gate) enter(begins bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	if pattern := g.own.Request.Pattern; pattern != "" {
		g.route = pattern
	}
	g.calls++
	if begins && !g.writer.OnWire() {
		if g.around != nil {
			g.remember()
		}
		g.publish()
	}
	g.begun = g.begun || begins
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	g.calls--
	if g.calls == 0 {
		g.idle.Broadcast()
	}
	g.mu.Unlock()
}

// unsent returns the innermost Writer for another response: neither it nor one
// further out has handed on a part of a final response. It is nil if the client may
// have received a part. A foreign layer inside of it may have one already: if such a
// layer buffers, or a Normalize outside of it holds an error, then the client has
// received nothing.
func (g *gate) unsent() (unsent *Writer) {
	if outer := g.outer.behind(); outer != nil && outer.writer.OnWire() {
		return nil
	}
	for _, w := range slices.Backward(g.around) {
		if w.OnWire() {
			return unsent
		}
		unsent = w
	}
	if g.writer.OnWire() {
		return unsent
	}
	return g.writer
}

// hasUnsent reports whether a Writer around g, or around a gate outside, has handed
// on no part of a final response. A nil gate has none.
func (g *gate) hasUnsent() bool {
	return g != nil && (g.unsent() != nil || g.outer.behind().hasUnsent())
}

// takeBack drops what the handler has given for its own response: an error that
// unsent holds, and header fields.
func (g *gate) takeBack(unsent *Writer) {
	unsent.Discard()
	if g.before != nil {
		replaceHeader(g.base.Header(), g.before)
	}
}

// remember keeps the header without what the handler has set for its own response.
func (g *gate) remember() {
	if g.before == nil {
		g.before = g.base.Header().Clone()
	}
}

// wire fills in what was handed to the network around the gate. Of an exchange
// whose time was over that is known when the supervisor has ended it.
func (g *gate) wire(wire *Wire, took time.Duration) {
	err := g.enter(false)
	if err == http.ErrHandlerTimeout {
		<-g.done
		*wire = g.after
		return
	}
	g.outer.wire(wire, took)
	if err == nil {
		g.leave()
	}
}

func (g *gate) isExpired() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err == http.ErrHandlerTimeout
}

// end records that the handler has ended, and reports whether it was in time.
func (g *gate) end() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	return g.err == nil
}

// closeUnbegun closes the gate if the response has not begun and no call is in
// progress. It reports whether the gate is closed.
func (g *gate) closeUnbegun() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended || g.calls > 0 || g.unsent() != g.writer {
		return false
	}
	g.err = http.ErrHandlerTimeout
	return true
}

// close closes the gate, unless the handler has ended or hijacked the connection. It
// reports whether the gate is closed.
func (g *gate) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended || g.hijacked {
		return false
	}
	g.err = http.ErrHandlerTimeout
	return true
}

// respondPast has respond give the response of a handler whose time is over at a gate
// further in, if a layer that only g or a gate outside of it knows has sent nothing
// yet. It returns the Writer that the response was given to, or nil.
func (g *gate) respondPast(respond func(http.ResponseWriter)) *Writer {
	if g == nil || g.enter(false) != nil {
		return nil
	}
	defer g.leave()
	g.mu.Lock()
	unsent := g.unsent()
	if unsent != nil {
		g.takeBack(unsent)
		g.begun, g.superseded = true, true
	}
	g.mu.Unlock()
	if unsent == nil {
		return g.outer.behind().respondPast(respond)
	}
	unsent.supersede(respond)
	g.settleHeld()
	return unsent
}

// settleHeld has the Writers around g, and around gates outside, replace what they
// hold of a response that is whole: its status is known then.
func (g *gate) settleHeld() {
	g.writer.settleNow()
	for _, w := range g.around {
		w.settleNow()
	}
	if outer := g.outer.behind(); outer != nil && outer.enter(false) == nil {
		outer.settleHeld()
		outer.leave()
	}
}

// conclude notes what was sent for a handler whose time was over, through the Writer
// that the response was given to; nil if there was none. A foreign layer outside of
// it may have more to do before a Writer further out knows the status.
func (g *gate) conclude(given *Writer) {
	g.outer.wire(&g.after, 0)
	g.after.Aborted = g.after.Aborted || g.outer.Aborted // which layers around another gate learn later
	if given != nil && g.after.Status == 0 {
		g.after.Status = given.Status()
	}
	close(g.done)
}

// stopReading has net/http not wait for the rest of the body after a handler that
// has ended late.
func (g *gate) stopReading() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unread && !g.hijacked {
		_ = http.NewResponseController(g.base).SetReadDeadline(longAgo)
	}
}

// publish replaces the header of base by the handler's.
func (g *gate) publish() {
	if g.returned { // it is that of base
		return
	}
	h := g.base.Header()
	replaceHeader(h, g.header)
	g.length = ""
	if length := h["Content-Length"]; len(length) == 1 && h["Trailer"] == nil {
		g.length = length[0]
	}
}

// isWhole reports whether the handler has handed on all of its response, so
// that nothing is left to cut: the length is the declared one, or the response has
// no body.
func (g *gate) isWhole() bool {
	if g.superseded {
		return true
	}
	w := g.writer
	switch w.state.Load() {
	case discarding, bodyless:
		return true
	case sent:
	default:
		return false
	}
	if code := w.Status(); code == http.StatusNoContent || code == http.StatusNotModified {
		return true
	}
	n, err := strconv.ParseInt(g.length, 10, 64)
	return err == nil && (w.x.Head || w.bytes == n)
}

// expire interrupts what blocks when the gate is closed, and waits until the
// ResponseWriter is free. It returns the Writer for another response, or nil if one
// was sent, whether that one is whole, and the route as far as the handler got.
func (g *gate) expire() (unsent *Writer, whole bool, route string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if late := g.interrupt(); late != nil {
		defer late.Stop()
	}
	for g.calls > 0 {
		g.idle.Wait()
	}
	g.awaitReads()
	if g.cut {
		return nil, false, g.route
	}
	if unsent = g.unsent(); unsent == nil {
		return nil, g.isWhole(), g.route
	}
	g.takeBack(unsent)
	if g.unread { // with full duplex net/http would not notice
		g.outer.Extra().Unread = true
	}
	return unsent, false, g.route
}

// interrupt ends what blocks, and the context of the handler. An interim response
// may still get through, with another response after it, and so may a header for
// which net/http reads the rest of the body first: these are interrupted by the
// timer that is returned.
func (g *gate) interrupt() (late *time.Timer) {
	control := http.NewResponseController(g.base)
	if g.reads > 0 || g.unread { // net/http would wait for the rest of the body
		_ = control.SetReadDeadline(longAgo)
	}
	unsent := g.hasUnsent()
	switch {
	case g.calls == 0 && (unsent || g.isWhole()):
	case !unsent && !g.unread && !g.superseded:
		g.cut = true
		_ = control.SetWriteDeadline(longAgo)
	default:
		late = time.AfterFunc(grace, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.cut = g.calls > 0; g.cut {
				_ = control.SetWriteDeadline(longAgo)
			}
		})
	}
	g.mu.Unlock()
	g.ctx.end(context.DeadlineExceeded)
	g.mu.Lock()
	return late
}

// awaitReads waits for the reads that a deadline has interrupted: net/http would
// take the deadline back if it found one in progress at the end, and then wait
// for the rest of the body. A body of another kind may not end them, so the wait
// is bounded.
func (g *gate) awaitReads() {
	patient := true
	timer := time.AfterFunc(grace, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		patient = false
		g.idle.Broadcast()
	})
	defer timer.Stop()
	for g.reads > 0 && patient {
		g.idle.Wait()
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// finish completes the exchange of a handler that was in time: it publishes the
// header, or the trailers in it.
func (g *gate) finish() {
	g.settle()
	g.outer.adopt(&g.own)
}

func (g *gate) settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.hijacked:
	case !g.begun: // a framework may respond only now, through the gate
		g.publish()
		g.returned = true
	default:
		g.publishTrailers()
		g.err = errReturned
	}
	if !g.hijacked { // the context of a hijacked connection lives on
		g.ctx.release()
	}
}

// publishTrailers copies the trailers that the handler has set since its header was
// sent. It leaves the other fields alone, which a compressor may have changed.
func (g *gate) publishTrailers() {
	h := g.base.Header()
	declared := strings.Join(h["Trailer"], ",")
	for name, values := range g.header {
		if strings.HasPrefix(name, http.TrailerPrefix) || isListed(declared, name) {
			h[name] = values
		}
	}
}

func isListed(list, name string) bool {
	for member := range strings.SplitSeq(list, ",") {
		if http.CanonicalHeaderKey(strings.TrimSpace(member)) == name {
			return true
		}
	}
	return false
}

func (g *gate) carried() (*Exchange, *Writer) { return &g.own, nil }

// Written reports whether the handler has responded.
func (g *gate) Written() bool {
	if g.enter(false) != nil {
		return g.isBegun()
	}
	defer g.leave()
	return g.writer.Written()
}

func (g *gate) isBegun() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.begun
}

func (g *gate) Header() http.Header {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.returned {
		return g.base.Header()
	}
	return g.header
}

func (g *gate) WriteHeader(code int) {
	interim := IsInterim(code) || code == http.StatusSwitchingProtocols && g.own.Request.ProtoMajor >= 2
	if g.enter(false) != nil {
		return
	}
	defer g.leave()
	if interim {
		g.writeInterim(code)
		return
	}
	g.mu.Lock()
	if !g.writer.OnWire() {
		if code < 200 || code >= 400 || g.own.Connect || g.around != nil { // it may be held
			g.remember()
		}
		g.publish()
		g.outer.hear(&g.own)
	}
	g.mu.Unlock()
	g.base.WriteHeader(code) // may panic, and then nothing has begun
	g.mu.Lock()
	g.begun = true
	g.mu.Unlock()
}

// writeInterim sends a 1xx with the handler's header. A 503 may still come, without
// these fields.
func (g *gate) writeInterim(code int) {
	if g.writer.OnWire() {
		g.base.WriteHeader(code)
		return
	}
	g.remember()
	g.publish()
	g.base.WriteHeader(code)
	if g.outer.handlerStatus == code { // a Policy outside of the gate has taken a 101 for the status
		g.own.handlerSet(code)
	}
}

func (g *gate) Write(p []byte) (int, error) {
	if err := g.enter(true); err != nil {
		return 0, err
	}
	defer g.leave()
	return g.base.Write(p)
}

func (g *gate) WriteString(s string) (int, error) {
	if err := g.enter(true); err != nil {
		return 0, err
	}
	defer g.leave()
	return io.WriteString(g.base, s)
}

// copyBuffers are the buffers of ReadFrom, of the same size as those of io.Copy.
var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadFrom passes a file to base, which may use sendfile; the deadline interrupts
// that like any write. Any other source may block for ever, which must not happen
// inside a call of base, so it is read here. Base still receives calls of ReadFrom,
// since net/http sends the header at the end of one.
func (g *gate) ReadFrom(src io.Reader) (n int64, err error) {
	if isFile(src) {
		return g.readFrom(src)
	}
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	for {
		k, err := src.Read(buf[:])
		if k > 0 {
			took, werr := g.readFrom(bytes.NewReader(buf[:k]))
			n += took
			if werr != nil {
				return n, werr
			}
		}
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// readFrom lets base copy from a source that does not block.
func (g *gate) readFrom(src io.Reader) (int64, error) {
	begun := g.mayBegin()
	if err := g.enter(true); err != nil {
		return 0, err
	}
	defer g.leave()
	n, err := g.base.(io.ReaderFrom).ReadFrom(src)
	if n == 0 && !begun && !isRefused(err) { // a file without a byte begins nothing
		g.unbegin()
	}
	return n, err
}

// mayBegin prepares for a call that may begin the response, and reports whether it
// has begun.
func (g *gate) mayBegin() (begun bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.begun && g.err == nil {
		g.remember()
	}
	return g.begun
}

// unbegin undoes that a call has begun the response, after it has sent nothing.
func (g *gate) unbegin() {
	g.mu.Lock()
	g.begun = false
	g.mu.Unlock()
}

func isFile(src io.Reader) bool {
	if limited, ok := src.(*io.LimitedReader); ok {
		src = limited.R
	}
	f, ok := src.(interface { // an *os.File, or what its WriteTo makes of it
		fs.File
		syscall.Conn
	})
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

func (g *gate) Flush() { _ = g.FlushError() }

func (g *gate) FlushError() error {
	begun := g.mayBegin()
	err := g.control(true, (*http.ResponseController).Flush)
	if !begun && errors.Is(err, http.ErrNotSupported) { // a wrapper below cannot
		g.unbegin()
	}
	return err
}

func (g *gate) SetReadDeadline(t time.Time) error {
	return g.control(false, func(c *http.ResponseController) error { return c.SetReadDeadline(t) })
}

func (g *gate) SetWriteDeadline(t time.Time) error {
	return g.control(false, func(c *http.ResponseController) error { return c.SetWriteDeadline(t) })
}

func (g *gate) EnableFullDuplex() error {
	return g.control(false, (*http.ResponseController).EnableFullDuplex)
}

// CloseNotify is what [http.Request.Context] replaced. The base has it.
func (g *gate) CloseNotify() <-chan bool { return g.base.(closeNotifier).CloseNotify() }

// control calls do with base, unless the time is over.
func (g *gate) control(begins bool, do func(*http.ResponseController) error) error {
	if err := g.enter(begins); err != nil {
		return err
	}
	defer g.leave()
	return do(http.NewResponseController(g.base))
}

// hijack ends the supervision if it succeeds: the connection is then the handler's.
func (g *gate) hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	err = g.control(false, func(c *http.ResponseController) (err error) {
		conn, rw, err = c.Hijack()
		g.mu.Lock()
		g.hijacked = err == nil
		g.mu.Unlock()
		return err
	})
	return conn, rw, err
}

func (g *gate) push(target string, opts *http.PushOptions) error {
	if err := g.enter(false); err != nil {
		return err
	}
	defer g.leave()
	return g.base.(http.Pusher).Push(target, opts)
}

// The types below are a gate with the interfaces of its base. None has Unwrap, which
// would bypass the gate.

type gate1 struct{ *gate }

func (g gate1) Hijack() (net.Conn, *bufio.ReadWriter, error) { return g.hijack() }

type gate2 struct{ controlled }

func (g gate2) Push(target string, opts *http.PushOptions) error { return g.g.push(target, opts) }

// controlled hides ReadFrom.
type controlled struct{ g *gate }

func (c controlled) carried() (*Exchange, *Writer)     { return c.g.carried() }
func (c controlled) Written() bool                     { return c.g.Written() }
func (c controlled) Header() http.Header               { return c.g.Header() }
func (c controlled) WriteHeader(code int)              { c.g.WriteHeader(code) }
func (c controlled) Write(p []byte) (int, error)       { return c.g.Write(p) }
func (c controlled) WriteString(s string) (int, error) { return c.g.WriteString(s) }
func (c controlled) Flush()                            { c.g.Flush() }
func (c controlled) FlushError() error                 { return c.g.FlushError() }
func (c controlled) SetReadDeadline(t time.Time) error { return c.g.SetReadDeadline(t) }
func (c controlled) SetWriteDeadline(t time.Time) error {
	return c.g.SetWriteDeadline(t)
}
func (c controlled) EnableFullDuplex() error  { return c.g.EnableFullDuplex() }
func (c controlled) CloseNotify() <-chan bool { return c.g.CloseNotify() }

// bare is for a base with neither of net/http's sets of interfaces. Deadlines and
// full duplex still work through http.ResponseController.
type bare struct{ g *gate }

func (b bare) carried() (*Exchange, *Writer)      { return b.g.carried() }
func (b bare) Written() bool                      { return b.g.Written() }
func (b bare) Header() http.Header                { return b.g.Header() }
func (b bare) WriteHeader(code int)               { b.g.WriteHeader(code) }
func (b bare) Write(p []byte) (int, error)        { return b.g.Write(p) }
func (b bare) WriteString(s string) (int, error)  { return b.g.WriteString(s) }
func (b bare) SetReadDeadline(t time.Time) error  { return b.g.SetReadDeadline(t) }
func (b bare) SetWriteDeadline(t time.Time) error { return b.g.SetWriteDeadline(t) }
func (b bare) EnableFullDuplex() error            { return b.g.EnableFullDuplex() }

// faceFor returns g as the ResponseWriter for the handler.
func (g *gate) faceFor() http.ResponseWriter {
	switch shape(g.base) {
	case 1:
		return gate1{g}
	case 2:
		return gate2{controlled{g}}
	}
	_, flusher := g.base.(http.Flusher)
	_, flushErrorer := g.base.(flushErrorer)
	_, hijacker := g.base.(http.Hijacker)
	if flusher || flushErrorer {
		return g.flushing(hijacker)
	}
	_, pusher := g.base.(http.Pusher)
	switch {
	case hijacker:
		return struct {
			bare
			hijackMethod
		}{bare{g}, hijackMethod{g}}
	case pusher:
		return struct {
			bare
			pushMethod
		}{bare{g}, pushMethod{g}}
	}
	return bare{g}
}

// flushing is faceFor for a base that can flush.
func (g *gate) flushing(hijacks bool) http.ResponseWriter {
	_, pusher := g.base.(http.Pusher)
	switch {
	case hijacks:
		return struct {
			bare
			flushMethods
			hijackMethod
		}{bare{g}, flushMethods{g}, hijackMethod{g}}
	case pusher:
		return struct {
			bare
			flushMethods
			pushMethod
		}{bare{g}, flushMethods{g}, pushMethod{g}}
	}
	return struct {
		bare
		flushMethods
	}{bare{g}, flushMethods{g}}
}

type flushMethods struct{ g *gate }

func (f flushMethods) Flush()            { f.g.Flush() }
func (f flushMethods) FlushError() error { return f.g.FlushError() }

type pushMethod struct{ g *gate }

func (p pushMethod) Push(target string, opts *http.PushOptions) error { return p.g.push(target, opts) }

// body returns the body of a request for the handler inside: the supervisor
// knows whether a read is in progress, and a handler that is late reads no more.
func (g *gate) body(b io.ReadCloser) io.ReadCloser {
	if b == nil || b == http.NoBody {
		return b
	}
	return &gatedBody{g, b}
}

type gatedBody struct {
	g *gate
	io.ReadCloser
}

func (b *gatedBody) Read(p []byte) (int, error) {
	g := b.g
	g.mu.Lock()
	if g.err != nil {
		g.mu.Unlock()
		return 0, g.err
	}
	g.reads++
	g.mu.Unlock()
	n, err := b.ReadCloser.Read(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reads--
	if g.err != nil {
		g.idle.Broadcast()
	}
	if err == io.EOF {
		g.unread = false
	}
	if g.err != nil && err != io.EOF {
		return n, g.err
	}
	return n, err
}
