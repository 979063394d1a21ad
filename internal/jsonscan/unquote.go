package jsonscan

import (
	"unicode/utf16"
	"unicode/utf8"
)

// hex4 returns the value of the four hexadecimal digits at the beginning of b, or -1 if there
// are not four.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case Digit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// AppendUnquoted appends src, the bytes of a string that [Scanner.String] accepted, without its
// escapes. Each unpaired surrogate and each byte of invalid UTF-8 becomes U+FFFD.
func AppendUnquoted(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(src[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		case c != '\\':
			dst = append(dst, c)
			i++
		case src[i+1] == 'u':
			r, size := unescapeRune(src[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		default:
			dst = append(dst, unescapeByte(src[i+1]))
			i += 2
		}
	}
	return dst
}

// unescapeByte returns the character of an escape such as \n. Any other character than those
// below stands for itself.
func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unescapeRune returns the character of the \u escape at the beginning of src, or of the two that
// are a surrogate pair, and its size in src.
func unescapeRune(src []byte) (r rune, size int) {
	r = hex4(src[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(src) >= 12 && src[6] == '\\' && src[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(src[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}
