package middleware

import (
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
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
		if known := status.Nearest(code).Code; known != code {
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
	if status.BodyForbidden(code) && code != http.StatusSwitchingProtocols {
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
	case isProblem(types): // nothing to replace, whatever the settings say
		if !opaque && w.prefersOther() {
			return document
		}
		return explicit
	case w.norm.Replace != nil:
		if w.norm.Replace(w.req, code, h) {
			w.frozen = opaque || !isPlain(types)
			return held
		}
		return explicit
	case isPlain(types) && isNosniff(h["X-Content-Type-Options"]):
		w.frozen = opaque
		return held
	}
	return explicit
}

func isPlain(types []string) bool {
	return len(types) == 1 && (types[0] == plainText || mediaType(types[0]) == "text/plain")
}

const plainText = "text/plain; charset=utf-8" // as http.Error has it

func isNosniff(values []string) bool { return len(values) == 1 && values[0] == "nosniff" }

func isProblem(types []string) bool {
	return len(types) == 1 && types[0] != plainText && mediaType(types[0]) == problem.MediaType
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
	if len(accept) == 0 || !mayPreferMarkup(accept) {
		return false
	}
	form := respond.Negotiate(w.req, problem.MediaType, problem.MediaTypeXML, problem.MediaTypeHTML)
	return form != "" && form != problem.MediaType
}

// mayPreferMarkup is the quick answer for clients that accept only JSON, or
// anything. A wildcard beside a range for JSON may outweigh it.
func mayPreferMarkup(accept []string) bool {
	for _, a := range accept {
		if a == "*/*" && len(accept) == 1 {
			return false
		}
		if strings.Contains(a, "*") || strings.ContainsAny(a, "mM") && strings.ContainsAny(a, "lL") {
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
	case looksLikeText(p):
		return lines
	}
	w.pass()
	return sent
}

// looksLikeText reports whether the first bytes of an error are plain text. By
// the table that net/http sniffs with, some words begin an image or a page,
// such as "BM" a bitmap: without a byte that no text has, they are words.
func looksLikeText(p []byte) bool {
	sniffed := http.DetectContentType(p)
	return strings.HasPrefix(sniffed, "text/plain") || !strings.HasPrefix(sniffed, "text/") && isPrintable(string(p))
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
