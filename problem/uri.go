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
	open, end := literalHost(s)
	fragment := false
	for i := range len(s) {
		c := s[i]
		ok := uriByte(c)
		switch c {
		case '%':
			ok = i+2 < len(s) && hexDigit(s[i+1]) && hexDigit(s[i+2])
		case '[', ']':
			ok = i == open || i == end
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

// literalHost returns where the brackets around the IP address in an authority
// are, the only ones that a URI may have (RFC 3986, section 3.2.2), and -1 if
// there are none.
func literalHost(s string) (open, end int) {
	start := 0
	if i := strings.IndexAny(s, ":/?#"); i > 0 && s[i] == ':' {
		start = i + 1
	}
	if !strings.HasPrefix(s[start:], "//") {
		return -1, -1
	}
	start += 2
	authority := s[start:]
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	host := strings.LastIndexByte(authority, '@') + 1
	end = strings.LastIndexByte(authority, ']')
	if end < 0 || authority[host] != '[' || end+1 < len(authority) && authority[end+1] != ':' {
		return -1, -1
	}
	return start + host, start + end
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
