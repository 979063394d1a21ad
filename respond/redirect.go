package respond

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Redirect answers with one of the codes that send the client elsewhere: 303
// to fetch a result, 307 and 308 to repeat the request there, for now or for
// good; 302 and 301 are their older forms, where browsers turn POST into GET.
// Another code is a mistake, which is logged and answered with 500, and so is
// an empty location.
//
// The location may be relative. What no URI can have, such as a line break, is
// percent-encoded. It is not asked where the location leads: if any part of it
// comes from a request, use a [Redirector].
func Redirect(w http.ResponseWriter, code int, location string) {
	switch code {
	case 301, 302, 303, 307, 308:
	default:
		failed(w, fmt.Errorf("respond: Redirect: status code %d does not redirect", code))
		return
	}
	if location == "" {
		failed(w, fmt.Errorf("respond: Redirect: %d without a location", code))
		return
	}
	locate(w.Header(), location)
	sendNothing(w, code)
}

// MultipleChoices answers 300 with the JSON of the choices, and with the
// preferred one in Location if there is one: many clients then go there.
func MultipleChoices(w http.ResponseWriter, preferred string, choices any) {
	locate(w.Header(), preferred)
	JSON(w, http.StatusMultipleChoices, choices)
}

// Redirector redirects to addresses that came with a request, where they do no
// harm. The zero value allows paths on the same server only. It is safe for
// concurrent use as long as nobody changes its fields.
type Redirector struct {
	// Hosts are the other servers that a client may be sent to, by http or
	// https: the host of an address, with its port if it has one.
	Hosts []string
	// Fallback is where a client goes whose address is refused. Empty means
	// that it gets a Bad Request instead.
	Fallback string
}

// Redirect is the function [Redirect] for a location that need not be trusted.
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

// Allows reports whether location is a path of the same server, or an address
// on one of the hosts. A path has to begin with a single slash. Whatever
// browsers read in another way than URIs are written is refused: backslashes,
// white space and control characters.
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

// locate sets Location to a URI reference, unless it is empty.
func locate(h http.Header, location string) {
	if location != "" {
		h["Location"] = []string{escapeReference(location)}
	}
}

// escapeReference percent-encodes the bytes that cannot stand in a URI. A
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
