package jsonscan

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Member is a field of a struct, as encoding/json reads it.
type Member struct {
	Name     string
	Type     reflect.Type
	Quoted   bool     // the option "string": the value is in a string
	Dubious  bool     // that option, for a type that reads itself: it counts in some releases of Go
	Index    []int    // of the field, as in reflect.Value.FieldByIndex
	Number   int      // of the member in its struct, from zero
	Embedded []string // the Go names of the embedded fields that it is in, the outermost first
}

// candidate is a field that may be a member: fields of embedded structs can have
// the same name.
type candidate struct {
	Member
	tagged bool // its name comes from a tag
}

func (c candidate) depth() int { return len(c.Embedded) }

// members has what MembersOf returned for each type that it was asked for. Types
// come from the program, so there are only so many.
var members sync.Map

// MembersOf returns the members of a struct by their names: those that
// encoding/json reads, by its rules for embedded structs. It is safe for
// concurrent use.
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
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.depth(), b.depth()), cmp.Compare(rank(a.tagged), rank(b.tagged)))
	})
	members := make(map[string]Member, len(all))
	for len(all) > 0 {
		first, n := all[0], 1
		for n < len(all) && all[n].Name == first.Name {
			n++
		}
		// Of several the outermost is read, then the one whose name is in a tag.
		// If that leaves two, neither is.
		if n == 1 || all[1].depth() != first.depth() || all[1].tagged != first.tagged {
			first.Number = len(members)
			members[first.Name] = first.Member
		}
		all = all[n:]
	}
	return members
}

// rank puts names from tags first.
func rank(tagged bool) int {
	if tagged {
		return 0
	}
	return 1
}

// embedding is a struct, and the Go names of the fields that embed it.
type embedding struct {
	typ   reflect.Type
	in    []string
	index []int
}

// candidates walks through a struct and the structs that it embeds, breadth
// first. A struct that is embedded twice at one depth counts twice there.
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
					next = append(next, embedding{embedded, append(slices.Clone(e.in), f.Name), append(slices.Clone(e.index), i)})
				case ok:
					c.Embedded, c.Index = e.in, append(slices.Clone(e.index), i)
					for range min(times[e.typ], 2) {
						all = append(all, c)
					}
				}
			}
		}
	}
	return all
}

// candidateOf returns what a field may be read from, or the struct that it
// embeds.
func candidateOf(f reflect.StructField) (c candidate, embedded reflect.Type, ok bool) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return c, nil, false
	}
	elem := f.Type
	if elem.Kind() == reflect.Pointer && elem.Name() == "" {
		elem = elem.Elem()
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
	if k := elem.Kind(); slices.Contains(strings.Split(options, ","), "string") && (reflect.Bool <= k && k <= reflect.Float64 || k == reflect.String) {
		c.Dubious = Own(elem) || reflect.PointerTo(elem).Implements(textUnmarshaler)
		c.Quoted = !c.Dubious
	}
	return c, nil, true
}
