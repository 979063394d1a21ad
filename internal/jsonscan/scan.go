// Package jsonscan scans JSON texts, for packages problem and request. Both therefore accept
// the same JSON, in every release of Go.
//
// Start with [Scanner], which finds where the parts of a text begin and end. [MembersOf],
// [DecodesItself] and [Expected] describe what encoding/json decodes into a Go type.
//
// The package does not decode values. It only removes the escapes of a string.
package jsonscan

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Scanner moves through a JSON text, value by value. It accepts the texts that
// [encoding/json.Valid] accepts, up to Depth, and does not allocate. Its methods return
// false if the text is malformed: then Fault is the reason and Pos the place.
type Scanner struct {
	Text  []byte
	Pos   int
	Depth int    // how many more arrays and objects may be opened
	Fault string // why the text was refused, or ""
}

// Span is the place of a part of the text. That of a string excludes the quotes.
type Span struct {
	From, To int
	Escaped  bool // the string contains a backslash
	Broken   bool // the string contains an unpaired surrogate
}

// Bytes returns the bytes of the text at p.
func (s *Scanner) Bytes(p Span) []byte { return s.Text[p.From:p.To] }

// TooDeep is the Fault of a text that is nested more deeply than Depth.
const TooDeep = "nested too deeply"

// fail sets the fault, unless there is one, and returns false.
func (s *Scanner) fail(why string) bool {
	if s.Fault == "" {
		s.Fault = why
	}
	return false
}

// Space moves past white space.
func (s *Scanner) Space() {
	for s.Pos < len(s.Text) {
		switch s.Text[s.Pos] {
		case ' ', '\t', '\n', '\r':
			s.Pos++
		default:
			return
		}
	}
}

// Peek returns the next byte, or 0 at the end. No JSON value begins with 0.
func (s *Scanner) Peek() byte {
	if s.Pos < len(s.Text) {
		return s.Text[s.Pos]
	}
	return 0
}

// Take moves past c and returns true if c is the next byte.
func (s *Scanner) Take(c byte) bool {
	if s.Peek() != c {
		return false
	}
	s.Pos++
	return true
}

// End moves past white space and reports whether that is the end of the text.
func (s *Scanner) End() bool {
	s.Space()
	return s.Pos == len(s.Text) || s.fail("data after the value")
}

// Members moves past an object. It calls f at the value of each member, with the place of the
// name. The function f has to move past the value, or return false to stop.
func (s *Scanner) Members(f func(name Span) bool) bool {
	if !s.Take('{') {
		return s.fail("not an object")
	}
	if s.Depth--; s.Depth < 0 {
		return s.fail(TooDeep)
	}
	s.Space()
	if !s.Take('}') {
		for {
			name, ok := s.String()
			if !ok {
				return false
			}
			s.Space()
			if !s.Take(':') {
				return s.fail("no colon after a name")
			}
			s.Space()
			if !f(name) {
				return false
			}
			s.Space()
			if s.Take('}') {
				break
			}
			if !s.Take(',') {
				return s.fail("no comma or closing brace after a member")
			}
			s.Space()
		}
	}
	s.Depth++
	return true
}

// Value moves past one value of any kind.
func (s *Scanner) Value() bool {
	switch c := s.Peek(); c {
	case '"':
		_, ok := s.String()
		return ok
	case '{':
		return s.Members(func(Span) bool { return s.Value() })
	case '[':
		return s.array()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c == '-' || Digit(c) {
			return s.Number()
		}
		return s.fail("not a value")
	}
}

// Elements moves past an array. It calls f at each element. The function f has to move past the
// element, or return false to stop.
func (s *Scanner) Elements(f func(index int) bool) bool {
	if !s.Take('[') {
		return s.fail("not an array")
	}
	if s.Depth--; s.Depth < 0 {
		return s.fail(TooDeep)
	}
	s.Space()
	if !s.Take(']') {
		for i := 0; ; i++ {
			if !f(i) {
				return false
			}
			s.Space()
			if s.Take(']') {
				break
			}
			if !s.Take(',') {
				return s.fail("no comma or closing bracket after an element")
			}
			s.Space()
		}
	}
	s.Depth++
	return true
}

// array is Elements without a function, which is faster.
func (s *Scanner) array() bool {
	s.Pos++
	if s.Depth--; s.Depth < 0 {
		return s.fail(TooDeep)
	}
	s.Space()
	if !s.Take(']') {
		for {
			if !s.Value() {
				return false
			}
			s.Space()
			if s.Take(']') {
				break
			}
			if !s.Take(',') {
				return s.fail("no comma or closing bracket after an element")
			}
			s.Space()
		}
	}
	s.Depth++
	return true
}

// literal moves past true, false or null.
func (s *Scanner) literal(word string) bool {
	if len(s.Text)-s.Pos < len(word) || string(s.Text[s.Pos:s.Pos+len(word)]) != word {
		return s.fail("not a value")
	}
	s.Pos += len(word)
	return true
}

// Number moves past a number.
func (s *Scanner) Number() bool {
	s.Take('-')
	if !s.Take('0') && !s.digits() {
		return s.fail("no digit in a number")
	}
	if s.Take('.') && !s.digits() {
		return s.fail("no digit after a decimal point")
	}
	if s.Take('e') || s.Take('E') {
		if !s.Take('+') {
			s.Take('-')
		}
		if !s.digits() {
			return s.fail("no digit in an exponent")
		}
	}
	return true
}

// digits moves past digits and reports whether there was at least one.
func (s *Scanner) digits() bool {
	from := s.Pos
	for s.Pos < len(s.Text) && Digit(s.Text[s.Pos]) {
		s.Pos++
	}
	return s.Pos > from
}

// Digit reports whether c is a decimal digit.
func Digit(c byte) bool { return '0' <= c && c <= '9' }

// String moves past a string and returns its place.
func (s *Scanner) String() (p Span, ok bool) {
	if !s.Take('"') {
		return p, s.fail("not a string")
	}
	p.From = s.Pos
	for s.Pos < len(s.Text) {
		switch c := s.Text[s.Pos]; {
		case c == '"':
			p.To = s.Pos
			s.Pos++
			return p, true
		case c == '\\':
			p.Escaped = true
			whole, ok := s.escape()
			if !ok {
				return p, false
			}
			p.Broken = p.Broken || !whole
		case c < ' ':
			return p, s.fail("control character in a string")
		default:
			s.Pos++
		}
	}
	return p, s.fail("no closing quote")
}

// escape moves past an escape sequence, or two that are a surrogate pair. It returns whole as
// false for an unpaired surrogate.
func (s *Scanner) escape() (whole, ok bool) {
	s.Pos++
	switch s.Peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.Pos++
		return true, true
	case 'u':
		r := hex4(s.Text[s.Pos+1:])
		if r < 0 {
			break
		}
		s.Pos += 5
		if !utf16.IsSurrogate(r) {
			return true, true
		}
		rest := s.Text[s.Pos:]
		if len(rest) < 2 || rest[0] != '\\' || rest[1] != 'u' || utf16.DecodeRune(r, hex4(rest[2:])) == utf8.RuneError {
			return false, true
		}
		s.Pos += 6
		return true, true
	}
	return false, s.fail("invalid escape in a string")
}
