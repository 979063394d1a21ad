// Package jsonscan finds where the parts of a JSON text begin and end. It is the
// one parser of problem documents and of the bodies of requests, so that both
// mean the same by JSON, whatever the release of Go.
package jsonscan

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Scanner moves over a JSON text. It accepts what [encoding/json.Valid] accepts,
// up to a depth of its own, and allocates nothing: what it has passed is
// addressed by spans. Once a text is refused its position says where.
type Scanner struct {
	Text  []byte
	Pos   int
	Depth int    // how many more arrays and objects may be opened
	Fault string // why the text is refused, once it is
}

// Span is a part of the text: of a string what stands between the quotes.
type Span struct {
	From, To int
	Escaped  bool // has a backslash
	Broken   bool // has half a surrogate pair, which stands for no character
}

// Bytes returns what a span addresses, as it stands in the text.
func (s *Scanner) Bytes(p Span) []byte { return s.Text[p.From:p.To] }

// TooDeep is the fault of a text that is nested more deeply than allowed.
const TooDeep = "nested too deeply"

// fail notes why the text is refused. It returns false, for its callers to
// return.
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

// Peek returns the next byte, and 0 at the end. No JSON value begins with 0.
func (s *Scanner) Peek() byte {
	if s.Pos < len(s.Text) {
		return s.Text[s.Pos]
	}
	return 0
}

// Take moves past c, if that is the next byte.
func (s *Scanner) Take(c byte) bool {
	if s.Peek() != c {
		return false
	}
	s.Pos++
	return true
}

// End reports whether only space is left.
func (s *Scanner) End() bool {
	s.Space()
	return s.Pos == len(s.Text) || s.fail("something after the value")
}

// Members moves past an object and calls f for each member, with the scanner
// at its value. f has to move past the value.
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
				return s.fail("object without an end")
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

// Elements moves past an array and calls f for each element, with the scanner at
// it. f has to move past the element.
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
				return s.fail("array without an end")
			}
			s.Space()
		}
	}
	s.Depth++
	return true
}

// array is Elements for elements that nobody looks at, without a call for each.
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
				return s.fail("array without an end")
			}
			s.Space()
		}
	}
	s.Depth++
	return true
}

func (s *Scanner) literal(word string) bool {
	if len(s.Text)-s.Pos < len(word) || string(s.Text[s.Pos:s.Pos+len(word)]) != word {
		return s.fail("not a value")
	}
	s.Pos += len(word)
	return true
}

func (s *Scanner) Number() bool {
	s.Take('-')
	if !s.Take('0') && !s.digits() {
		return s.fail("number without digits")
	}
	if s.Take('.') && !s.digits() {
		return s.fail("number without a fraction after its point")
	}
	if s.Take('e') || s.Take('E') {
		if !s.Take('+') {
			s.Take('-')
		}
		if !s.digits() {
			return s.fail("number without an exponent after its e")
		}
	}
	return true
}

// digits moves past digits and reports whether there was one.
func (s *Scanner) digits() bool {
	from := s.Pos
	for s.Pos < len(s.Text) && Digit(s.Text[s.Pos]) {
		s.Pos++
	}
	return s.Pos > from
}

// Digit reports whether c is a decimal digit.
func Digit(c byte) bool { return '0' <= c && c <= '9' }

// String moves past a string and returns what is between the quotes.
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
	return p, s.fail("string without an end")
}

// escape moves past a backslash and what it escapes, which is whole unless it is
// half of a surrogate pair.
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
	return false, s.fail("unknown escape in a string")
}
