package jsonscan

import (
	"encoding"
	"encoding/json"
	"reflect"
)

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// DecodesItself reports whether values of the type decode themselves from JSON, by a
// method UnmarshalJSON or UnmarshalJSONFrom. For [json.Number], which does so in some
// builds of encoding/json only, it returns false.
func DecodesItself(t reflect.Type) bool {
	if t == reflect.TypeFor[json.Number]() {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(unmarshaler) || hasUnmarshalJSONFrom(p)
}

// Expected returns the JSON value that can be decoded into a Go type, with an article:
// "a string". It returns "" for a type that decodes itself, and for one that nothing can
// be decoded into.
func Expected(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return ""
	case t == reflect.TypeFor[json.Number]():
		return "a number"
	case DecodesItself(t):
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
		return "a non-negative whole number"
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

// UndecodableKey reports whether some release of Go cannot decode maps with keys of the
// type.
func UndecodableKey(t reflect.Type) bool {
	k := t.Kind()
	return k != reflect.String && (k < reflect.Int || k > reflect.Uintptr) && !reflect.PointerTo(t).Implements(textUnmarshaler)
}
