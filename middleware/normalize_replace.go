package middleware

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Replace writes the problem in place of an error. JSON that a handler has written
// without a Content-Type, or a 4xx through http.Error, was meant for clients. A 5xx
// through http.Error may contain the message of another server.
func (p *policy) Replace(w *exchange.Writer, direct http.ResponseWriter, code int, text string) {
	x := w.Exchange()
	if (code < 500 || !hasType(direct.Header())) && startsJSON(text) && json.Valid([]byte(text)) {
		x.Replaced = false // the body is the handler's
		sendJSON(direct, code, text)
		return
	}
	detail := ""
	if text = strings.TrimSpace(text); text != "" {
		showable := isShowable(text)
		if showable {
			detail = p.detail(x, code, text)
		}
		if detail == "" && (code >= 500 || !showable) {
			x.Withhold(text)
		}
	}
	if detail == "" {
		respond.Error(direct, code)
		return
	}
	respond.Error(direct, code, problem.Detail(detail))
}

// sendJSON sends JSON that a handler has written through http.Error, with its own
// media type.
func sendJSON(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	if _, encoded := h["Content-Encoding"]; !encoded {
		h["Content-Length"] = []string{strconv.Itoa(len(text))}
	}
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text))
}

// detail returns what the settings let the client read of the handler's text.
func (p *policy) detail(x *exchange.Exchange, code int, text string) string {
	switch {
	case p.options.Detail != nil:
		return p.options.Detail(x.Current, code, text)
	case code < 500:
		return text
	}
	return ""
}

// maxDetail is the length in bytes of the longest text that becomes a detail.
const maxDetail = 1 << 10

// isShowable reports whether the text of an error can become a detail.
func isShowable(text string) bool {
	return len(text) <= maxDetail && isPrintable(text)
}

// isPrintable reports whether text is valid UTF-8 without control characters other
// than white space.
func isPrintable(text string) bool {
	for i := range len(text) { // most texts are ASCII
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			return utf8.ValidString(text[i:]) && !strings.ContainsFunc(text[i:], unprintable)
		case unprintable(rune(c)):
			return false
		}
	}
	return true
}

func unprintable(r rune) bool {
	return (r < ' ' || r >= 0x7f && r < 0xa0) && r != '\n' && r != '\r' && r != '\t'
}

// isCanned reports whether a text adds nothing to its status code, as net/http's
// own errors: "404 page not found", "Method Not Allowed", "500 Internal Server
// Error".
func isCanned(code int, text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) >= 64 { // no phrase is that long
		return false
	}
	if len(text) > 4 && text[3] == ' ' && string(text[:3]) == strconv.Itoa(code) {
		text = text[4:]
	}
	switch string(text) {
	case "", "page not found":
		return true
	}
	return isFold(text, http.StatusText(code)) || isFold(text, status.Nearest(code).Reason)
}

// isFold reports whether text equals an ASCII phrase, regardless of case.
func isFold(text []byte, phrase string) bool {
	return len(text) == len(phrase) && strings.EqualFold(string(text), phrase)
}
