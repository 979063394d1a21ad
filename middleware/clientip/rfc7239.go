package clientip

import "strings"

// forParam returns the "for" parameter of a forwarded-element (RFC 7239,
// section 4), unquoted. It reports false unless the element is well-formed
// and has the parameter exactly once. Whitespace around ";" is tolerated.
func forParam(element string) (node string, ok bool) {
	for element != "" {
		element = trimOWS(element)
		if strings.HasPrefix(element, ";") {
			element = element[1:]
			continue // the grammar allows an empty pair
		}
		name, rest, _ := strings.Cut(element, "=")
		value, rest, valid := cutValue(rest)
		rest = trimOWS(rest)
		if !isToken(name) || !valid || rest != "" && rest[0] != ';' {
			return "", false
		}
		if strings.EqualFold(name, "for") {
			if ok {
				return "", false
			}
			node, ok = unescape(value), true
		}
		element = rest
	}
	return node, ok
}

// cutValue splits s after the token or the quoted-string (RFC 9110, section
// 5.6.4) with which it begins. The value is without its quotation marks, and
// still escaped.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := 0
		for i < len(s) && isTokenByte(s[i]) {
			i++
		}
		return s[:i], s[i:], i > 0
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '"' {
			return s[1:i], s[i+1:], true
		}
		if s[i] == '\\' {
			i++
		}
		if i == len(s) || !isText(s[i]) {
			break
		}
	}
	return "", "", false
}

// unescape removes the backslashes of quoted-pairs. There is none at the end.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// isText reports whether b may be in a quoted-string, perhaps escaped.
func isText(b byte) bool { return b == '\t' || b >= ' ' && b != 0x7f }

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(b byte) bool {
	return isAlphanumeric(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// isObfuscated reports whether s is an obfport (RFC 7239, section 6.3).
func isObfuscated(s string) bool {
	if len(s) < 2 || s[0] != '_' {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("._-", s[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}
