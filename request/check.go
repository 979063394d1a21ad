package request

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem"
)

// check compares a JSON text with the type of v. It returns a problem with all faults:
// those that encoding/json reports, one at a time and without their places, and those that
// it ignores or that make it change a value. What check accepts, encoding/json decodes
// without loss.
//
// The caller has to decode the text that check returns. It lacks the unknown members, which
// encoding/json would decode into members whose names differ only in case.
func (d Decoder) check(text []byte, v any) ([]byte, error) {
	c := checker{Scanner: jsonscan.Scanner{Text: text, Depth: min(d.MaxDepth, maxDepth)}, allowUnknown: d.AllowUnknown}
	if c.Depth <= 0 {
		c.Depth = DefaultMaxDepth
	}
	root, into := targetOf(v)
	c.Space()
	if !c.value(root, into) || !c.End() {
		detail := problem.Detailf("The body of the request is not well-formed JSON: the error is at byte %d.", c.Pos+1)
		switch {
		case c.Fault == jsonscan.TooDeep:
			detail = problem.Detail("The body of the request is nested too deeply.")
		case c.Pos == len(text):
			detail = problem.Detail("The body of the request ends too early.")
		}
		return nil, problem.New(http.StatusBadRequest, detail)
	}
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	return c.withoutUnknown(), c.bug
}

// maxDepth is the limit of encoding/json.
const maxDepth = 10_000

// checker scans a text once and compares each value with the Go type that it will be
// decoded into.
type checker struct {
	jsonscan.Scanner
	path         []step
	names        [][]byte // the names of the open objects, the outermost first
	unknown      []removal
	faults       problem.Validation
	bug          error // a type that not every release of Go can decode into
	allowUnknown bool
}

// step is the name of a member or the index of an element.
type step struct {
	name  []byte
	index int // -1 for a member
}

// full reports whether the list of faults is full. Then the checker looks for no more.
func (c *checker) full() bool { return len(c.faults) >= problem.MaxFieldErrors }

// value checks the next value and moves past it. It returns false if the text is not
// well-formed. into is the Go value that the JSON value will be decoded into, or invalid if
// that is a new one.
func (c *checker) value(s *shape, into reflect.Value) bool {
	if c.full() {
		return c.Value()
	}
	if into.IsValid() {
		s, into = follow(s, into)
	}
	from := c.Pos
	switch c.Peek() {
	case '{':
		c.expect(s, s.form == structForm || s.form == mapForm)
		if !c.object(s, into) {
			return false
		}
	case '[':
		c.expect(s, s.form == listForm || s.form == arrayForm || s.form == bytesForm)
		if !c.array(s, into) {
			return false
		}
	case '"':
		text, ok := c.String()
		if !ok {
			return false
		}
		c.text(s, text)
	default:
		if !c.Value() {
			return false
		}
		c.literal(s, c.Text[from:c.Pos])
	}
	switch s.form {
	case ownForm:
		c.own(s, c.Text[from:c.Pos])
	case noForm:
		c.reportBug(c.Text[from], s.typ.String())
	}
	return true
}

// reportBug notes that not every release of Go can decode a value into a type, so that the
// developer finds out with any release. A null, which begins with n, can be decoded into
// every type.
func (c *checker) reportBug(first byte, typ string) {
	if first != 'n' && c.bug == nil {
		c.bug = problem.New(http.StatusInternalServerError, problem.Cause(errors.New("request: not every release of Go can decode into "+typ)))
	}
}

// expect adds a fault unless ok, which is whether the value can be decoded into the shape.
func (c *checker) expect(s *shape, ok bool) {
	if !ok && s.form > ownForm {
		c.fault(problem.CodeType, "must be "+jsonscan.Expected(s.typ))
	}
}

// object checks the members of an object.
func (c *checker) object(s *shape, into reflect.Value) bool {
	names := nameSet{c: c, first: len(c.names)}
	if s.form == structForm {
		names.known = make([]bool, len(s.members))
	}
	known, likely := 0, 0 // members so far, and the place of the next one in the struct
	ok := c.Members(func(p jsonscan.Span) bool {
		if c.full() {
			return c.Value()
		}
		name := c.Bytes(p)
		if p.Escaped {
			name = jsonscan.AppendUnquoted(nil, name)
		}
		if p.Broken {
			c.fault(problem.CodeName, "must not have names with unpaired surrogates")
		}
		c.path = append(c.path, step{name, -1})
		defer func() { c.path = c.path[:len(c.path)-1] }()
		if s.form != structForm {
			return c.entry(s, &names, name)
		}
		m := s.member(name, likely)
		if m != nil && names.known[m.place] || m == nil && names.add(name) {
			c.fault(problem.CodeDuplicate, "duplicate member")
		}
		if m == nil {
			return c.unknownMember(removal{from: p.From - 1, follows: known > 0})
		}
		names.known[m.place] = true
		known, likely = known+1, m.place+1
		return c.member(m, into)
	})
	c.names = c.names[:names.first]
	return ok
}

// member checks the value of a member that the struct has.
func (c *checker) member(m *member, into reflect.Value) bool {
	switch {
	case m.Dubious:
		c.reportBug(c.Peek(), `a member of type `+m.Type.String()+` with the option "string"`)
		return c.Value()
	case m.Quoted:
		return c.quoted(m.value())
	case into.IsValid():
		into, _ = into.FieldByIndexErr(m.Index) // invalid if an embedded pointer is nil
	}
	return c.value(m.value(), into)
}

// array checks the elements of an array.
func (c *checker) array(s *shape, into reflect.Value) bool {
	element := rawShape
	switch s.form {
	case listForm, arrayForm, bytesForm:
		element = shapeOf(s.typ.Elem())
	case anyForm:
		element = anyShape
	}
	n := 0
	ok := c.Elements(func(i int) bool {
		n++
		c.path = append(c.path, step{index: i})
		defer func() { c.path = c.path[:len(c.path)-1] }()
		return c.value(element, elementOf(into, i))
	})
	if s.form == arrayForm && n != s.typ.Len() {
		c.fault(problem.CodeLength, "must have "+count(s.typ.Len(), "element"))
	}
	return ok
}

// own checks a value of a type that decodes itself, by decoding it. The error of the type is
// not for clients, so the fault does not say what is wrong.
func (c *checker) own(s *shape, value []byte) {
	if s.pointer && value[0] == 'n' {
		return // null makes the pointer nil
	}
	if isExcessiveValue(s.typ, value) {
		c.fault(problem.CodeRange, "must be a number"+supportedRange)
		return
	}
	if json.Unmarshal(value, reflect.New(s.typ).Interface()) != nil {
		c.fault(problem.CodeInvalid, "invalid value")
	}
}

// isExcessiveValue is isExcessiveFor for a JSON value, which may be a string.
func isExcessiveValue(t reflect.Type, value []byte) bool {
	s := jsonscan.Scanner{Text: value}
	switch c := s.Peek(); {
	case c == '"':
		p, _ := s.String()
		if p.Escaped {
			return isExcessiveFor(t, jsonscan.AppendUnquoted(nil, s.Bytes(p)))
		}
		return isExcessiveFor(t, s.Bytes(p))
	case c == '-', jsonscan.Digit(c):
		return isExcessive(value)
	}
	return false
}

// maxPointer is the length in bytes of the longest pointer that is sent. The client chooses
// the names in it, and every fault inside a value repeats the name of the value.
const maxPointer = 512

// fault adds a fault in the value at the path.
func (c *checker) fault(code, detail string) {
	if c.full() {
		return
	}
	pointer, exact := c.pointer()
	if !exact {
		detail += " (inside this value)"
	}
	c.faults.Add(problem.FieldError{Detail: detail, Pointer: pointer, Code: code})
}

// pointer returns a pointer to the value at the path, and true. If that would be too long, it
// returns a pointer to the nearest value around it, and false.
func (c *checker) pointer() (pointer string, exact bool) {
	b := append(make([]byte, 0, 64), '#')
	for _, s := range c.path {
		start := len(b)
		if s.index >= 0 {
			b = strconv.AppendInt(append(b, '/'), int64(s.index), 10)
		} else if len(s.name) < maxPointer {
			b = append(b, problem.Pointer(string(s.name))[1:]...)
		}
		if len(b) > maxPointer || len(s.name) >= maxPointer {
			return string(b[:start]), false
		}
	}
	return string(b), true
}

// count returns a number and a noun, with the noun in the plural unless n is 1.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
