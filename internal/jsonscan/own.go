package jsonscan

import (
	"encoding/json"
	"reflect"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// Own reports whether values of the type read JSON by a method of their own.
// [json.Number] does in some builds of encoding/json and not in others; here it
// does not.
func Own(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t == reflect.TypeFor[json.Number]() {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(unmarshaler) || ownFrom(p)
}
