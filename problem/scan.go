package problem

import "fmt"

// scanner moves over a JSON text and finds where its parts begin and end. It
// accepts what [encoding/json.Valid] accepts, up to a depth of its own, and it
// allocates nothing: what it has passed is addressed by spans.
type scanner struct {
	b     []byte
	i     int
	depth int    // how many more arrays and objects may be opened
	fault string // why the text is refused, once it is
}

// span is a part of the text: of a string what stands between the quotes.
type span struct {
	from, to int
	escaped  bool // has a backslash
}

func (s *scanner) text(p span) []byte { return s.b[p.from:p.to] }

// fail notes why the text is refused. It returns false, for its callers to
// return.
func (s *scanner) fail(why string) bool {
	if s.fault == "" {
		s.fault = why
	}
	return false
}

func (s *scanner) err() error {
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, s.fault, s.i)
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte, and 0 at the end. No JSON value begins with 0.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take moves past c, if that is the next byte.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// end reports whether only space is left.
func (s *scanner) end() bool {
	s.space()
	return s.i == len(s.b) || s.fail("something after the value")
}

// members moves past an object and calls f for each member, with the scanner
// at its value. f has to move past the value.
func (s *scanner) members(f func(name span) bool) bool {
	if !s.take('{') {
		return s.fail("no object")
	}
	if s.depth--; s.depth < 0 {
		return s.fail("nested too deeply")
	}
	s.space()
	if !s.take('}') {
		for {
			name, ok := s.string()
			if !ok {
				return false
			}
			s.space()
			if !s.take(':') {
				return s.fail("no colon after a name")
			}
			s.space()
			if !f(name) {
				return false
			}
			s.space()
			if s.take('}') {
				break
			}
			if !s.take(',') {
				return s.fail("object without an end")
			}
			s.space()
		}
	}
	s.depth++
	return true
}

// value moves past one value of any kind.
func (s *scanner) value() bool {
	switch c := s.peek(); c {
	case '"':
		_, ok := s.string()
		return ok
	case '{':
		return s.members(func(span) bool { return s.value() })
	case '[':
		return s.array()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c == '-' || digit(c) {
			return s.number()
		}
		return s.fail("no value")
	}
}

func (s *scanner) array() bool {
	s.i++
	if s.depth--; s.depth < 0 {
		return s.fail("nested too deeply")
	}
	s.space()
	if !s.take(']') {
		for {
			if !s.value() {
				return false
			}
			s.space()
			if s.take(']') {
				break
			}
			if !s.take(',') {
				return s.fail("array without an end")
			}
			s.space()
		}
	}
	s.depth++
	return true
}

func (s *scanner) literal(word string) bool {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fail("no value")
	}
	s.i += len(word)
	return true
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return s.fail("number without digits")
	}
	if s.take('.') && !s.digits() {
		return s.fail("number without a fraction after its point")
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return s.fail("number without an exponent after its e")
		}
	}
	return true
}

// digits moves past digits and reports whether there was one.
func (s *scanner) digits() bool {
	from := s.i
	for s.i < len(s.b) && digit(s.b[s.i]) {
		s.i++
	}
	return s.i > from
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// string moves past a string and returns what is between the quotes.
func (s *scanner) string() (p span, ok bool) {
	if !s.take('"') {
		return p, s.fail("no string")
	}
	p.from = s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			p.to = s.i
			s.i++
			return p, true
		case c == '\\':
			p.escaped = true
			if !s.escape() {
				return p, false
			}
		case c < ' ':
			return p, s.fail("control character in a string")
		default:
			s.i++
		}
	}
	return p, s.fail("string without an end")
}

// escape moves past a backslash and what it escapes.
func (s *scanner) escape() bool {
	s.i++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return true
	case 'u':
		if hex4(s.b[s.i+1:]) >= 0 {
			s.i += 5
			return true
		}
	}
	return s.fail("unknown escape in a string")
}
