package problem

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// PointerTo returns a pointer for a path of Go names as validators report it, such as
// StructNamespace of go-playground/validator: for "Order.Items[0].SKU" the pointer is
// "#/items/0/sku". The value is the one that was validated, or a pointer to it, and
// was decoded by encoding/json.
//
// The pointer has the names in the JSON text: those of the json tags, and no name for
// an embedded struct. In the path, the name of the type may be missing or have type
// parameters, and names of the JSON text are accepted too.
//
// If a part of the path has no place in the JSON text, such as a field with the tag
// "-", or does not exist, the pointer ends at the value around it. It may also end at
// a map with more than 1000 keys if the key type has a String method or the like.
func PointerTo(value any, path string) string {
	v := indirect(reflect.ValueOf(value))
	if v.IsValid() && v.Type().Name() != "" {
		if rest, ok := strings.CutPrefix(path, v.Type().Name()); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			path = strings.TrimPrefix(rest, ".")
		}
	}
	b := []byte{'#'}
	for path != "" && v.IsValid() {
		var token string
		if path[0] == '[' {
			v, token, path = element(v, path[1:])
		} else {
			v, token, path = member(v, path)
		}
		if !v.IsValid() {
			break
		}
		b = appendToken(append(b, '/'), token)
		v = indirect(v)
	}
	return string(b)
}

// indirect follows pointers and interfaces. For a nil pointer it returns a zero value
// of the type that it points to, since only types matter from there on.
func indirect(v reflect.Value) reflect.Value {
	for range 100 {
		switch {
		case v.Kind() == reflect.Pointer && v.IsNil():
			v = reflect.Zero(v.Type().Elem())
		case v.Kind() == reflect.Pointer, v.Kind() == reflect.Interface:
			v = v.Elem()
		default:
			return v
		}
	}
	return reflect.Value{} // a pointer to itself
}

// member returns the value and the name of the member of a struct that a path begins
// with, and the rest of the path. It follows embedded structs. The value is invalid
// if the field is not a member, because another field has its name for instance.
func member(v reflect.Value, path string) (at reflect.Value, token, rest string) {
	if v.Kind() != reflect.Struct {
		return at, "", ""
	}
	members := jsonscan.MembersOf(v.Type())
	var index []int // of the field in v
	for path != "" && v.Kind() == reflect.Struct {
		name := path
		if i := strings.IndexAny(path, ".["); i >= 0 {
			name = path[:i]
		}
		path = strings.TrimPrefix(path[len(name):], ".")
		inner, ok := field(v.Type(), name)
		if !ok {
			return at, "", ""
		}
		v, index = fieldAt(v, inner), append(index, inner...)
		for _, m := range members {
			if slices.Equal(m.Index, index) {
				return v, m.Name, path
			}
		}
		v = indirect(v) // an embedded struct
	}
	return at, "", ""
}

// field returns the index of the field with the given Go name, or otherwise of that
// with the given name in the JSON text.
func field(t reflect.Type, name string) (index []int, ok bool) {
	for i := range t.NumField() {
		if t.Field(i).Name == name {
			return []int{i}, true
		}
	}
	m, ok := jsonscan.MembersOf(t)[name]
	return m.Index, ok
}

// fieldAt returns a field, or a zero value of its type if an embedded pointer is nil.
func fieldAt(v reflect.Value, index []int) reflect.Value {
	if f, err := v.FieldByIndexErr(index); err == nil {
		return f
	}
	return reflect.Zero(v.Type().FieldByIndex(index).Type)
}

// element returns the element of an array or a map that a path begins with, after an
// opening bracket. It also returns its part of the pointer and the rest of the path.
func element(v reflect.Value, path string) (at reflect.Value, token, rest string) {
	switch v.Kind() {
	case reflect.Array, reflect.Slice:
		index, rest, _ := strings.Cut(path, "]")
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 {
			return at, "", ""
		}
		if i >= v.Len() {
			at = reflect.Zero(v.Type().Elem())
		} else {
			at = v.Index(i)
		}
		return at, index, strings.TrimPrefix(rest, ".")
	case reflect.Map:
		return entry(v, path)
	}
	return at, "", ""
}

// entry is element for a map. A key may contain brackets, so entry takes the longest
// key that the path begins with. It looks keys up instead of searching the map where
// possible: a client chooses the keys, and there may be as many faults as keys.
func entry(v reflect.Value, path string) (at reflect.Value, token, rest string) {
	find, ok := keyOf(v.Type().Key())
	if !ok {
		return search(v, path)
	}
	end := 0
	for range maxBrackets {
		i := strings.IndexByte(path[end:], ']')
		if i < 0 {
			break
		}
		end += i + 1
		if key := find(path[:end-1]); key.IsValid() {
			if value := v.MapIndex(key); value.IsValid() {
				at, token, rest = value, nameOfKey(key), strings.TrimPrefix(path[end:], ".")
			}
		}
	}
	return at, token, rest
}

const (
	maxBrackets = 64   // how many closing brackets are tried as the end of a key
	maxSearched = 1000 // how many keys of a map are searched
)

// keyOf returns a function that converts the text of a key back into the key, which is
// invalid if the text is not that of a key. It returns false if keys of the type have
// a text that cannot be converted back, because of a String method for instance.
func keyOf(t reflect.Type) (func(text string) reflect.Value, bool) {
	if t.Implements(reflect.TypeFor[fmt.Stringer]()) || t.Implements(reflect.TypeFor[error]()) || t.Implements(reflect.TypeFor[fmt.Formatter]()) {
		return nil, false
	}
	switch t.Kind() {
	case reflect.String:
		return func(text string) reflect.Value { return reflect.ValueOf(text).Convert(t) }, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(text string) reflect.Value {
			n, err := strconv.ParseInt(text, 10, t.Bits())
			if err != nil {
				return reflect.Value{}
			}
			return reflect.ValueOf(n).Convert(t)
		}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(text string) reflect.Value {
			n, err := strconv.ParseUint(text, 10, t.Bits())
			if err != nil {
				return reflect.Value{}
			}
			return reflect.ValueOf(n).Convert(t)
		}, true
	}
	return nil, false
}

// search is entry for a map whose keys keyOf cannot convert. It does not find every
// key of a large map.
func search(v reflect.Value, path string) (at reflect.Value, token, rest string) {
	longest, searched := -1, 0
	for entries := v.MapRange(); entries.Next() && searched < maxSearched; searched++ {
		key := fmt.Sprint(entries.Key().Interface())
		if len(key) <= longest || !strings.HasPrefix(path, key) || !strings.HasPrefix(path[len(key):], "]") {
			continue
		}
		longest = len(key)
		at, token, rest = entries.Value(), nameOfKey(entries.Key()), strings.TrimPrefix(path[len(key)+1:], ".")
	}
	return at, token, rest
}

// nameOfKey returns the name of the member that encoding/json encodes a map key as.
func nameOfKey(key reflect.Value) string {
	if key.Kind() == reflect.String {
		return key.String()
	}
	if m, ok := key.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(key.Interface())
}
