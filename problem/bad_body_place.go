package problem

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// place is where in a body a fault is: at the pointer, or somewhere inside of
// what is there.
type place struct {
	pointer string
	inside  bool
}

// reported returns the place that a path means whose types are not known.
func (r release) reported(e *json.UnmarshalTypeError) place {
	if e.Type == jsonNumber {
		return place{} // some releases do not report it
	}
	if e.Field == "" {
		return place{pointer: Pointer()}
	}
	var path []any
	for part := range strings.SplitSeq(e.Field, ".") {
		if r.escaped {
			if strings.Trim(part, "0123456789") == "" && part != "" {
				continue // an index
			}
			part = unescapeToken.Replace(part)
		}
		path = append(path, part)
	}
	return placeOf(path, false)
}

// placeOf returns the place for a path, or for as much of it as is short.
func placeOf(path []any, inside bool) place {
	pointer := boundedPointer(maxFieldPlace, path)
	return place{pointer, inside || strings.Count(pointer, "/") < len(path)}
}

// unescapeToken is the reverse of what a JSON Pointer does to a name.
var unescapeToken = strings.NewReplacer("~0", "~", "~1", "/")

// placeIn returns the place that a path means in the value that was decoded. It
// is false where a type that reads itself reported the error: the path is then in
// part or as a whole one of its own.
//
// In a path of one kind are the names of embedded structs, in one of the other
// the keys of maps and the indexes of arrays. Up to the first array, map or
// interface both lead to the same place.
func (r release) placeIn(value any, e *json.UnmarshalTypeError) (at place, ok bool) {
	t := reflect.TypeOf(value)
	if t == nil {
		return at, false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case e.Type == jsonNumber:
		return at, !reaches(t, func(m jsonscan.Member) bool { return m.Quoted && settledType(m.Type) == jsonNumber }, nil)
	case t.Name() == "" && t != e.Type && reaches(t, nil, ownOfProgram):
		return placeOf(nil, true), true // a call inside would look like the one outside
	case r.escaped && e.Field != "" && e.Struct != t.Name():
		return at, false // the name of the type that was decoded, unless another call did that
	}
	var names []any
	path, inside := e.Field, false
	for range maxSteps {
		t = settledType(t)
		if jsonscan.Own(t) {
			return at, false
		}
		switch {
		case isContainer(t) && path != "" && !r.escaped:
			t, inside = t.Elem(), true // to see whether it is a type that reads itself
			continue
		case t.Kind() == reflect.Interface:
			return placeOf(names, true), true
		case isContainer(t):
			if !inside && path == "" && t == settledType(e.Type) && !endless(t) {
				return placeOf(names, false), true
			}
			return placeOf(names, true), !readsItselfInside(t, settledType(e.Type)) && !r.quotedInside(t, path, settledType(e.Type))
		case path == "":
			return placeOf(names, inside), inside || t == settledType(e.Type)
		case t.Kind() != reflect.Struct:
			return placeOf(names, true), inside
		}
		m, rest, found := r.member(t, path)
		if !found {
			return at, false // it is of another type
		}
		if ambiguous(t, m) {
			return placeOf(names, true), true
		}
		if m.Quoted {
			return at, false // what is in a string
		}
		if !inside {
			names = append(names, m.Name)
		}
		t, path = m.Type, rest
	}
	return placeOf(names, true), true
}

// maxSteps bounds how far a path is followed: it is longer than a pointer may be.
const maxSteps = maxFieldPlace

func settledType(t reflect.Type) reflect.Type {
	for range 100 {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

func isContainer(t reflect.Type) bool {
	return t.Kind() == reflect.Array || t.Kind() == reflect.Slice || t.Kind() == reflect.Map
}

// endless reports whether a container may have itself inside, so that its type
// does not tell at which depth an error is.
func endless(t reflect.Type) bool {
	inner := t
	for range 100 {
		if inner = settledType(inner.Elem()); inner == t {
			return true
		}
		if !isContainer(inner) {
			return false
		}
	}
	return true
}

// readsItselfInside reports whether what a container has inside reads itself, so
// that it may have reported an error that is about typ: unless that is the
// container, or one in it.
func readsItselfInside(t, typ reflect.Type) bool {
	for range 100 {
		if t == typ || !isContainer(t) {
			break
		}
		t = settledType(t.Elem())
		if jsonscan.Own(t) {
			return true
		}
	}
	return false
}

// quotedInside reports whether a path leads to the end of a member that is in a
// string, of the given type, somewhere inside of a container: only one
// implementation knows where it found another value there.
func (r release) quotedInside(container reflect.Type, path string, typ reflect.Type) bool {
	return path != "" && reaches(container, func(m jsonscan.Member) bool {
		return m.Quoted && settledType(m.Type) == typ && strings.HasSuffix(path, "."+r.form(m))
	}, nil)
}

// ownOfProgram reports whether the type reads itself and is not of the standard
// library, none of whose types calls encoding/json for that.
func ownOfProgram(t reflect.Type) bool {
	switch t.PkgPath() {
	case "time", "math/big", "encoding/json", "encoding/json/jsontext", "log/slog":
		return false
	}
	return jsonscan.Own(t)
}

// reaches reports whether a member for which isMember is true, or a type for which
// isType is, is somewhere in a type. Either may be nil.
func reaches(root reflect.Type, isMember func(jsonscan.Member) bool, isType func(reflect.Type) bool) bool {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type) bool
	visit = func(t reflect.Type) bool {
		if t = settledType(t); seen[t] {
			return false
		}
		seen[t] = true
		switch {
		case isType != nil && isType(t):
			return true
		case isContainer(t):
			return visit(t.Elem())
		case t.Kind() != reflect.Struct || jsonscan.Own(t):
			return false
		}
		for _, m := range jsonscan.MembersOf(t) {
			if isMember != nil && isMember(m) || visit(m.Type) {
				return true
			}
		}
		return false
	}
	return visit(root)
}

// member returns the member of a struct that a path begins with, and the rest of
// the path.
func (r release) member(t reflect.Type, path string) (found jsonscan.Member, rest string, ok bool) {
	for _, m := range jsonscan.MembersOf(t) {
		if begin, after := cutNames(path, r.form(m)); strings.EqualFold(begin, r.form(m)) {
			return m, after, true
		}
	}
	return found, "", false
}

// ambiguous reports whether a path may mean another member as well: names may have
// dots, and may differ in case only.
func ambiguous(t reflect.Type, m jsonscan.Member) bool {
	for _, other := range jsonscan.MembersOf(t) {
		if other.Name != m.Name && clash(other, m) {
			return true
		}
	}
	return false
}

// form returns how a member stands in a path.
func (r release) form(m jsonscan.Member) string {
	if r.escaped {
		return escapeToken.Replace(m.Name)
	}
	return longForm(m)
}

var escapeToken = strings.NewReplacer("~", "~0", "/", "~1")

func longForm(m jsonscan.Member) string {
	if len(m.Embedded) == 0 {
		return m.Name
	}
	return strings.Join(m.Embedded, ".") + "." + m.Name
}

// cutNames cuts off as many parts of a path as form has.
func cutNames(path, form string) (begin, rest string) {
	end := 0
	for range strings.Count(form, ".") + 1 {
		if end > 0 {
			end++ // the dot
		}
		i := strings.IndexByte(path[end:], '.')
		if i < 0 {
			return path, ""
		}
		end += i
	}
	return path[:end], path[end+1:]
}

// clash reports whether in some release a path can begin with both members.
func clash(a, b jsonscan.Member) bool {
	for _, x := range []string{a.Name, longForm(a)} {
		for _, y := range []string{b.Name, longForm(b)} {
			short, long := x, y
			if len(short) > len(long) {
				short, long = long, short
			}
			if begin, _ := cutNames(long, short); strings.EqualFold(begin, short) {
				return true
			}
		}
	}
	return false
}
