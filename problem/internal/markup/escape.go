package markup

import "unicode/utf8"

// AppendReplaced appends s with U+FFFD for each byte of invalid UTF-8 and with
// what replace returns for a character, unless that is empty.
func AppendReplaced(b []byte, s string, replace func(rune) string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c == ' ' || '(' <= c && c <= '~' && c != '<' && c != '>' {
			i++ // most characters: none that anybody replaces
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
