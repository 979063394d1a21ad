package markup

import "unicode/utf8"

// AppendEscaped appends s, escaped for the text of an element and for an attribute value
// in double quotes. A page has variable text nowhere else. Invalid UTF-8 and control
// characters that HTML does not allow become U+FFFD.
func AppendEscaped(b []byte, s string) []byte {
	return AppendReplaced(b, s, func(r rune) string {
		switch {
		case r == '<':
			return "&lt;"
		case r == '>':
			return "&gt;"
		case r == '&':
			return "&amp;"
		case r == '"':
			return "&#34;"
		case r == '\'':
			return "&#39;"
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', 0x7F <= r && r <= 0x9F:
			return "\uFFFD"
		}
		return ""
	})
}

// AppendReplaced appends s. It replaces each byte of invalid UTF-8 by U+FFFD, and each
// character for which replace does not return "" by the result.
func AppendReplaced(b []byte, s string, replace func(rune) string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c == ' ' || '(' <= c && c <= '~' && c != '<' && c != '>' {
			i++ // most characters, which no caller replaces
			continue
		}
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		by := "\uFFFD"
		if r != utf8.RuneError || size > 1 {
			by = replace(r)
		}
		if by != "" {
			b = append(append(b, s[start:i]...), by...)
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}
