package jsonscan

import (
	"encoding"
	"encoding/json"
	"reflect"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// Wanted describes, with an article, the JSON value that a Go type is read from:
// "a string". It is "" for a type that reads JSON by a method of its own, and for
// one that nothing can be read into.
func Wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return ""
	case t == reflect.TypeFor[json.Number]():
		return "a number"
	case Own(t):
		return ""
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return "a string"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "a whole number that is not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string in base64"
		}
		return "an array"
	case reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return ""
}

// UndecodableKey reports whether not every release of Go can read maps with keys
// of the type.
func UndecodableKey(t reflect.Type) bool {
	k := t.Kind()
	return k != reflect.String && (k < reflect.Int || k > reflect.Uintptr) && !reflect.PointerTo(t).Implements(textUnmarshaler)
}
