package respond

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// JSON responds with v encoded as JSON, without escaping HTML. A Content-Type
// that the header already has is kept, for formats such as application/geo+json.
//
// If v cannot be encoded, the client gets a 500 and the error is logged.
//
// JSON, [Text], [HTML] and [Bytes] accept the codes from 200 to 599. Where the
// code forbids a body, none is sent. Any other code is a programming error: it is
// logged, and the client gets a 500.
func JSON(w http.ResponseWriter, code int, v any) {
	e := encoders.Get().(*encoder)
	if err := e.Encode(v); err != nil {
		failInternally(w, fmt.Errorf("respond: JSON: %w", err))
		return
	}
	mediaType := "application/json"
	if h := w.Header(); len(h) > 0 && len(h["Content-Type"]) > 0 {
		mediaType = h["Content-Type"][0]
	}
	send(w, code, mediaType, e.buf.Bytes())
	e.release()
}

// Text responds with text as text/plain in UTF-8.
func Text(w http.ResponseWriter, code int, text string) {
	send(w, code, "text/plain; charset=utf-8", []byte(text))
}

// Template is a page that [HTML] executes: a *template.Template of package
// html/template, which escapes its data.
type Template interface {
	Execute(w io.Writer, data any) error
}

// HTML executes t with data and responds with the result as text/html in UTF-8. It
// sends nothing before t has succeeded: if t fails, the client gets a 500 and the error
// is logged. For a page that needs no template use [Bytes].
func HTML(w http.ResponseWriter, code int, t Template, data any) {
	e := encoders.Get().(*encoder)
	if err := t.Execute(&e.buf, data); err != nil {
		failInternally(w, fmt.Errorf("respond: HTML: %w", err))
		return
	}
	send(w, code, "text/html; charset=utf-8", e.buf.Bytes())
	e.release()
}

// Bytes responds with a body of the given media type. An empty media type means
// application/octet-stream: the type is never guessed from the body.
func Bytes(w http.ResponseWriter, code int, mediaType string, body []byte) {
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	send(w, code, mediaType, body)
}

// send writes a response with a body, and with the field that forbids clients to
// sniff its type.
func send(w http.ResponseWriter, code int, mediaType string, body []byte) {
	switch {
	case !isFinal(code):
		failInternally(w, fmt.Errorf("respond: status code %d cannot be sent", code))
		return
	case status.BodyForbidden(code):
		sendEmpty(w, code)
		return
	}
	h := w.Header()
	encoded := len(h) > 0 && h["Content-Encoding"] != nil
	v := [...]string{mediaType, "nosniff", decimal(len(body))}
	values := v[:]
	h["Content-Type"] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	if !encoded { // otherwise only the compressor knows the length
		h["Content-Length"] = values[2:3:3]
	}
	w.WriteHeader(code)
	_, _ = w.Write(body) // an error means that the client has gone
}

// failInternally logs err and responds with 500.
func failInternally(w http.ResponseWriter, err error) {
	p, x := inEffect(w)
	p.reply(w, x).send(problem.New(http.StatusInternalServerError, problem.Cause(err)), nil)
}

// encoder is a json.Encoder with the buffer that it writes to.
type encoder struct {
	*json.Encoder
	buf bytes.Buffer
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.Encoder = json.NewEncoder(&e.buf)
	e.SetEscapeHTML(false)
	return e
}}

// release returns the encoder to the pool, unless its buffer is too large to
// keep. An encoder that failed is not released: json.Encoder repeats its error.
func (e *encoder) release() {
	if e.buf.Cap() <= maxPooled {
		e.buf.Reset()
		encoders.Put(e)
	}
}
