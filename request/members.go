package request

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// member is a field of a struct, as encoding/json reads it.
type member struct {
	typ    reflect.Type
	quoted bool // the option "string": the value is in a string
	number int  // of the member in its struct, from zero
}

// candidate is a field that may be a member: fields of embedded structs can have
// the same name.
type candidate struct {
	name   string
	typ    reflect.Type
	quoted bool
	depth  int
	tagged bool // its name comes from a tag
}

// membersOf returns the members of a struct by their names: those that
// encoding/json reads, by its rules for embedded structs.
func membersOf(t reflect.Type) map[string]member {
	all := candidates(t)
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.depth, b.depth), cmp.Compare(rank(a.tagged), rank(b.tagged)))
	})
	members := make(map[string]member, len(all))
	for len(all) > 0 {
		first, n := all[0], 1
		for n < len(all) && all[n].name == first.name {
			n++
		}
		// Of several the outermost is read, then the one whose name is in a tag.
		// If that leaves two, neither is.
		if n == 1 || all[1].depth != first.depth || all[1].tagged != first.tagged {
			members[first.name] = member{first.typ, first.quoted, len(members)}
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

// candidates walks through a struct and the structs that it embeds, breadth
// first. A struct that is embedded twice at one depth counts twice there.
func candidates(root reflect.Type) (all []candidate) {
	visited := map[reflect.Type]bool{}
	next := []reflect.Type{root}
	for depth := 0; len(next) > 0; depth++ {
		level, times := next, map[reflect.Type]int{}
		for _, t := range level {
			times[t]++
		}
		next = nil
		for _, t := range level {
			if visited[t] {
				continue
			}
			visited[t] = true
			for i := range t.NumField() {
				c, embedded, ok := candidateOf(t.Field(i))
				switch {
				case embedded != nil:
					next = append(next, embedded)
				case ok:
					c.depth = depth
					for range min(times[t], 2) {
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
	c = candidate{name: name, typ: f.Type, tagged: name != ""}
	if name == "" {
		c.name = f.Name
	}
	if slices.Contains(strings.Split(options, ","), "string") {
		switch formOf(elem) {
		case boolForm, intForm, uintForm, floatForm, stringForm, numberForm:
			c.quoted = true
		}
	}
	return c, nil, true
}
