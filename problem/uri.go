package problem

import (
	"net/url"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// validReference reports whether s is a URI reference (RFC 3986, section 4.1),
// which may be empty.
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

// appendURI appends s as a JSON string that has only characters of a URI reference
// (RFC 3986, section 2). All other characters are percent-encoded.
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

// literalHost returns the positions of the brackets around an IP address in the
// authority, or -1 if there are none. A URI may have no other brackets (RFC 3986,
// section 3.2.2).
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

// isPlainURI reports whether appendURI can copy s as it is, which is true of
// nearly all URIs of problems. It returns false for a percent sign or a bracket,
// because whether they are valid depends on the bytes around them.
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

// uriBytes is a table of the results of uriByte.
var uriBytes = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = uriByte(byte(c))
	}
	return plain
}()

// uriByte reports whether c needs no encoding in the path, query and fragment of a
// URI.
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

// resolve resolves a relative reference against base (RFC 3986, section 5). It
// returns ref unchanged if it is absolute or not a valid reference. The usual
// references are resolved without parsing them.
func resolve(base *url.URL, ref string) string {
	if ref == "" || hasScheme(ref) {
		return ref
	}
	if ref[0] == '/' && base.Scheme != "" && needsNoParsing(ref) && needsNoParsing(base.Host) {
		return base.Scheme + "://" + base.Host + ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ref
	}
	b := *base
	b.User = nil // the credentials of the request must not become part of a type
	return b.ResolveReference(u).String()
}

// needsNoParsing reports whether a host or a path consists of letters, digits,
// colons, hyphens, underscores, single slashes, and dots that do not form a path
// segment such as "..".
func needsNoParsing(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/' || c == '.':
			if i+1 < len(s) && (s[i+1] == '/' || s[i+1] == '.') {
				return false
			}
		case c != '-' && c != '_' && c != ':' && !jsonscan.Digit(c) && (c|0x20 < 'a' || c|0x20 > 'z'):
			return false
		}
	}
	return s != ""
}
