package respond

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Redirect responds with a redirection to location: 303 to fetch the result of
// the request from there, 307 or 308 to repeat the request there, temporarily or
// permanently. The older 302 and 301 let a browser turn POST into GET. Any other
// code, and an empty location, are programming errors: they are logged, and the
// client gets a 500.
//
// The location may be relative. Bytes that no URI can have, such as a line break,
// are percent-encoded. Redirect does not check where the location leads: if any
// part of it comes from a request, use a [Redirector].
func Redirect(w http.ResponseWriter, code int, location string) {
	switch code {
	case 301, 302, 303, 307, 308:
	default:
		failInternally(w, fmt.Errorf("respond: Redirect: status code %d does not redirect", code))
		return
	}
	if location == "" {
		failInternally(w, fmt.Errorf("respond: Redirect: status code %d without a location", code))
		return
	}
	setLocation(w.Header(), location)
	sendZeroLength(w, code)
}

// Redirector redirects to locations that come from requests, and refuses those
// that would lead a client to another site. The zero value allows only paths on
// the same server. It is safe for concurrent use as long as its fields do not
// change.
type Redirector struct {
	// Hosts are the other servers that a client may be sent to, over http or
	// https, each as it stands in a URI: with its port, if it has one.
	Hosts []string
	// Fallback is the location for a client whose own is refused. Empty means
	// that the client gets a 400.
	Fallback string
}

// Redirect is the function [Redirect] for a location that may be hostile.
func (d Redirector) Redirect(w http.ResponseWriter, code int, location string) {
	switch {
	case d.Allows(location):
		Redirect(w, code, location)
	case d.Fallback != "":
		Redirect(w, code, d.Fallback)
	default:
		Error(w, http.StatusBadRequest, problem.Detail("The address to continue at is not one that this service sends clients to."))
	}
}

// Allows reports whether location is a path on the same server, which begins with
// a single slash, or a URI on one of the hosts. It refuses backslashes, white
// space and control characters, which browsers do not read as RFC 3986 does.
func (d Redirector) Allows(location string) bool {
	for i := range len(location) {
		if c := location[i]; c <= ' ' || c == '\\' || c == 0x7f {
			return false
		}
	}
	u, err := url.Parse(location)
	if err != nil || u.User != nil || u.Opaque != "" {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//")
	}
	return (u.Scheme == "https" || u.Scheme == "http") &&
		slices.ContainsFunc(d.Hosts, func(host string) bool { return host != "" && strings.EqualFold(host, u.Host) })
}

// setLocation sets Location to a URI reference, unless it is empty.
func setLocation(h http.Header, location string) {
	if location != "" {
		h["Location"] = []string{escapeReference(location)}
	}
}

// escapeReference percent-encodes the bytes that a URI cannot have. A
// backslash is one of them: some clients would read it as a slash.
func escapeReference(s string) string {
	return percentEncode(s, func(c byte) bool {
		return c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0
	})
}

func percentEncode(s string, bad func(byte) bool) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		c := s[i]
		if bad(c) {
			if b == nil {
				b = append(make([]byte, 0, len(s)+16), s[:i]...)
			}
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else if b != nil {
			b = append(b, c)
		}
	}
	if b == nil {
		return s
	}
	return string(b)
}
