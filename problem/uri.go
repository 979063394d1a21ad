package problem

import (
	"net/url"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// validReference reports whether s is a URI reference (RFC 3986, section 4.1).
// Like the reference, s may be empty.
func validReference(s string) bool {
	if _, err := url.Parse(s); err != nil {
		return false
	}
	return string(appendURI(nil, s)) == `"`+s+`"`
}

// hasScheme reports whether a URI reference is absolute.
func hasScheme(uri string) bool {
	i := strings.IndexAny(uri, ":/?#")
	return i > 0 && uri[i] == ':'
}

// appendURI appends s as a JSON string that is a URI reference, as far as its
// characters go (RFC 3986, section 2): others are percent-encoded.
func appendURI(b []byte, s string) []byte {
	b = append(b, '"')
	if isPlainURI(s) {
		b = append(b, s...)
		return append(b, '"')
	}
	// Only the host of an authority may have brackets.
	host := 0
	if at := strings.Index(s, "//"); at >= 0 {
		host = len(s)
		if end := strings.IndexAny(s[at+2:], "/?#"); end >= 0 {
			host = at + 2 + end
		}
	}
	fragment := false
	for i := range len(s) {
		c := s[i]
		ok := uriByte(c)
		switch c {
		case '%':
			ok = i+2 < len(s) && hexDigit(s[i+1]) && hexDigit(s[i+2])
		case '[', ']':
			ok = i < host
		case '#':
			ok = !fragment
			fragment = true
		}
		if ok {
			b = append(b, c)
		} else {
			b = appendPercent(b, c)
		}
	}
	return append(b, '"')
}

func appendPercent(b []byte, c byte) []byte {
	return append(b, '%', upperHex[c>>4], upperHex[c&0xf])
}

const upperHex = "0123456789ABCDEF"

func hexDigit(c byte) bool {
	return jsonscan.Digit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isPlainURI reports whether no byte of s needs to be encoded, or a look at its
// neighbours, as in nearly all URIs of problems: the first number sign begins
// the fragment.
func isPlainURI(s string) bool {
	fragment := false
	for i := range len(s) {
		switch {
		case uriBytes[s[i]]:
		case s[i] == '#' && !fragment:
			fragment = true
		default:
			return false
		}
	}
	return true
}

// uriBytes has the results of uriByte.
var uriBytes = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = uriByte(byte(c))
	}
	return plain
}()

// uriByte reports whether c may stand for itself everywhere behind the
// authority of a URI.
func uriByte(c byte) bool {
	if jsonscan.Digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
		return true
	}
	switch c {
	case '-', '.', '_', '~', ':', '/', '?', '@', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=':
		return true
	}
	return false
}
