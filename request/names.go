package request

import (
	"bytes"
	"encoding"
	"reflect"
	"slices"
	"strconv"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem"
)

// nameSet is the set of the names of an object, to find duplicates.
type nameSet struct {
	c     *checker
	first int             // the index of its first name in c.names
	many  map[string]bool // all names, if there are too many to search c.names
	known []bool          // for a struct: whether the member at this place was found
	keys  map[any]bool    // for a map: the keys, if their type has an UnmarshalText method
}

// add adds a name and reports whether the set already had it.
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

// entry checks a member of an object that is not decoded into a struct, so that the client
// chooses its names.
func (c *checker) entry(s *shape, names *nameSet, name []byte) bool {
	if names.add(name) {
		c.fault(problem.CodeDuplicate, "duplicate member")
	}
	switch s.form {
	case mapForm:
		c.key(s.typ.Key(), name, names)
		return c.value(shapeOf(s.typ.Elem()), reflect.Value{}) // the element of a map is always new
	case anyForm:
		return c.value(anyShape, reflect.Value{})
	}
	return c.value(rawShape, reflect.Value{})
}

// key checks a name that becomes the key of a map.
func (c *checker) key(t reflect.Type, name []byte, names *nameSet) {
	kind := plainForm(t)
	switch {
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		c.textKey(t, name, names)
	case kind == intForm && !isInt(name, t.Bits()), kind == uintForm && !isUint(name, t.Bits()),
		(kind == intForm || kind == uintForm) && !canonical(name):
		c.fault(problem.CodeName, "member name must be "+jsonscan.Expected(t)+supportedRange)
	}
}

func isUint(name []byte, bits int) bool {
	_, err := strconv.ParseUint(string(name), 10, bits)
	return err == nil
}

// canonical reports whether a whole number is written as in JSON. If it were not, two names,
// such as 1 and 01, could be the same key.
func canonical(name []byte) bool {
	return isNumber(name) && string(name) != "-0"
}

// textKey checks a name that is decoded by UnmarshalText. Two names may be the same key.
func (c *checker) textKey(t reflect.Type, name []byte, names *nameSet) {
	to := reflect.New(t)
	text, _ := to.Interface().(encoding.TextUnmarshaler)
	if isTooLong(name) || text.UnmarshalText(append([]byte{}, name...)) != nil {
		c.fault(problem.CodeName, "invalid member name")
		return
	}
	if !to.Elem().Comparable() {
		return // a bug of the program: encoding/json panics
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
