package middleware

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

var defaultResponder respond.Responder

// sendProblem replaces the held error by the problem for its status.
func (w *writer) sendProblem() {
	var body []byte
	if w.rare != nil {
		body = w.rare.body
		w.rare.body = nil
	}
	if startsJSON(body) && json.Valid(body) {
		w.sendJSON(body)
		return
	}
	detail := ""
	if body = bytes.TrimSpace(body); !isCanned(w.status, body) {
		if isShowable(body) {
			detail = w.detailFor(w.status, body)
		}
		if detail == "" && w.rare.withheld == "" {
			w.rare.withheld = bounded(body)
		}
	}
	w.sendThrough(w.norm.Responder, detail)
}

// sendDocument turns a problem in JSON into the form that the client prefers,
// if it is one.
func (w *writer) sendDocument() bool {
	body := w.more().body
	if len(body) == 0 {
		return false
	}
	read := new(problem.Details)
	if err := json.Unmarshal(body, read); err != nil {
		w.pass()
		return true
	}
	w.rare.body = nil
	// A problem of one's own: one that was read counts as another server's,
	// and would be answered with 502.
	d := &problem.Details{
		Type: read.Type, Title: read.Title, Status: w.status, Detail: read.Detail,
		Instance: read.Instance, Extensions: read.Extensions,
	}
	n := w.norm
	w.startProblem(n.Responder).Problem(w, w.req, d)
	w.norm = n
	return true
}

// sendJSON sends a document that was put through http.Error under its own
// type.
func (w *writer) sendJSON(body []byte) {
	h := w.base.Header()
	h["Content-Type"] = []string{"application/json"}
	if _, encoded := h["Content-Encoding"]; !encoded {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.prepare(w.status)
	w.commit(w.status)
	_, _ = w.Write(body)
}

// sendThrough has package respond write the problem for the status. A detail
// of "" stands for the documented description.
func (w *writer) sendThrough(p *respond.Responder, detail string) {
	tuned := p != nil
	n := w.norm
	p = w.startProblem(p)
	switch {
	case detail != "":
		p.Problem(w, w.req, problem.New(w.status, problem.Detail(detail)))
	case tuned || mentionsMarkup(w.req.Header["Accept"]):
		p.Problem(w, w.req, problem.New(w.status))
	default:
		respond.Error(w, w.status) // prepared
	}
	w.norm = n
}

// startProblem opens the writer for package respond: while it writes, nothing
// is normalized.
func (w *writer) startProblem(p *respond.Responder) *respond.Responder {
	if !w.seen {
		w.look()
	}
	h := w.base.Header()
	if w.encoded { // FileServer deletes it (go.dev/issue/66343)
		h["Content-Encoding"] = w.rare.encoding
	} else { // it was the handler's
		delete(h, "Content-Encoding")
	}
	w.prepare(w.status)
	respond.Vary(w.base, "Accept")
	w.norm = nil
	w.replaced = true
	w.state.Store(open)
	if p == nil {
		p = &defaultResponder
	}
	return p
}

// detailFor asks the settings what of the handler's text the client may read.
func (w *writer) detailFor(code int, text []byte) string {
	if w.norm.Detail != nil {
		return w.norm.Detail(w.req, code, string(text))
	}
	if code < 500 {
		return string(text)
	}
	return ""
}

// maxDetail is the length in bytes of the longest text that becomes a detail.
const maxDetail = 1 << 10

// isShowable reports whether the text of an error may be shown at all.
func isShowable(text []byte) bool {
	return len(text) <= maxDetail && utf8.Valid(text) && bytes.IndexFunc(text, unprintable) < 0
}

func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// isCanned reports whether a text says no more than the status code does, as
// net/http's own errors do: "404 page not found", "Method Not Allowed",
// "500 Internal Server Error".
func isCanned(code int, text []byte) bool {
	if len(text) == 0 || string(text) == "404 page not found" {
		return true
	}
	if len(text) > 4 && text[3] == ' ' && string(text[:3]) == strconv.Itoa(code) {
		text = text[4:]
	}
	return len(text) < 64 && (strings.EqualFold(string(text), http.StatusText(code)) || strings.EqualFold(string(text), problem.Nearest(code).Reason))
}
