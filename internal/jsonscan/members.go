package jsonscan

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Member is a member of a JSON object and the field of a struct that encoding/json
// decodes it into.
type Member struct {
	Name     string
	Type     reflect.Type
	Quoted   bool     // has the option "string": its value is inside a string
	Dubious  bool     // has that option, but decodes itself or is a named pointer: only some releases of Go obey it
	Index    []int    // of the field, for reflect.Value.FieldByIndex
	Embedded []string // the Go names of the embedded fields around it, the outermost first
}

// candidate is a field that is a member unless another field of the same name, in an
// embedded struct for instance, takes precedence.
type candidate struct {
	Member
	tagged bool // its name comes from a tag
}

func (c candidate) depth() int { return len(c.Embedded) }

// rank orders candidates of the same depth: names from tags come first.
func (c candidate) rank() int {
	if c.tagged {
		return 0
	}
	return 1
}

// members caches the results of MembersOf by type. It needs no bound, since a program
// has a fixed number of types.
var members sync.Map

// MembersOf returns the members that encoding/json decodes into a struct, by name. It
// follows the rules of that package for embedded structs. It is safe for concurrent use.
func MembersOf(t reflect.Type) map[string]Member {
	if m, ok := members.Load(t); ok {
		return m.(map[string]Member)
	}
	m, _ := members.LoadOrStore(t, newMembers(t))
	return m.(map[string]Member)
}

func newMembers(t reflect.Type) map[string]Member {
	all := candidates(t)
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.depth(), b.depth()), cmp.Compare(a.rank(), b.rank()))
	})
	members := make(map[string]Member, len(all))
	for len(all) > 0 {
		first, n := all[0], 1
		for n < len(all) && all[n].Name == first.Name {
			n++
		}
		// The outermost field takes precedence, then the one whose name is in a tag.
		// If two are equal in both, neither is a member.
		if n == 1 || all[1].depth() != first.depth() || all[1].tagged != first.tagged {
			members[first.Name] = first.Member
		}
		all = all[n:]
	}
	return members
}

// embedding is an embedded struct and the fields around it.
type embedding struct {
	typ   reflect.Type
	names []string // the Go names of the fields, the outermost first
	index []int
}

// candidates returns the fields of a struct and of the structs that it embeds, breadth
// first. The fields of a struct that is embedded twice at the same depth are in it twice,
// so that they cancel each other out.
func candidates(root reflect.Type) (all []candidate) {
	visited := map[reflect.Type]bool{}
	next := []embedding{{typ: root}}
	for len(next) > 0 {
		level, times := next, map[reflect.Type]int{}
		for _, e := range level {
			times[e.typ]++
		}
		next = nil
		for _, e := range level {
			if visited[e.typ] {
				continue
			}
			visited[e.typ] = true
			for i := range e.typ.NumField() {
				f := e.typ.Field(i)
				c, embedded, ok := candidateOf(f)
				switch {
				case embedded != nil:
					next = append(next, embedding{embedded, append(slices.Clone(e.names), f.Name), append(slices.Clone(e.index), i)})
				case ok:
					c.Embedded, c.Index = e.names, append(slices.Clone(e.index), i)
					for range times[e.typ] {
						all = append(all, c)
					}
				}
			}
		}
	}
	return all
}

// candidateOf returns a field as a candidate, with ok true, or the struct that it embeds.
func candidateOf(f reflect.StructField) (c candidate, embedded reflect.Type, ok bool) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return c, nil, false
	}
	elem, named := f.Type, false
	if elem.Kind() == reflect.Pointer {
		elem, named = elem.Elem(), elem.Name() != ""
	}
	if !f.IsExported() && (!f.Anonymous || elem.Kind() != reflect.Struct) {
		return c, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	if f.Anonymous && name == "" && elem.Kind() == reflect.Struct {
		return c, elem, true
	}
	c = candidate{Member: Member{Name: name, Type: f.Type}, tagged: name != ""}
	if name == "" {
		c.Name = f.Name
	}
	if k := elem.Kind(); slices.Contains(strings.Split(options, ","), "string") && (k <= reflect.Float64 || k == reflect.String) {
		c.Dubious = named || DecodesItself(elem) || reflect.PointerTo(elem).Implements(textUnmarshaler)
		c.Quoted = !c.Dubious
	}
	return c, nil, true
}
