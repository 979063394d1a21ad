package request

import (
	"bytes"
	"encoding"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
)

// check compares well-formed JSON with the type of v and returns a problem that
// lists what encoding/json would pass over, or would report one at a time and
// without its place.
func (d Decoder) check(text []byte, v any) error {
	c := checker{text: text, depth: d.MaxDepth, allowUnknown: d.AllowUnknown}
	if c.depth <= 0 {
		c.depth = DefaultMaxDepth
	}
	c.value(reflect.TypeOf(v))
	if c.tooDeep {
		return problem.New(http.StatusBadRequest, problem.Detail("The content of the request is nested too deep."))
	}
	return c.faults.Err()
}

// checker goes once through a text that is known to be well-formed, beside the
// Go type that it is meant for.
type checker struct {
	text         []byte
	pos          int
	depth        int // that is left
	path         []step
	keys         []string // of all objects that are open, one behind the other
	faults       problem.Validation
	allowUnknown bool
	tooDeep      bool
}

// step is the name of a member, or the index of an element.
type step struct {
	name  string
	index int // -1 for a member
}

// value checks the value at the position and moves behind it. A nil type takes
// anything.
func (c *checker) value(t reflect.Type) {
	c.space()
	start := c.pos
	own := opaque(t)
	for t != nil && !own && t.Kind() == reflect.Pointer {
		t = t.Elem()
		own = opaque(t)
	}
	inner := t
	if own || t != nil && t.Kind() == reflect.Interface {
		inner = nil
	}
	switch c.text[c.pos] {
	case '{':
		c.nested(inner, c.object)
	case '[':
		c.nested(inner, c.array)
	default:
		c.scalar()
	}
	if t != nil && !c.tooDeep {
		c.compare(c.text[start:c.pos], t, own)
	}
}

func (c *checker) nested(t reflect.Type, walk func(reflect.Type)) {
	if c.depth == 0 {
		c.tooDeep = true
		c.pos = len(c.text)
		return
	}
	c.depth--
	c.pos++
	walk(t)
	c.depth++
}

// compare adds a fault if the value is not one for the type. What a type makes
// of it by methods of its own, it has to say itself.
func (c *checker) compare(value []byte, t reflect.Type, own bool) {
	if !own && fits(value, t) {
		return
	}
	if !own && (value[0] == '{' || value[0] == '[') {
		value = value[:1] // the type is wrong, whatever is in it
		value = append(value[:1:1], value[0]+2)
	}
	err := json.Unmarshal(value, reflect.New(t).Interface())
	if err == nil {
		return
	}
	fault := problem.FieldError{Detail: "cannot be read"}
	if d := problem.From(problem.BadBody(err)); d.Status == http.StatusUnprocessableEntity {
		if known, ok := d.Extensions["errors"].([]problem.FieldError); ok && len(known) > 0 {
			fault.Detail = known[0].Detail
		}
	}
	c.fault(fault.Detail)
}

// fits reports whether the value is surely one for the type. It need not be
// sure of anything rare.
func fits(value []byte, t reflect.Type) bool {
	kind := t.Kind()
	switch value[0] {
	case 'n':
		return true // null leaves any value as it is
	case 't', 'f':
		return kind == reflect.Bool || kind == reflect.Interface
	case '"':
		return kind == reflect.String || kind == reflect.Interface
	case '[':
		return kind == reflect.Slice || kind == reflect.Array || kind == reflect.Interface
	case '{':
		return kind == reflect.Struct || kind == reflect.Map || kind == reflect.Interface
	}
	switch {
	case kind == reflect.Float64 || kind == reflect.Interface:
		return len(value) < 300 // a longer one may be too large
	case reflect.Int <= kind && kind <= reflect.Int64:
		_, err := strconv.ParseInt(string(value), 10, t.Bits())
		return err == nil
	case reflect.Uint <= kind && kind <= reflect.Uintptr:
		_, err := strconv.ParseUint(string(value), 10, t.Bits())
		return err == nil
	}
	return false
}

// object checks the members behind an opening brace.
func (c *checker) object(t reflect.Type) {
	var members map[string]reflect.Type
	var element reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		members = membersOf(t)
	} else if t != nil && t.Kind() == reflect.Map {
		element = t.Elem()
	}
	first := len(c.keys)
	var seen map[string]bool // once there are too many to look through
	for c.space(); c.text[c.pos] != '}'; c.space() {
		if c.text[c.pos] == ',' {
			c.pos++
			c.space()
		}
		start := c.pos
		c.scalar()
		name := unquote(c.text[start:c.pos])
		c.space()
		c.pos++ // the colon

		c.path = append(c.path, step{name, -1})
		twice := seen[name]
		if seen == nil {
			twice = slices.Contains(c.keys[first:], name)
		}
		if twice {
			c.fault("is there more than once")
		}
		c.keys = append(c.keys, name)
		if len(c.keys)-first == 16 {
			seen = make(map[string]bool)
			for _, key := range c.keys[first:] {
				seen[key] = true
			}
		} else if seen != nil {
			seen[name] = true
		}
		inner := element
		if members != nil {
			known := false
			if inner, known = members[name]; !known && !c.allowUnknown {
				c.fault("is not known")
			}
		}
		c.value(inner)
		c.path = c.path[:len(c.path)-1]
		if c.tooDeep {
			return
		}
	}
	c.pos++
	c.keys = c.keys[:first]
}

// array checks the elements behind an opening bracket.
func (c *checker) array(t reflect.Type) {
	var element reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		element = t.Elem()
	}
	i := 0
	for c.space(); c.text[c.pos] != ']'; c.space() {
		if c.text[c.pos] == ',' {
			c.pos++
		}
		c.path = append(c.path, step{index: i})
		c.value(element)
		c.path = c.path[:len(c.path)-1]
		if c.tooDeep {
			return
		}
		i++
	}
	c.pos++
}

// scalar moves behind a string, a number or a word.
func (c *checker) scalar() {
	if c.text[c.pos] == '"' {
		for c.pos++; c.text[c.pos] != '"'; c.pos++ {
			if c.text[c.pos] == '\\' {
				c.pos++
			}
		}
		c.pos++
		return
	}
	for c.pos < len(c.text) && strings.IndexByte(",]} \t\r\n", c.text[c.pos]) < 0 {
		c.pos++
	}
}

func (c *checker) space() {
	for c.pos < len(c.text) && strings.IndexByte(" \t\r\n", c.text[c.pos]) >= 0 {
		c.pos++
	}
}

// fault adds a fault of the value at the path.
func (c *checker) fault(detail string) {
	path := make([]any, len(c.path))
	for i, s := range c.path {
		path[i] = s.name
		if s.index >= 0 {
			path[i] = s.index
		}
	}
	c.faults.Check(false, detail, path...)
}

func unquote(key []byte) string {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key[1 : len(key)-1])
	}
	var name string
	_ = json.Unmarshal(key, &name) // the text is well-formed
	return name
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// opaque reports whether the type reads JSON by methods of its own.
func opaque(t reflect.Type) bool {
	if t == nil || t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(unmarshaler) || p.Implements(textUnmarshaler)
}
