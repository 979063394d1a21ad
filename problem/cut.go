package problem

import "unicode/utf8"

// cut returns s, or where that has more than limit bytes, its beginning and three
// dots in no more than these. No character is cut in two.
func cut(s string, limit int) string {
	const more = "..."
	if len(s) <= limit {
		return s
	}
	end := limit - len(more)
	for end > 0 && end > limit-len(more)-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}
