package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Complete corrects the header that is about to be sent with code. Most responses
// are a 200 over HTTP/1, which needs no correction.
func (p *policy) Complete(w *exchange.Writer, code int) {
	x := w.Exchange()
	r := x.Request
	if code == http.StatusOK && r.ProtoMajor < 2 && !x.Connect {
		return
	}
	h := w.Header()
	if code < 400 {
		dropForbidden(h, code)
	} else {
		p.fill(x, h, code)
	}
	switch {
	case r.ProtoMajor >= 2:
		dropConnectionFields(h, code)
	case x.Connect && code >= 300:
		refuseTunnel(x, h)
	}
	if status.StorageForbidden(code) && !strings.Contains(h.Get("Cache-Control"), "no-store") {
		h["Cache-Control"] = []string{"no-store"}
	}
	if code == http.StatusOK && !x.Connect {
		return
	}
	if fields := lacking(code, r, h); len(fields) > 0 {
		x.Extra().Missing = fields
	}
	if reason := misplaced(code, r); reason != "" {
		misuse(x, reason)
	}
}

// refuseTunnel closes the connection, since the client may already have sent bytes
// into the tunnel. net/http does so since Go 1.26.9 and 1.27.2.
func refuseTunnel(x *exchange.Exchange, h http.Header) {
	h["Connection"] = []string{"close"}
	if extra := x.PeekExtra(); x.HandlerStatus() < 300 && (extra == nil || extra.Panic == nil) {
		misuse(x, "a 2xx to CONNECT begins a tunnel: hijack the connection, or refuse with an error (RFC 9110, section 9.3.6)")
	}
}

// dropConnectionFields removes the header fields that HTTP/2 forbids (RFC 9113,
// section 8.2.2). For "Connection: close" net/http ends the whole connection. A
// success keeps it, since it must be intended there, but the error of one request
// is not a reason to fail the others.
func dropConnectionFields(h http.Header, code int) {
	if len(h) == 0 {
		return
	}
	for _, field := range [...]string{"Upgrade", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding"} {
		delete(h, field)
	}
	if code >= 400 {
		delete(h, "Connection")
	}
}

// dropForbidden removes the header fields of a body from a response without one.
func dropForbidden(h http.Header, code int) {
	switch code {
	case http.StatusNoContent, http.StatusNotModified, http.StatusResetContent:
		delete(h, "Content-Length") // RFC 9110, section 8.6
		delete(h, "Transfer-Encoding")
	}
	switch code {
	case http.StatusNoContent, http.StatusResetContent:
		// As http.Error sets it. Any other type may be that of the resource (RFC
		// 9110, section 15.3.5).
		if isPlain(h["Content-Type"]) && isNosniff(h["X-Content-Type-Options"]) {
			delete(h, "Content-Type")
		}
	case http.StatusNotModified: // RFC 9110, section 15.4.5
		delete(h, "Content-Type")
		delete(h, "Content-Encoding")
		delete(h, "Content-Language")
	}
	if code == http.StatusResetContent { // RFC 9110, section 15.3.6
		h["Content-Length"] = []string{"0"}
	}
}

// fill adds the header fields that the status of an error requires and the
// settings provide.
func (p *policy) fill(x *exchange.Exchange, h http.Header, code int) {
	r := x.Request
	switch code {
	case http.StatusUnauthorized:
		if len(p.options.Challenges) > 0 && len(h["Www-Authenticate"]) == 0 {
			h["Www-Authenticate"] = append([]string(nil), p.options.Challenges...)
		}
	case http.StatusUpgradeRequired:
		if len(p.options.Upgrade) > 0 && len(h["Upgrade"]) == 0 && r.ProtoMajor < 2 {
			h["Upgrade"] = []string{strings.Join(p.options.Upgrade, ", ")}
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if p.options.RetryAfter > 0 && len(h["Retry-After"]) == 0 {
			h["Retry-After"] = []string{strconv.FormatInt(int64((p.options.RetryAfter-1)/time.Second)+1, 10)}
		}
	case http.StatusRequestEntityTooLarge:
		// http.MaxBytesReader cannot request this through a wrapped ResponseWriter
		// (go.dev/issue/73754), and the rest of the body would be read as the next
		// request.
		if r.ContentLength != 0 && r.ProtoMajor < 2 {
			h["Connection"] = []string{"close"}
		}
	}
	if p.options.Fill != nil {
		p.options.Fill(x.Current, code, h)
	}
	if len(h["Upgrade"]) > 0 && r.ProtoMajor < 2 {
		exchange.ConnectUpgrade(h, r)
	}
}

// lacking returns the header fields that a status requires and the handler has
// not set. Normalize never invents them, since only the handler knows the value.
func lacking(code int, r *http.Request, h http.Header) (fields []string) {
	info, known := status.Lookup(code)
	if !known {
		return nil
	}
	for _, names := range [...][]string{info.RequiredHeader(), info.ExpectedHeader()} {
		for _, name := range names {
			field := http.CanonicalHeaderKey(name)
			if _, ok := h[field]; !ok && !excused(code, r, h) {
				fields = append(fields, field)
			}
		}
	}
	return fields
}

// excused reports whether this response is an exception: each part of a multipart
// 206 has its own Content-Range (RFC 9110, section 15.3.7.2), and HTTP/2 has no
// Upgrade.
func excused(code int, r *http.Request, h http.Header) bool {
	switch code {
	case http.StatusPartialContent:
		return strings.HasPrefix(h.Get("Content-Type"), "multipart/byteranges")
	case http.StatusUpgradeRequired, http.StatusSwitchingProtocols:
		return r.ProtoMajor >= 2
	}
	return false
}

// misuse adds a reason to Report.Misused.
func misuse(x *exchange.Exchange, reason string) {
	extra := x.Extra()
	if extra.Misused != "" {
		extra.Misused += "; "
	}
	extra.Misused += reason
}

// misplaced returns why a status is wrong for this response, or "".
func misplaced(code int, r *http.Request) string {
	switch code {
	case 208:
		return "208 is for members of a multi-status response (RFC 5842, section 7.1)"
	case 305:
		return "305 is deprecated (RFC 9110, section 15.4.6)"
	case 306:
		return "306 is reserved (RFC 9110, section 15.4.7)"
	case 425:
		if r.Header.Get("Early-Data") == "" { // net/http itself accepts none
			return "425 is for requests in early data (RFC 8470, section 5.2)"
		}
	case 511:
		return "511 is for networks, not for origin servers (RFC 6585, section 6)"
	}
	return ""
}

// checkLength reports a wrong Content-Length. If the body is shorter, the client
// waits for the rest and sees the response fail (RFC 9112, section 8). If it is
// longer, net/http sends a part of it or nothing.
func checkLength(w *exchange.Writer) {
	x := w.Exchange()
	if !w.Sending() || x.Replaced || x.Head || x.Aborted {
		return
	}
	declared := w.Header()["Content-Length"]
	if len(declared) == 0 {
		return
	}
	var failed error // of a write
	if extra := x.PeekExtra(); extra != nil {
		failed = extra.WriteErr
	}
	n, err := strconv.ParseUint(declared[0], 10, 63) // net/http accepts a sign
	switch n := int64(n); {
	case len(declared) > 1:
		misuse(x, "more than one Content-Length is set")
	case err != nil:
		misuse(x, fmt.Sprintf("Content-Length is %q, which is not a length", exchange.Loggable(declared[0], 32)))
	case n < w.Bytes(), isTooLong(failed):
		misuse(x, "the body was longer than its Content-Length")
	case failed != nil || x.Request.Context().Err() != nil: // the client left first
	case n > w.Bytes():
		misuse(x, fmt.Sprintf("Content-Length is %d, but the body ended after %d bytes", n, w.Bytes()))
	}
}

// isTooLong reports whether a write exceeded the declared length. HTTP/2 has no
// error value for it.
func isTooLong(err error) bool {
	return errors.Is(err, http.ErrContentLength) || err != nil && strings.Contains(err.Error(), "declared Content-Length")
}
