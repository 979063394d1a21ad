package respond

import (
	"net/http"
	"sync"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Problem answers with d in the form that the client prefers: JSON, unless its
// Accept field gives XML or HTML a higher weight. d is not changed. A nil d
// stands for an Internal Server Error; a nil r for a client without wishes.
//
// A problem that has a cause is logged. One that was read from another server
// is not passed on: it becomes a Bad Gateway, as [problem.From] has it.
func Problem(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	defaults.Problem(w, r, d)
}

// bodies keeps the buffers that documents are encoded into.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled is the size in bytes up to which a buffer is kept for the next
// document. A larger one was an exception and would only hold memory.
const maxPooled = 16 << 10

// send writes a problem that has a final status.
func (p *Responder) send(w http.ResponseWriter, r *http.Request, d *problem.Details, v fieldValues) {
	h := w.Header()
	if status.BodyForbidden(d.Status) {
		addHeader(h, p.Header, d.Status)
		addHeader(h, d.Header, d.Status)
		sendEmpty(w, d.Status)
		return
	}
	if d.Title == "" && (d.Type == "" || d.Type == problem.BlankType) {
		d = d.With(problem.Title(status.Nearest(d.Status).Reason)) // RFC 9457, 4.2.1
	}
	buf := bodies.Get().(*[]byte)
	body, mediaType, err := appendDocument((*buf)[:0], r, d)
	if err != nil {
		p.logger().Error("respond: extension left out of a problem", "error", err)
	}
	p.sendDocument(w, r, d, v, mediaType, body)
	keep(buf, body)
}

// sendDocument writes a problem that is encoded already.
func (p *Responder) sendDocument(w http.ResponseWriter, r *http.Request, d *problem.Details, v fieldValues, mediaType string, body []byte) {
	h := w.Header()
	describe(h, d.Status, v, mediaType, decimal(len(body)))
	if mediaType == problem.MediaTypeHTML {
		h["Content-Security-Policy"] = []string{problem.HTMLPolicy}
	}
	if len(p.Header) > 0 {
		addHeader(h, p.Header, d.Status)
	}
	if len(d.Header) > 0 {
		addHeader(h, d.Header, d.Status)
	}
	if r != nil {
		if v = v[fixed:]; len(v) > 0 && len(h["Vary"]) == 0 {
			v[0] = "Accept"
			h["Vary"] = v[0:1:1]
		} else {
			addVary(h, "Accept")
		}
	}
	if isHTTP2(w, r) { // those fields belong to a connection of HTTP/1 (RFC 9113, section 8.2.2)
		delete(h, "Connection")
		delete(h, "Upgrade")
	}
	w.WriteHeader(d.Status)
	_, _ = w.Write(body) // the client may be gone, and there is nobody else to tell
}

// isHTTP2 tells by the writer where there is no request: only that of HTTP/2
// can push.
func isHTTP2(w http.ResponseWriter, r *http.Request) bool {
	if r != nil {
		return r.ProtoMajor >= 2
	}
	_, ok := w.(http.Pusher)
	return ok
}

// keep returns a buffer, as it has grown to, for the next document.
func keep(buf *[]byte, grown []byte) {
	if cap(grown) <= maxPooled {
		*buf = grown
		bodies.Put(buf)
	}
}

// appendDocument appends d in the form that the client prefers. A client that
// accepts none of them gets JSON: an answer in a form that it did not ask for
// tells it more than a 406 would (RFC 9457, section 3).
func appendDocument(b []byte, r *http.Request, d *problem.Details) (body []byte, mediaType string, err error) {
	switch Negotiate(r, problem.MediaType, problem.MediaTypeXML, problem.MediaTypeHTML) {
	case problem.MediaTypeXML:
		body, err = d.AppendXML(b)
		return body, problem.MediaTypeXML, err
	case problem.MediaTypeHTML:
		body, err = d.AppendHTML(b)
		return body, problem.MediaTypeHTML, err
	}
	body, err = d.AppendJSON(b)
	return body, problem.MediaType, err
}
