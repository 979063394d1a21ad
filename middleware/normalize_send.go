package middleware

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

var defaultResponder respond.Responder

// sendProblem replaces the held error by the problem for its status.
func (w *writer) sendProblem() {
	text := w.text
	w.text = ""
	if startsJSON(text) && json.Valid([]byte(text)) {
		w.sendJSON(text)
		return
	}
	detail := ""
	judged := w.state.Load() == complete // by collect, which keeps nothing that is canned
	if text = strings.TrimSpace(text); text != "" && (judged || !isCanned(int(w.status), []byte(text))) {
		showable := isShowable(text)
		if showable {
			detail = w.detailFor(int(w.status), text)
		}
		if detail == "" && (w.status >= 500 || !showable) {
			w.more().withheld = strings.ToValidUTF8(text[:min(len(text), maxWithheld)], "\uFFFD")
		}
	}
	w.sendThrough(w.norm.Responder, detail)
}

// sendDocument turns a problem in JSON into the form that the client prefers,
// if it is one.
func (w *writer) sendDocument() bool {
	body := w.more().document
	if len(body) == 0 {
		return false
	}
	read := new(problem.Details)
	if err := json.Unmarshal(body, read); err != nil {
		w.pass()
		return true
	}
	w.rare.document = nil
	// A problem of one's own: one that was read counts as another server's,
	// and would be answered with 502.
	d := &problem.Details{
		Type: read.Type, Title: read.Title, Status: int(w.status), Detail: read.Detail,
		Instance: read.Instance, Extensions: read.Extensions,
	}
	n := w.norm
	w.startProblem(nil).Problem(w, w.req, d) // the settings of a Responder are for new problems
	w.norm = n
	return true
}

// sendJSON sends a document that was put through http.Error under its own
// type.
func (w *writer) sendJSON(text string) {
	h := w.base.Header()
	h["Content-Type"] = []string{"application/json"}
	if _, encoded := h["Content-Encoding"]; !encoded {
		h["Content-Length"] = []string{strconv.Itoa(len(text))}
	}
	w.prepare(int(w.status))
	w.commit(int(w.status))
	_, _ = w.WriteString(text)
}

// sendThrough has package respond write the problem for the status. A detail
// of "" stands for the documented description.
func (w *writer) sendThrough(p *respond.Responder, detail string) {
	tuned := p != nil
	n, code := w.norm, int(w.status)
	p = w.startProblem(p)
	switch {
	case tuned || mayPreferMarkup(w.req.Header["Accept"]):
		d := problem.New(code)
		if detail != "" {
			d.Detail = detail
		}
		p.Problem(w, w.req, d)
	case detail != "":
		respond.Vary(w.base, "Accept")
		respond.Error(w, code, problem.Detail(detail))
	default: // prepared
		respond.Vary(w.base, "Accept")
		respond.Error(w, code)
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
	if w.norm != nil {
		w.completeHeader(h, int(w.status))
		if w.norm.Fill != nil && w.req.ProtoMajor >= 2 {
			dropConnectionFields(h, int(w.status)) // of Fill
		}
	}
	w.norm = nil
	w.replaced = true
	w.state.Store(open)
	if p == nil {
		p = &defaultResponder
	}
	return p
}

// detailFor asks the settings what of the handler's text the client may read.
func (w *writer) detailFor(code int, text string) string {
	if w.norm.Detail != nil {
		return w.norm.Detail(w.req, code, text)
	}
	if code < 500 {
		return text
	}
	return ""
}

// maxDetail is the length in bytes of the longest text that becomes a detail.
const maxDetail = 1 << 10

// isShowable reports whether the text of an error may be shown at all.
func isShowable(text string) bool {
	return len(text) <= maxDetail && isPrintable(text)
}

// isPrintable reports whether text has nothing but characters and white space.
func isPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

func unprintable(r rune) bool {
	return (r < ' ' || r >= 0x7f && r < 0xa0) && r != '\n' && r != '\r' && r != '\t'
}

// isCanned reports whether a text says no more than the status code does, as
// net/http's own errors do: "404 page not found", "Method Not Allowed",
// "500 Internal Server Error".
func isCanned(code int, text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) >= 64 { // no phrase is that long
		return false
	}
	if len(text) > 4 && text[3] == ' ' && string(text[:3]) == strconv.Itoa(code) {
		text = text[4:]
	}
	phrase := http.StatusText(code)
	switch string(text) {
	case "", "page not found", phrase:
		return true
	}
	return strings.EqualFold(string(text), phrase) || strings.EqualFold(string(text), status.Nearest(code).Reason)
}
