package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem"
)

// check compares a JSON text with the type of v and returns a problem that lists
// what encoding/json would pass over, change, or report one at a time and
// without its place. What it accepts encoding/json reads without a loss.
//
// The text that it returns is the one to decode: without members that are
// unknown, which encoding/json would take for those that differ in case only.
func (d Decoder) check(text []byte, v any) ([]byte, error) {
	c := checker{Scanner: jsonscan.Scanner{Text: text, Depth: min(d.MaxDepth, maxDepth)}, allowUnknown: d.AllowUnknown}
	if c.Depth <= 0 {
		c.Depth = DefaultMaxDepth
	}
	root, into := target(v)
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
	return c.withoutUnknown(), c.mistake
}

// maxDepth is how deep encoding/json reads.
const maxDepth = 10_000

// checker goes once through a text, beside the Go type that it is meant for.
type checker struct {
	jsonscan.Scanner
	path         []step
	names        [][]byte // of all objects that are open, one behind the other
	unknown      []removal
	faults       problem.Validation
	mistake      error // of the program: a type that not every release of Go can decode into
	allowUnknown bool
}

// step is the name of a member, or the index of an element.
type step struct {
	name  []byte
	index int // -1 for a member
}

// full reports whether so many faults were found that further ones are not even
// looked for.
func (c *checker) full() bool { return len(c.faults) >= problem.MaxFieldErrors }

// value checks the value at the position and moves past it. It returns false
// where the text is not well-formed. What it is to be decoded into is valid if
// there may be a Go value already.
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
		c.want(s, s.form == structForm || s.form == mapForm)
		if !c.object(s, into) {
			return false
		}
	case '[':
		c.want(s, s.form == listForm || s.form == arrayForm || s.form == bytesForm)
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
		c.refuse(c.Text[from], s.typ.String())
	}
	return true
}

// refuse notes what cannot be decoded into in each release of Go, so that it is
// found with the first. A null decodes into anything.
func (c *checker) refuse(first byte, what string) {
	if first != 'n' && c.mistake == nil {
		c.mistake = problem.New(http.StatusInternalServerError, problem.Cause(errors.New("request: not every release of Go decodes into "+what)))
	}
}

// want adds a fault unless the value is of the kind that the shape is read from.
func (c *checker) want(s *shape, ok bool) {
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
	kept, likely := 0, 0
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
			return c.named(s, &names, name)
		}
		m := s.member(name, likely)
		if m != nil && names.known[m.place] || m == nil && names.add(name) {
			c.fault(problem.CodeDuplicate, "duplicate member")
		}
		if m == nil {
			return c.unknownMember(p.From-1, kept > 0)
		}
		names.known[m.place] = true
		kept, likely = kept+1, m.place+1
		return c.member(m, into)
	})
	c.names = c.names[:names.first]
	return ok
}

// member checks the value of a member of a struct.
func (c *checker) member(m *member, into reflect.Value) bool {
	switch {
	case m.Dubious:
		c.refuse(c.Peek(), `a member of type `+m.Type.String()+` with the option "string"`)
		return c.Value()
	case m.Quoted:
		return c.quoted(m.value())
	case into.IsValid():
		into, _ = into.FieldByIndexErr(m.Index) // none in an embedded pointer that is nil
	}
	return c.value(m.value(), into)
}

// named checks a member of an object whose names the client may choose.
func (c *checker) named(s *shape, names *nameSet, name []byte) bool {
	if names.add(name) {
		c.fault(problem.CodeDuplicate, "duplicate member")
	}
	switch s.form {
	case mapForm:
		c.key(s.typ.Key(), name, names)
		return c.value(shapeOf(s.typ.Elem()), reflect.Value{}) // which is a new one
	case anyForm:
		return c.value(anyShape, reflect.Value{})
	}
	return c.value(rawShape, reflect.Value{})
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

// own adds a fault if the type's own method refuses the value. What is wrong in
// it only the method knows, and its error is not for clients.
func (c *checker) own(s *shape, value []byte) {
	if s.pointer && value[0] == 'n' {
		return // null, which makes the pointer nil
	}
	if json.Unmarshal(value, reflect.New(s.typ).Interface()) != nil {
		c.fault(problem.CodeInvalid, "invalid value")
	}
}

// nameSet has the names of one object.
type nameSet struct {
	c     *checker
	first int             // of its names, in those of the checker
	many  map[string]bool // the same, once there are too many to look through
	known []bool          // by the number of the member: those of a struct
	keys  map[any]bool    // what the names stand for, where the key of a map reads itself
}

// add adds a name and reports whether the set had it.
func (n *nameSet) add(name []byte) (had bool) {
	all := n.c.names[n.first:]
	if n.many != nil {
		had = n.many[string(name)]
	} else {
		had = slices.ContainsFunc(all, func(other []byte) bool { return bytes.Equal(other, name) })
	}
	if had {
		return true
	}
	if n.many == nil && len(all) == 15 {
		n.many = make(map[string]bool, 64)
		for _, other := range all {
			n.many[string(other)] = true
		}
	}
	if n.many != nil {
		n.many[string(name)] = true
	} else {
		n.c.names = append(n.c.names, name)
	}
	return false
}
