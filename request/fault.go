package request

import (
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem"
)

// maxPointer is the length in bytes of the longest pointer that is sent. Names
// are the client's, and each fault in what they lead to would repeat them.
const maxPointer = 512

// fault adds a fault of the value at the path.
func (c *checker) fault(code, detail string) {
	if c.full() {
		return
	}
	pointer, whole := c.pointer()
	if !whole {
		detail += " (inside this value)"
	}
	c.faults.Add(problem.FieldError{Detail: detail, Pointer: pointer, Code: code})
}

// pointer returns the pointer to the value at the path, or to the nearest value
// around it whose pointer is not too long.
func (c *checker) pointer() (pointer string, whole bool) {
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

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
