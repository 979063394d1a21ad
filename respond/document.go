package respond

import (
	"net/http"
	"strings"
	"sync"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// write writes a problem that sendable has returned.
func (y reply) write(d *problem.Details) {
	if status.BodyForbidden(d.Status) {
		h := y.w.Header()
		addHeader(h, y.p.Header, d.Status)
		addHeader(h, d.Header, d.Status)
		sendEmpty(y.w, d.Status)
		return
	}
	if d.Title == "" && (d.Type == "" || d.Type == problem.BlankType) {
		d = d.With(problem.Title(status.Nearest(d.Status).Reason)) // RFC 9457, 4.2.1
	}
	if y.p.Render != nil && y.r != nil && y.render(d) {
		return
	}
	buf := bodies.Get().(*[]byte)
	body, mediaType := y.appendDocument((*buf)[:0], d)
	y.writeDocument(d, mediaType, body, make(fieldValues, fixed+1))
	putBody(buf, body)
}

// writeDocument writes a problem that has been encoded as body. v is the room for
// its header values.
func (y reply) writeDocument(d *problem.Details, mediaType string, body []byte, v fieldValues) {
	y.setHeader(y.w.Header(), d, mediaType, decimal(len(body)), v)
	y.sendDocument(d, d.Status, body)
}

// setHeader makes h the header of a response with d. The values that it adds are
// made in v.
func (y reply) setHeader(h http.Header, d *problem.Details, mediaType, length string, v fieldValues) {
	if y.x != nil {
		restoreEncoding(h, y.w)
	}
	setDocumentHeader(h, d.Status, v, mediaType, length)
	if mediaType == problem.MediaTypeHTML {
		h["Content-Security-Policy"] = []string{problem.HTMLSecurityPolicy}
	}
	if len(y.p.Header) > 0 {
		addHeader(h, y.p.Header, d.Status)
	}
	if len(d.Header) > 0 {
		addHeader(h, d.Header, d.Status)
	}
	if y.r != nil {
		varyByAccept(h, v)
	}
	switch {
	case isHTTP2(y.w, y.r): // which forbids both fields (RFC 9113, section 8.2.2)
		delete(h, "Connection")
		delete(h, "Upgrade")
	case len(h["Upgrade"]) > 0 && y.r != nil:
		exchange.ConnectUpgrade(h, y.r)
	}
}

func (y reply) sendDocument(d *problem.Details, code int, body []byte) {
	if y.x != nil {
		y.x.Problem = d
	}
	y.w.WriteHeader(code)
	_, _ = y.w.Write(body) // an error means that the client has gone
}

// render responds in the format of Responder.Render, and reports whether that
// returned one.
func (y reply) render(d *problem.Details) bool {
	h := y.w.Header()
	c := d.With()
	c.Header = h.Clone()
	if c.Header == nil {
		c.Header = http.Header{}
	}
	y.setHeader(c.Header, d, "", "", make(fieldValues, fixed+1))
	delete(c.Header, "Content-Type")
	delete(c.Header, "Content-Length")
	mediaType, body := y.p.Render(y.r, c)
	if body == nil {
		return false
	}
	clear(h)
	for field, values := range c.Header {
		h[http.CanonicalHeaderKey(field)] = values
	}
	h["Content-Type"] = []string{mediaType}
	if h["Content-Encoding"] == nil { // otherwise only the compressor knows the length
		h["Content-Length"] = []string{decimal(len(body))}
	}
	code := c.Status
	if !isFinal(code) || status.BodyForbidden(code) {
		code = d.Status
	}
	y.sendDocument(d, code, body)
	return true
}

// varyByAccept adds Accept to Vary. The value is made in v if v has room for it.
func varyByAccept(h http.Header, v fieldValues) {
	if v = v[fixed:]; len(v) > 0 && len(h["Vary"]) == 0 {
		v[0] = "Accept"
		h["Vary"] = v[0:1:1]
		return
	}
	addVary(h, "Accept")
}

// isHTTP2 reports whether the response is sent over HTTP/2 or later. Where the
// request is not known, that is so if w can push, as only net/http's writer of
// HTTP/2 can.
func isHTTP2(w http.ResponseWriter, r *http.Request) bool {
	if r != nil {
		return r.ProtoMajor >= 2
	}
	_, ok := w.(http.Pusher)
	return ok
}

// accept returns the Accept field of the request: before a handler changed it, if
// there is an exchange.
func (y reply) accept() string {
	switch {
	case y.x != nil:
		return y.x.Accept()
	case y.r != nil:
		return strings.Join(y.r.Header["Accept"], ", ")
	}
	return ""
}

// appendDocument appends d in the form that the client prefers. A client that
// accepts none of them gets JSON, which is more useful to it than a 406 (RFC 9457,
// section 3).
func (y reply) appendDocument(b []byte, d *problem.Details) (body []byte, mediaType string) {
	var err error
	switch mediaType = mediaTypeFor(y.accept()); mediaType {
	case problem.MediaTypeXML:
		body, err = d.AppendXML(b)
	case problem.MediaTypeHTML:
		body, err = y.appendPage(b, d)
	default:
		body, err = d.AppendJSON(b)
	}
	if err != nil {
		y.p.logger().Error("respond: problem extension dropped", "error", exchange.Loggable(err.Error(), maxCause))
	}
	return body, mediaType
}

// appendPage appends d as HTML, with a link to Home, the id of the request, and when
// to retry, which an outer layer or the Responder may know.
func (y reply) appendPage(b []byte, d *problem.Details) ([]byte, error) {
	o := problem.HTMLOptions{Home: y.p.Home}
	h := y.w.Header()
	if id := h["X-Request-Id"]; len(id) > 0 {
		o.RequestID = exchange.Loggable(id[0], maxLogged)
	}
	for _, from := range [...][]string{y.p.Header["Retry-After"], h["Retry-After"]} {
		if len(from) > 0 && len(d.Header["Retry-After"]) == 0 {
			d = d.With(problem.Header("Retry-After", from[0]))
		}
	}
	return d.AppendHTMLWith(b, o)
}

// mediaTypeFor returns the media type of a problem for a client with this Accept field.
func mediaTypeFor(accept string) string {
	if !mayPreferMarkup(accept) {
		return problem.MediaType
	}
	if offer := negotiate([]string{accept}, problem.MediaType, problem.MediaTypeXML, problem.MediaTypeHTML); offer != "" {
		return offer
	}
	return problem.MediaType
}

// mayPreferMarkup reports whether XML or HTML may have a higher weight than JSON. It
// is a quick test, since most clients accept only JSON, or anything. A wildcard
// beside a range for JSON may outweigh that range.
func mayPreferMarkup(accept string) bool {
	if accept == "" || accept == "*/*" {
		return false
	}
	return strings.Contains(accept, "*") || strings.ContainsAny(accept, "mM") && strings.ContainsAny(accept, "lL")
}

// bodies are the buffers that documents are encoded into.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled is the size in bytes up to which a buffer is reused. A larger one is
// rare, and would only hold memory.
const maxPooled = 16 << 10

// putBody returns buf to the pool, with body, which has been appended to it.
func putBody(buf *[]byte, body []byte) {
	if cap(body) <= maxPooled {
		*buf = body
		bodies.Put(buf)
	}
}
