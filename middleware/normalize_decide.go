package middleware

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// decide is WriteHeader for a handler inside Normalize: every code other than
// 200 comes here.
func (w *writer) decide(code int) {
	n := w.norm
	if w.asked == 0 {
		w.asked = code
	}
	w.forced = false
	if to, ok := n.Codes[code]; ok {
		code = to
	}
	switch {
	case !sendable(code), code == http.StatusSwitchingProtocols && !w.mayUpgrade():
		w.more().invalid = callerOf(w.asked)
		code = http.StatusInternalServerError
		w.forced = true
	case n.Strict && code >= 200:
		if known := problem.Nearest(code).Code; known != code {
			w.more().invalid = callerOf(w.asked)
			code = known
		}
	}
	w.status = int32(code)
	if code < 400 {
		w.succeed(code)
		return
	}
	w.state.Store(w.classify(code))
	if w.state.Load() == sent { // nothing to wait for
		w.pass()
	}
}

// mayUpgrade reports whether a 101 can be sent: it exists in HTTP/1.1 only,
// and has to name the protocol (RFC 9110, section 7.8; RFC 9113, section 8.6).
func (w *writer) mayUpgrade() bool {
	return w.req.ProtoMajor == 1 && w.req.ProtoAtLeast(1, 1) && len(w.base.Header()["Upgrade"]) > 0
}

// writeInterim sends a 1xx, unless the client must not have it.
func (w *writer) writeInterim(code int) {
	switch {
	case keepsInterim(w.base): // it would be taken for the final status
		return
	case w.norm == nil:
	case !w.req.ProtoAtLeast(1, 1): // RFC 9110, section 15.2
		return
	case code == http.StatusContinue && !strings.EqualFold(w.req.Header.Get("Expect"), "100-continue"):
		return // RFC 9110, section 10.1.1
	}
	w.base.WriteHeader(code)
	m := w.more()
	if len(m.interim) < maxInterim {
		m.interim = append(m.interim, code)
	}
}

// maxInterim bounds Result.Interim: a proxy passes on as many as it gets.
const maxInterim = 16

// succeed sends a final status below 400.
func (w *writer) succeed(code int) {
	w.prepare(code)
	w.commit(code)
	if problem.BodyForbidden(code) && code != http.StatusSwitchingProtocols {
		w.state.Store(bodiless)
	}
}

// classify finds out from the header what kind of error the handler is about
// to write.
func (w *writer) classify(code int) uint32 {
	if w.forced || code != w.asked {
		w.frozen = true // what follows was written for another code
		return held
	}
	h := w.base.Header()
	if !w.seen {
		w.look()
	}
	_, encoded := h["Content-Encoding"]
	opaque := encoded && !w.encoded
	types, typed := h["Content-Type"]
	switch {
	case !typed && opaque:
		w.frozen = true
		return held
	case !typed:
		return undecided
	case w.norm.Replace != nil:
		if w.norm.Replace(w.req, code, h) {
			w.frozen = opaque || !isPlain(types)
			return held
		}
		return explicit
	case isPlain(types) && isNosniff(h["X-Content-Type-Options"]):
		w.frozen = opaque
		return held
	case isProblem(types) && !opaque && w.prefersOther():
		return document
	}
	return explicit
}

func isPlain(types []string) bool {
	return len(types) == 1 && (types[0] == "text/plain; charset=utf-8" || mediaType(types[0]) == "text/plain")
}

func isNosniff(values []string) bool { return len(values) == 1 && values[0] == "nosniff" }

func isProblem(types []string) bool {
	return len(types) == 1 && mediaType(types[0]) == problem.MediaType
}

// mediaType returns the type and subtype of a Content-Type as it is usually
// written: lower case, parameters after a semicolon.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(t)
}

// prefersOther reports whether the client would rather have a problem in
// another form than JSON.
func (w *writer) prefersOther() bool {
	accept := w.req.Header["Accept"]
	if len(accept) == 0 || !mentionsMarkup(accept) {
		return false
	}
	form := respond.Negotiate(w.req, problem.MediaType, problem.MediaTypeXML, problem.MediaTypeHTML)
	return form != "" && form != problem.MediaType
}

// mentionsMarkup is the quick answer for clients that accept only JSON or
// anything.
func mentionsMarkup(accept []string) bool {
	for _, a := range accept {
		if strings.Contains(a, "ml") || strings.Contains(a, "ML") || strings.Contains(a, "text/") {
			return true
		}
	}
	return false
}

// timeoutBody is what http.TimeoutHandler writes if it has no text of its own.
const timeoutBody = "<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>"

// judge decides about an untyped error by its first bytes.
func (w *writer) judge(p []byte) uint32 {
	switch {
	case w.norm.Replace != nil:
		if w.norm.Replace(w.req, int(w.status), w.base.Header()) {
			return held
		}
	case startsJSON(p): // would be sniffed as text
	case w.status == http.StatusServiceUnavailable && string(p) == timeoutBody:
		return complete
	case strings.HasPrefix(http.DetectContentType(p), "text/plain"):
		return lines
	}
	w.pass()
	return sent
}

func startsJSON[T string | []byte](p T) bool {
	for i := range len(p) {
		switch p[i] {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			return true
		default:
			return false
		}
	}
	return false
}

// collect takes the text of an error, or lets it pass when it turns out to be
// long.
func (w *writer) collect(p []byte) (int, error) {
	state := w.state.Load()
	switch {
	case state == complete: // http.Error writes once: this is an accident
		w.more().dropped += int64(len(p))
	case w.frozen:
		m := w.more()
		m.dropped += int64(len(p))
		if m.withheld == "" {
			m.withheld = bounded(p)
		}
	case state == document:
		m := w.more()
		if len(m.document)+len(p) > maxDocument {
			w.pass()
			return w.Write(p)
		}
		m.document = append(m.document, p...)
	case len(w.text)+len(p) > w.norm.MaxText:
		w.pass()
		return w.Write(p)
	case state != held || !isCanned(int(w.status), p): // else nothing is lost without it
		w.text += string(p)
	}
	if state == held && len(p) > 0 {
		w.state.Store(complete)
	}
	return len(p), nil
}

// maxDocument is the size in bytes up to which a problem is turned into
// another form.
const maxDocument = 64 << 10

// pass sends the header that waits, and what was collected, as they are.
func (w *writer) pass() {
	w.prepare(int(w.status))
	w.commit(int(w.status))
	if w.text != "" {
		_, _ = w.WriteString(w.text) // an error shows in the next write
		w.text = ""
	}
	if w.rare != nil && w.rare.document != nil {
		_, _ = w.Write(w.rare.document)
		w.rare.document = nil
	}
}

// readPending is ReadFrom for an answer whose header waits.
func (w *writer) readPending(src io.Reader) (int64, error) {
	if state := w.state.Load(); state == explicit {
		w.pass()
		return w.readFrom(src)
	} else if state != undecided {
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
	if werr != nil {
		return int64(n), werr
	}
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		return int64(n), nil
	default:
		return int64(n), err
	}
	more, err := w.readFrom(src)
	return int64(n) + more, err
}

// release ends the waiting early, because the handler flushes (the answer goes
// on, so it may be a stream) or hijacks.
func (w *writer) release(flush bool) {
	switch w.state.Load() {
	case undecided, explicit:
		w.pass()
	default:
		if !flush {
			w.forget()
			w.pass()
			return
		}
		w.settle()
		if w.state.Load() == sent {
			w.state.Store(swallow)
		}
	}
}

// forget drops what was collected.
func (w *writer) forget() {
	w.text = ""
	if w.rare != nil {
		w.rare.document = nil
	}
}

// settle sends what waits at the end of the handler.
func (w *writer) settle() {
	state := w.state.Load()
	if !pending(state) || w.aborted {
		return
	}
	if state == document && w.sendDocument() {
		return
	}
	w.sendProblem()
}

// checkLength notes a declared length that is wrong. Of less content the
// client waits for the rest, and takes the end for a failure (RFC 9112, section
// 8); of more, net/http sends a part or nothing.
func (w *writer) checkLength() {
	if w.state.Load() != sent || w.replaced || w.req.Method == http.MethodHead || w.aborted {
		return
	}
	declared := w.base.Header()["Content-Length"]
	if len(declared) != 1 {
		return
	}
	n, err := strconv.ParseInt(declared[0], 10, 64)
	switch {
	case err != nil:
	case n < w.bytes, w.rare != nil && isTooLong(w.rare.writeErr):
		w.misuse("the content was longer than its Content-Length")
	case n > w.bytes:
		w.misuse(fmt.Sprintf("Content-Length is %d, but the content ended after %d bytes", n, w.bytes))
	}
}

// isTooLong reports whether a write went beyond the declared length. HTTP/2
// has no error value for it.
func isTooLong(err error) bool {
	return errors.Is(err, http.ErrContentLength) || err != nil && strings.Contains(err.Error(), "declared Content-Length")
}

// caught handles the end of a handler that did not return, and returns the
// value to panic with again, if any.
func (w *writer) caught(v any, p *respond.Responder) any {
	if v == nil { // runtime.Goexit
		w.aborted = true
		return nil
	}
	if v == http.ErrAbortHandler {
		w.aborted = true
		return v
	}
	m := w.more()
	if m.panicked == nil || m.stack == nil {
		m.panicked, m.stack = origin(v)
		if m.stack == nil {
			m.stack = stack()
		}
	}
	switch state := w.state.Load(); {
	case state == open || pending(state):
		w.forget()
		w.aborted = false // as a Capture further in may have thought
		w.status = http.StatusInternalServerError
		w.sendThrough(p, "")
		return nil
	case state == hijacked:
		_ = m.conn.Close() // net/http lets go of it, and nobody else would
	}
	w.aborted = true
	return http.ErrAbortHandler
}

// errReturned answers a write that comes after its handler.
var errReturned = fmt.Errorf("middleware: the handler has returned: %w", http.ErrHandlerTimeout)
