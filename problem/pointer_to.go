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

// PointerTo returns the pointer to the part of a value at a path of Go names, in
// the form that validators use: what go-playground/validator reports as
// StructNamespace of a fault in value, "Order.Items[0].SKU" for example, gives
// "#/items/0/sku". value is what was validated, or a pointer to it, and was read
// by encoding/json.
//
// The names in the pointer are those of the JSON text: from the tags, without the
// structs that are embedded. The name of the type in front may be absent, have
// type parameters, or stand for none. Names of the JSON text are understood in
// the path too.
//
// The pointer ends at the nearest value around a part that has no place in the
// JSON text, such as a field with the tag "-", and where the path leads nowhere.
// So it may at a map of more than 1000 keys that print in a way of their own.
func PointerTo(value any, path string) string {
	v := settle(reflect.ValueOf(value))
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
		v = settle(v)
	}
	return string(b)
}

// settle follows pointers and interfaces; where one is nil, what a pointer would
// lead to is as good.
func settle(v reflect.Value) reflect.Value {
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

// member returns the value of the member of a struct that a path leads to, through
// the structs that are embedded, its name, and the rest of the path. The value is
// not valid if there is none: another may have the name.
func member(v reflect.Value, path string) (at reflect.Value, token, rest string) {
	if v.Kind() != reflect.Struct {
		return at, "", ""
	}
	members := jsonscan.MembersOf(v.Type())
	var index []int // of the field, beginning at v
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
		v = settle(v) // an embedded struct
	}
	return at, "", ""
}

// field returns the index of the field with a Go name, or with that name in the
// JSON text.
func field(t reflect.Type, name string) (index []int, ok bool) {
	for i := range t.NumField() {
		if t.Field(i).Name == name {
			return []int{i}, true
		}
	}
	m, ok := jsonscan.MembersOf(t)[name]
	return m.Index, ok
}

// fieldAt returns a field, or one like it where an embedded pointer is nil.
func fieldAt(v reflect.Value, index []int) reflect.Value {
	if f, err := v.FieldByIndexErr(index); err == nil {
		return f
	}
	return reflect.Zero(v.Type().FieldByIndex(index).Type)
}

// element returns the element of an array or of a map that a path leads to behind
// an opening bracket, its part of the pointer, and the rest of the path.
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

// entry finds the key of a map that the path begins with. A key may have brackets
// in it, so that of several the longest is meant. Since a client chooses the keys,
// and there may be as many faults as keys, the map is asked and not searched
// where that is possible.
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
	maxBrackets = 64   // of a path that may end a key
	maxSearched = 1000 // keys of a map that has to be searched
)

// keyOf returns a function that makes a key of its text, where fmt prints keys of
// the type as they are. The key is not valid if the text is of none.
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

// search is entry for a map whose keys print in a way of their own. In a large one
// the key may not be found.
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

// nameOfKey returns the name that encoding/json gives to the key of a map.
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
