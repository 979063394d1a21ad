package request

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/rejoinder-go/rejoinder/problem"
)

// removal is the place of an unknown member in the text.
type removal struct {
	from, to int
	follows  bool // it follows a known member of the same object
}

// unknownMember checks a member that the struct does not have, which begins at r.from.
func (c *checker) unknownMember(r removal) bool {
	if !c.allowUnknown {
		c.fault(problem.CodeUnknown, "unknown member")
	}
	if !c.value(rawShape, reflect.Value{}) {
		return false
	}
	if c.allowUnknown {
		r.to = c.Pos
		c.unknown = append(c.unknown, r)
	}
	return true
}

// withoutUnknown returns the text with spaces in place of the unknown members. With each
// member one comma is removed: the one before it if it follows a known member, and otherwise
// the one after it.
func (c *checker) withoutUnknown() []byte {
	if len(c.unknown) == 0 {
		return c.Text
	}
	text := slices.Clone(c.Text)
	for _, r := range c.unknown {
		from, to := r.from, r.to
		if r.follows {
			from = bytes.LastIndexByte(text[:from], ',')
		} else if next := to + len(text[to:]) - len(bytes.TrimLeft(text[to:], " \t\r\n")); text[next] == ',' {
			to = next + 1
		}
		for i := from; i < to; i++ {
			text[i] = ' '
		}
	}
	return text
}
