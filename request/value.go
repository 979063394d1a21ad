package request

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"reflect"
	"strconv"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem"
)

const outOfRange = " in the supported range"

// literal checks a number, true, false or null.
func (c *checker) literal(s *shape, value []byte) {
	switch value[0] {
	case 'n':
		// leaves any value as it is, or makes it nil
	case 't', 'f':
		c.want(s, s.form == boolForm)
	default:
		c.number(s, value)
	}
}

// number checks a number. One that has no place in the type is of the right kind
// all the same, and the client is told so.
func (c *checker) number(s *shape, value []byte) {
	ok := true
	switch s.form {
	case intForm:
		ok = isInt(value, s.typ.Bits())
	case uintForm:
		_, err := strconv.ParseUint(string(value), 10, s.typ.Bits())
		ok = err == nil
	case floatForm:
		ok = isFloat(value, s.typ.Bits())
	case anyForm:
		ok = isFloat(value, 64)
	case numberForm:
	default:
		c.want(s, false)
	}
	if !ok && s.form == anyForm {
		c.fault(problem.CodeRange, "must be a number"+outOfRange)
	} else if !ok {
		c.fault(rangeCode(s, value), "must be "+jsonscan.Expected(s.typ)+outOfRange)
	}
}

// rangeCode tells a number that is too large from one that is not whole.
func rangeCode(s *shape, value []byte) string {
	if s.form != floatForm && bytes.ContainsAny(value, ".eE") {
		return problem.CodeType
	}
	return problem.CodeRange
}

func isInt(value []byte, bits int) bool {
	_, err := strconv.ParseInt(string(value), 10, bits)
	return err == nil
}

// isFloat reports whether a number is not too large. Only one with an exponent,
// or very long, can be.
func isFloat(value []byte, bits int) bool {
	if len(value) <= 30 && !hasExponent(value) {
		return true
	}
	_, err := strconv.ParseFloat(string(value), bits)
	return err == nil
}

func hasExponent(number []byte) bool {
	for _, c := range number {
		if c == 'e' || c == 'E' {
			return true
		}
	}
	return false
}

// text checks a string. Half a surrogate pair stands for no character, and
// encoding/json would put another in its place.
func (c *checker) text(s *shape, p jsonscan.Span) {
	if p.Broken {
		c.fault(problem.CodeInvalid, "must not contain unpaired surrogates")
		return
	}
	switch s.form {
	case textForm:
		if !readsText(s.typ, c.unquoted(p)) {
			c.fault(problem.CodeInvalid, "invalid value")
		}
	case bytesForm:
		if _, err := base64.StdEncoding.AppendDecode(nil, c.unquoted(p)); err != nil {
			c.fault(problem.CodeInvalid, "must be "+jsonscan.Expected(s.typ))
		}
	case numberForm:
		c.want(s, isNumber(c.unquoted(p)))
	default:
		c.want(s, s.form == stringForm)
	}
}

func (c *checker) unquoted(p jsonscan.Span) []byte {
	if !p.Escaped {
		return c.Bytes(p)
	}
	return jsonscan.AppendUnquoted(nil, c.Bytes(p))
}

// readsText reports whether a type that reads itself from a text accepts it.
func readsText(t reflect.Type, text []byte) bool {
	to, _ := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	return to.UnmarshalText(append([]byte{}, text...)) == nil // the method may keep what it gets
}

// isNumber reports whether text is a number in JSON and nothing else.
func isNumber(text []byte) bool {
	s := jsonscan.Scanner{Text: text}
	return s.Number() && s.Pos == len(text)
}

// quoted checks the value of a member with the option "string": a string with
// the JSON of a value in it.
func (c *checker) quoted(s *shape) bool {
	from := c.Pos
	if !c.Value() {
		return false
	}
	inner := jsonscan.Scanner{Text: c.Text[from:c.Pos], Depth: 1}
	if inner.Peek() == 'n' {
		return true // null
	}
	wanted := "must be a string that contains " + jsonscan.Expected(s.typ)
	p, ok := inner.String()
	if !ok || p.Broken {
		c.fault(problem.CodeType, wanted)
		return true
	}
	text := inner.Bytes(p)
	if p.Escaped {
		text = jsonscan.AppendUnquoted(nil, text)
	}
	// A checker of its own, since offsets and faults in the inner text are not
	// those of the body.
	value := checker{Scanner: jsonscan.Scanner{Text: text}}
	kind := value.Peek()
	if kind == 'n' || s.form == numberForm && kind == '"' || !value.value(s, reflect.Value{}) || value.Pos != len(text) || len(value.faults) > 0 {
		c.fault(problem.CodeType, wanted)
	}
	return true
}

// key checks the name of a member that becomes the key of a map.
func (c *checker) key(t reflect.Type, name []byte, names *nameSet) {
	kind := plainForm(t)
	switch {
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		c.textKey(t, name, names)
	case kind == intForm && !isInt(name, t.Bits()), kind == uintForm && !isUint(name, t.Bits()),
		(kind == intForm || kind == uintForm) && !canonical(name):
		c.fault(problem.CodeName, "name must be "+jsonscan.Expected(t)+outOfRange)
	}
}

func isUint(name []byte, bits int) bool {
	_, err := strconv.ParseUint(string(name), 10, bits)
	return err == nil
}

// canonical reports whether a whole number is written in the one way that it has
// in JSON. Otherwise two names, such as 1 and 01, could be the same key.
func canonical(name []byte) bool {
	return isNumber(name) && string(name) != "-0"
}

// textKey checks a name for a key that reads itself from a text. Two names may
// stand for the same key.
func (c *checker) textKey(t reflect.Type, name []byte, names *nameSet) {
	to := reflect.New(t)
	text, _ := to.Interface().(encoding.TextUnmarshaler)
	if text.UnmarshalText(append([]byte{}, name...)) != nil {
		c.fault(problem.CodeName, "invalid member name")
		return
	}
	if !to.Elem().Comparable() {
		return // encoding/json panics with it; a mistake of the program
	}
	key := to.Elem().Interface()
	if names.keys[key] {
		c.fault(problem.CodeDuplicate, "duplicate member")
	}
	if names.keys == nil {
		names.keys = make(map[any]bool)
	}
	names.keys[key] = true
}
