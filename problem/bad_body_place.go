package problem

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// place is the place of a fault in a body: the value at the pointer or, if inside is
// true, some value inside it.
type place struct {
	pointer string
	inside  bool
}

// placeAt returns the place of the value at a path. If its pointer would be too long, it
// returns a place inside the nearest value around it.
func placeAt(path []any) place {
	pointer := boundedPointer(maxFieldPlace, path)
	return place{pointer, strings.Count(pointer, "/") < len(path)}
}

// placeInside returns a place inside the value at a path.
func placeInside(path []any) place { return place{boundedPointer(maxFieldPlace, path), true} }

// reported returns the place in an error of encoding/json, for a Go type that is not
// known.
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
	return placeAt(path)
}

// unescapeToken reverses the escaping of a name in a JSON Pointer.
var unescapeToken = strings.NewReplacer("~0", "~", "~1", "/")

// placeIn returns the place in an error of decoding value. It returns false if a type
// that decodes itself reported the error, since the path is then relative to a value
// inside that type.
//
// In one implementation of encoding/json the path has the names of embedded structs. In
// the other it has the keys of maps and the indexes of arrays. Up to the first array,
// map or interface both lead to the same place.
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
		return at, !reaches(t, func(m jsonscan.Member) bool { return m.Quoted && indirectType(m.Type) == jsonNumber }, nil)
	case t.Name() == "" && t != e.Type && reaches(t, nil, decodesItselfInProgram):
		return placeInside(nil), true // an error of a nested call could not be told from one of this call
	case r.escaped && e.Field != "" && e.Struct != t.Name():
		return at, false // e.Struct is the type that was decoded, so this is the error of a nested call
	}
	return r.follow(t, e)
}

// follow returns the place at the path in e, which begins at the type t.
func (r release) follow(t reflect.Type, e *json.UnmarshalTypeError) (at place, ok bool) {
	var names []any
	path, inside := e.Field, false
	target := indirectType(e.Type)
	for range maxSteps {
		t = indirectType(t)
		switch {
		case jsonscan.DecodesItself(t):
			return at, false
		case isContainer(t) && path != "" && !r.escaped:
			t, inside = t.Elem(), true // no further names; look only for a type that decodes itself
			continue
		case isContainer(t) && !inside && path == "" && t == target && !containsItself(t):
			return placeAt(names), true
		case isContainer(t):
			return placeInside(names), !elementsDecodeThemselves(t, target) && !r.quotedInside(t, path, target)
		case t.Kind() == reflect.Interface, path == "" && inside:
			return placeInside(names), true
		case path == "":
			return placeAt(names), t == target
		case t.Kind() != reflect.Struct:
			return placeInside(names), inside
		}
		m, rest, found := r.member(t, path)
		switch {
		case !found:
			return at, false // a path in another type
		case ambiguous(t, m):
			return placeInside(names), true
		case m.Quoted:
			return at, false // a value inside a string
		}
		if !inside {
			names = append(names, m.Name)
		}
		t, path = m.Type, rest
	}
	return placeInside(names), true
}

// maxSteps is how many parts of a path are followed. A pointer cannot have more parts.
const maxSteps = maxFieldPlace

// indirectType returns the type that a pointer leads to.
func indirectType(t reflect.Type) reflect.Type {
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

// containsItself reports whether containers of the type may be nested in each other, so
// that the type does not show at which depth an error is.
func containsItself(t reflect.Type) bool {
	inner := t
	for range 100 {
		if inner = indirectType(inner.Elem()); inner == t {
			return true
		}
		if !isContainer(inner) {
			return false
		}
	}
	return true
}

// elementsDecodeThemselves reports whether the elements of a container decode
// themselves, so that one of them may have reported the error about typ. It returns false
// if typ is the container, or a container in it, whose own elements are not involved.
func elementsDecodeThemselves(t, typ reflect.Type) bool {
	for range 100 {
		if t == typ || !isContainer(t) {
			break
		}
		t = indirectType(t.Elem())
		if jsonscan.DecodesItself(t) {
			return true
		}
	}
	return false
}

// quotedInside reports whether a path ends at a member of the given type with the option
// "string" inside a container. Only one implementation of encoding/json reports the place
// of a wrong value there.
func (r release) quotedInside(container reflect.Type, path string, typ reflect.Type) bool {
	return path != "" && reaches(container, func(m jsonscan.Member) bool {
		return m.Quoted && indirectType(m.Type) == typ && strings.HasSuffix(path, "."+r.pathOf(m))
	}, nil)
}

// decodesItselfInProgram reports whether the type decodes itself and is not a type of the
// standard library. Those do not call encoding/json to decode themselves.
func decodesItselfInProgram(t reflect.Type) bool {
	switch t.PkgPath() {
	case "time", "math/big", "encoding/json", "encoding/json/jsontext", "log/slog":
		return false
	}
	return jsonscan.DecodesItself(t)
}

// reaches reports whether root contains, at any depth, a member for which isMember
// returns true or a type for which isType does. Either function may be nil.
func reaches(root reflect.Type, isMember func(jsonscan.Member) bool, isType func(reflect.Type) bool) bool {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type) bool
	visit = func(t reflect.Type) bool {
		if t = indirectType(t); seen[t] {
			return false
		}
		seen[t] = true
		switch {
		case isType != nil && isType(t):
			return true
		case isContainer(t):
			return visit(t.Elem())
		case t.Kind() != reflect.Struct || jsonscan.DecodesItself(t):
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

// member returns the member of a struct that a path begins with, and the rest of the
// path.
func (r release) member(t reflect.Type, path string) (found jsonscan.Member, rest string, ok bool) {
	for _, m := range jsonscan.MembersOf(t) {
		if begin, after := cutNames(path, r.pathOf(m)); strings.EqualFold(begin, r.pathOf(m)) {
			return m, after, true
		}
	}
	return found, "", false
}

// ambiguous reports whether a path to m could also be one to another member, since names
// may contain dots or differ only in case.
func ambiguous(t reflect.Type, m jsonscan.Member) bool {
	for _, other := range jsonscan.MembersOf(t) {
		if other.Name != m.Name && clash(other, m) {
			return true
		}
	}
	return false
}

// pathOf returns a member as it appears in a path.
func (r release) pathOf(m jsonscan.Member) string {
	if r.escaped {
		return escapeToken.Replace(m.Name)
	}
	return longPath(m)
}

var escapeToken = strings.NewReplacer("~", "~0", "/", "~1")

// longPath returns a member with the names of the embedded structs around it.
func longPath(m jsonscan.Member) string {
	if len(m.Embedded) == 0 {
		return m.Name
	}
	return strings.Join(m.Embedded, ".") + "." + m.Name
}

// cutNames splits a path after as many parts as prefix has.
func cutNames(path, prefix string) (begin, rest string) {
	end := 0
	for range strings.Count(prefix, ".") + 1 {
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

// clash reports whether in some release a path can begin with either member.
func clash(a, b jsonscan.Member) bool {
	for _, x := range []string{a.Name, longPath(a)} {
		for _, y := range []string{b.Name, longPath(b)} {
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
