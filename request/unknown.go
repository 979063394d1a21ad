package request

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/rejoinder-go/rejoinder/problem"
)

// removal is the place of a member that is not to be decoded, and whether a
// member before it in the same object is.
type removal struct {
	from, to int
	second   bool
}

// unknownMember checks a member that begins at the given place and that the
// struct does not have.
func (c *checker) unknownMember(from int, second bool) bool {
	if !c.allowUnknown {
		c.fault(problem.CodeUnknown, "unknown member")
	}
	if !c.value(rawShape, reflect.Value{}) {
		return false
	}
	if c.allowUnknown {
		c.unknown = append(c.unknown, removal{from, c.Pos, second})
	}
	return true
}

// withoutUnknown returns the text with spaces in place of the unknown members,
// each with one of the commas beside it: the one before it if a member that
// stays is before it, else the one after it.
func (c *checker) withoutUnknown() []byte {
	if len(c.unknown) == 0 {
		return c.Text
	}
	text := slices.Clone(c.Text)
	for _, r := range c.unknown {
		from, to := r.from, r.to
		if r.second {
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
