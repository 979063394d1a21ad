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

const supportedRange = " in the supported range"

// literal checks a number, true, false or null.
func (c *checker) literal(s *shape, value []byte) {
	switch value[0] {
	case 'n':
		// null makes a pointer, map or slice nil and leaves other values unchanged
	case 't', 'f':
		c.expect(s, s.form == boolForm)
	default:
		c.number(s, value)
	}
}

// number checks a number. If it is outside the range of the Go type, the fault says so,
// because a number is right.
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
		ok = !isExcessive(value)
	default:
		c.expect(s, false)
	}
	if !ok && s.form == anyForm {
		c.fault(problem.CodeRange, "must be a number"+supportedRange)
	} else if !ok {
		c.fault(rangeCode(s, value), "must be "+jsonscan.Expected(s.typ)+supportedRange)
	}
}

// rangeCode returns the code for a number that does not fit: it is too large or, for an
// integer type, not whole.
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

// isFloat reports whether a number fits into a float of the given size. A short number
// without an exponent always does.
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

// text checks a string. It refuses an unpaired surrogate, which encoding/json would replace.
func (c *checker) text(s *shape, p jsonscan.Span) {
	if p.Broken {
		c.fault(problem.CodeInvalid, "must not contain unpaired surrogates")
		return
	}
	switch s.form {
	case textForm:
		switch text := c.unquoted(p); {
		case isExcessiveFor(s.typ, text):
			c.fault(problem.CodeRange, "must be a number"+supportedRange)
		case !acceptsText(s.typ, text):
			c.fault(problem.CodeInvalid, "invalid value")
		}
	case bytesForm:
		if _, err := base64.StdEncoding.AppendDecode(nil, c.unquoted(p)); err != nil {
			c.fault(problem.CodeInvalid, "must be "+jsonscan.Expected(s.typ))
		}
	case numberForm:
		text := c.unquoted(p)
		if c.expect(s, isNumber(text)); isExcessive(text) {
			c.fault(problem.CodeRange, "must be a number"+supportedRange)
		}
	default:
		c.expect(s, s.form == stringForm)
	}
}

func (c *checker) unquoted(p jsonscan.Span) []byte {
	if !p.Escaped {
		return c.Bytes(p)
	}
	return jsonscan.AppendUnquoted(nil, c.Bytes(p))
}

// The bounds of a number for a type that decodes itself, or that the program converts. To
// convert a number of a megabyte takes math/big seconds, and to multiply out an exponent
// takes time and memory that are not in proportion to its length.
const (
	maxNumber   = 1000 // bytes
	maxExponent = 3    // digits, which are enough for a float64
)

// isExcessive reports whether a number is beyond these bounds.
func isExcessive(number []byte) bool { return isTooLong(number) || hasLongExponent(number) }

// isExcessiveFor is isExcessive for a text that the type decodes. Only for the types of
// math/big it is certain that 12e34567 is a number: for another type it may be a name.
func isExcessiveFor(t reflect.Type, text []byte) bool {
	return isTooLong(text) || t.PkgPath() == "math/big" && hasLongExponent(text)
}

// isTooLong reports whether text has too many bytes, and only those of numbers as math/big
// reads them.
func isTooLong(text []byte) bool {
	return len(text) > maxNumber && len(bytes.Trim(text, "0123456789+-._/eEpP")) == 0
}

// hasLongExponent reports whether any exponent in a number has too many digits.
func hasLongExponent(number []byte) bool {
	for {
		e := bytes.IndexAny(number, "eEpP")
		if e < 0 {
			return false
		}
		number = number[e+1:]
		digits := bytes.TrimLeft(number, "+-0_")
		if len(digits)-len(bytes.TrimLeft(digits, "0123456789_")) > maxExponent {
			return true
		}
	}
}

// acceptsText reports whether the UnmarshalText method of the type accepts a text.
func acceptsText(t reflect.Type, text []byte) bool {
	to, _ := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	return to.UnmarshalText(append([]byte{}, text...)) == nil // a copy, which the method may keep
}

// isNumber reports whether text is a JSON number.
func isNumber(text []byte) bool {
	s := jsonscan.Scanner{Text: text}
	return s.Number() && s.Pos == len(text)
}

// quoted checks the value of a member with the option "string": a string that contains a JSON
// value.
func (c *checker) quoted(s *shape) bool {
	from := c.Pos
	if !c.Value() {
		return false
	}
	inner := jsonscan.Scanner{Text: c.Text[from:c.Pos], Depth: 1}
	if inner.Peek() == 'n' {
		return true // null
	}
	expected := "must be a string that contains " + jsonscan.Expected(s.typ)
	p, ok := inner.String()
	if !ok || p.Broken {
		c.fault(problem.CodeType, expected)
		return true
	}
	text := inner.Bytes(p)
	if p.Escaped {
		text = jsonscan.AppendUnquoted(nil, text)
	}
	// The inner text needs a checker of its own, because its offsets and faults are not
	// those of the body.
	value := checker{Scanner: jsonscan.Scanner{Text: text}}
	kind := value.Peek()
	if kind == 'n' || s.form == numberForm && kind == '"' || !value.value(s, reflect.Value{}) || value.Pos != len(text) || len(value.faults) > 0 {
		c.fault(problem.CodeType, expected)
	}
	return true
}
