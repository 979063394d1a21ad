package middleware

import (
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// policy is the exchange.Policy of Normalize: it decides what becomes of an error.
type policy struct {
	options NormalizeOptions
	habits  habits
}

// Decide decides about the final status that a handler has set.
func (p *policy) Decide(w *exchange.Writer, code int) exchange.Decision {
	x := w.Exchange()
	asked := code
	if to, ok := p.options.Codes[code]; ok {
		code = to
	}
	forced := false
	switch {
	case !sendable(code), code == http.StatusSwitchingProtocols && !mayUpgrade(x.Request, w.Header()):
		x.Extra().Invalid = exchange.CallerOf(asked)
		code, forced = http.StatusInternalServerError, true
	case p.options.Strict && code >= 200:
		if known := status.Nearest(code).Code; known != code {
			x.Extra().Invalid = exchange.CallerOf(asked)
			code = known
		}
	}
	switch {
	case isTunnel(x, code):
		return exchange.Decision{Code: http.StatusNotImplemented, Body: exchange.Tunnel}
	case code < 400:
		return exchange.Decision{Code: code}
	case code != asked: // the body was written for another code
		return exchange.Decision{Code: code, Body: exchange.Drop, Forced: forced}
	}
	return exchange.Decision{Code: code, Body: p.classify(w, code)}
}

// isTunnel reports whether, with this code, the connection becomes a tunnel (RFC
// 9110, section 9.3.6). With HTTP/2 only the stream does.
func isTunnel(x *exchange.Exchange, code int) bool {
	return x.Connect && x.Request.ProtoMajor < 2 && code >= 200 && code <= 299
}

// sendable reports whether code can be the status of a response (RFC 9110,
// section 15).
func sendable(code int) bool { return status.ClassOf(code) != 0 }

// mayUpgrade reports whether a 101 can be sent: it exists only in HTTP/1.1, and
// must name the protocol (RFC 9110, section 7.8; RFC 9113, section 8.6).
func mayUpgrade(r *http.Request, h http.Header) bool {
	return r.ProtoMajor == 1 && r.ProtoAtLeast(1, 1) && len(h["Upgrade"]) > 0
}

// Interim reports whether a 1xx may be sent to the client.
func (p *policy) Interim(x *exchange.Exchange, code int) bool {
	if !x.Request.ProtoAtLeast(1, 1) { // RFC 9110, section 15.2
		return false
	}
	return code != http.StatusContinue || // RFC 9110, section 10.1.1
		strings.EqualFold(x.Request.Header.Get("Expect"), "100-continue")
}

// classify returns the kind of error that the header announces.
func (p *policy) classify(w *exchange.Writer, code int) exchange.Body {
	h := w.Header()
	opaque := !w.EncodedOutside() && h["Content-Encoding"] != nil
	types, typed := h["Content-Type"], hasType(h)
	switch {
	case !typed && opaque:
		return exchange.Drop
	case !typed:
		return exchange.Untyped
	case isProblem(types) || isToldProblem(w.Exchange(), code): // never replaced, whatever the settings are
		return p.typed(w)
	}
	switch p.replacement(w, code) {
	case ReplaceNo:
		return p.typed(w)
	case ReplaceYes:
		if opaque || !isPlain(types) {
			return exchange.Drop
		}
		return exchange.Text
	}
	switch {
	case !isPlain(types):
		return p.typed(w)
	case opaque:
		return exchange.Drop
	case types[0] == plainText && isNosniff(h["X-Content-Type-Options"]) && !w.NosniffOutside():
		return exchange.Line // as http.Error writes
	}
	return exchange.Text
}

func (p *policy) replacement(w *exchange.Writer, code int) Replacement {
	if p.options.Replace == nil {
		return ReplaceUsual
	}
	return p.options.Replace(w.Exchange().Current, code, w.Header())
}

// typed returns the kind of an error with a Content-Type of its own. A response to
// HEAD has no body that would show whether the error is empty.
func (p *policy) typed(w *exchange.Writer) exchange.Body {
	if x := w.Exchange(); x.Head || x.Problem != nil {
		return exchange.Pass
	}
	return exchange.Typed
}

// isToldProblem reports whether package respond is writing a problem, whose
// Content-Type differs in HTML and XML.
func isToldProblem(x *exchange.Exchange, code int) bool {
	return x.Problem != nil && x.Problem.Status == code
}

// hasType reports whether a body has a type of its own. A handler that keeps
// net/http from sniffing sets none, or an empty one.
func hasType(h http.Header) bool {
	types := h["Content-Type"]
	return len(types) > 1 || len(types) == 1 && types[0] != ""
}

func isPlain(types []string) bool {
	return len(types) == 1 && (types[0] == plainText || strings.EqualFold(mediaType(types[0]), "text/plain"))
}

const plainText = "text/plain; charset=utf-8" // as http.Error spells it

func isNosniff(values []string) bool { return len(values) == 1 && values[0] == "nosniff" }

func isProblem(types []string) bool {
	return len(types) == 1 && types[0] != plainText && mediaType(types[0]) == problem.MediaType
}

// mediaType returns a Content-Type without its parameters.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(t)
}

// timeoutBody is the default body of http.TimeoutHandler.
const timeoutBody = "<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>"

// Sniff decides by its first bytes about an error without a Content-Type.
func (p *policy) Sniff(w *exchange.Writer, code int, first []byte) exchange.Body {
	switch p.replacement(w, code) {
	case ReplaceYes:
		return exchange.Text
	case ReplaceNo:
		return exchange.Pass
	}
	switch {
	case len(first) == 0: // flushed before a byte: perhaps a stream
		if code >= 500 {
			return exchange.Drop
		}
		return exchange.Pass
	case startsJSON(first): // which sniffing would call text
		if code >= 500 { // it may be an error message that begins so
			return exchange.Text
		}
		return exchange.Pass
	case code == http.StatusServiceUnavailable && string(first) == timeoutBody:
		return exchange.Line
	case looksLikeText(first):
		return exchange.Text
	case code >= 500 && http.DetectContentType(first) == "application/octet-stream":
		return exchange.Drop // perhaps a message with a control character
	}
	return exchange.Pass
}

// looksLikeText reports whether the first bytes of an error are plain text. For
// http.DetectContentType some words begin an image, such as "BM" a bitmap; if all
// bytes are printable, they are taken as words.
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

// Keep reports whether a text adds anything to its status code.
func (p *policy) Keep(code int, text []byte) bool { return !isCanned(code, text) }

// MaxText is the number of bytes of a text that are held.
func (p *policy) MaxText() int { return p.options.MaxText }

// TooLong decides about a text longer than MaxText. That of a 4xx passes through,
// since it is more likely a page than a message. That of a 5xx is not for clients.
func (p *policy) TooLong(w *exchange.Writer, code int) exchange.Body {
	if code >= 500 || p.replacement(w, code) == ReplaceYes {
		return exchange.Drop
	}
	return exchange.Pass
}
