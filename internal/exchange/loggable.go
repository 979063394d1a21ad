package exchange

import (
	"strings"
	"unicode"
)

// Loggable returns the first limit bytes of s for a log record, and an ellipsis if s is
// longer. Control characters and line separators become spaces, since not every log
// handler escapes them, and invalid UTF-8 becomes U+FFFD.
func Loggable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	for i := range len(s) { // most strings are printable ASCII
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(printable, strings.ToValidUTF8(s, "\uFFFD"))
		}
	}
	return s
}

func printable(r rune) rune {
	if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}
