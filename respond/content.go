package respond

import (
	"fmt"
	"io"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Text answers with plain text in UTF-8.
func Text(w http.ResponseWriter, code int, text string) {
	send(w, code, "text/plain; charset=utf-8", []byte(text))
}

// Template is a page to be filled with data: a *template.Template of package
// html/template, which escapes what it is given.
type Template interface {
	Execute(w io.Writer, data any) error
}

// HTML answers with the page that t makes of data. The page is complete before
// the status line is sent: if t fails, the client gets an Internal Server
// Error, and the log the reason. For a page that is ready use [Bytes].
func HTML(w http.ResponseWriter, code int, t Template, data any) {
	e := encoders.Get().(*encoder)
	if err := t.Execute(&e.buf, data); err != nil {
		failed(w, fmt.Errorf("respond: HTML: %w", err))
		return
	}
	send(w, code, "text/html; charset=utf-8", e.buf.Bytes())
	e.release()
}

// Bytes answers with content of the given media type. An empty one means
// application/octet-stream; nobody guesses.
func Bytes(w http.ResponseWriter, code int, mediaType string, content []byte) {
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	send(w, code, mediaType, content)
}

// send answers with content. A client must not take it for another type.
func send(w http.ResponseWriter, code int, mediaType string, content []byte) {
	if !sendable(w, code) {
		return
	}
	h := w.Header()
	encoded := len(h) > 0 && h["Content-Encoding"] != nil
	v := [...]string{mediaType, "nosniff", decimal(len(content))}
	values := v[:]
	h["Content-Type"] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	if !encoded { // else only the compressor knows it
		h["Content-Length"] = values[2:3:3]
	}
	w.WriteHeader(code)
	_, _ = w.Write(content) // the client may be gone, and there is nobody else to tell
}

// sendNothing answers with a code that may have content, and none.
func sendNothing(w http.ResponseWriter, code int) {
	h := w.Header()
	delete(h, "Content-Type")
	delete(h, "Content-Encoding")
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(code)
}

// sendable reports whether the answer with the code may have content. If not,
// it has been sent without.
func sendable(w http.ResponseWriter, code int) bool {
	switch {
	case !final(code):
		failed(w, fmt.Errorf("respond: status code %d cannot be sent", code))
		return false
	case status.BodyForbidden(code):
		sendEmpty(w, code)
		return false
	}
	return true
}
