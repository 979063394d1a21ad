package problem

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
)

var (
	errIsError   = errors.New("the value is or contains an error, whose message and fields are not for clients")
	errTooNested = errors.New("the value is nested too deeply or contains a cycle")
	errMapKeys   = errors.New("the value contains a map whose key type not every release of Go can encode")
)

var (
	errorType     = reflect.TypeFor[error]()
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// withoutErrors returns an error if encoding/json would encode an error that is v or
// inside v, unless the type of that error has a MarshalJSON or MarshalText method and
// so decides what to send. The exported fields of a PathError, for example, are a
// path on the server. It also returns an error for a value that not every release of
// Go can encode.
func withoutErrors(v any) error { return checkValue(reflect.ValueOf(v), 0) }

// maxWalk is the maximum depth of an extension that is a Go value. At that depth
// encoding/json begins to look for cycles.
const maxWalk = 1000

// checkValue is withoutErrors for a value at the given depth.
func checkValue(v reflect.Value, depth int) error {
	switch {
	case !v.IsValid() || !mayContainError(v.Type()):
		return nil
	case depth > maxWalk:
		return errTooNested
	}
	t, kind := v.Type(), v.Kind()
	if kind == reflect.Interface || kind == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
	}
	switch {
	case kind == reflect.Interface:
		return checkValue(v.Elem(), depth+1)
	case marshalsItself(t), v.CanAddr() && marshalsItself(reflect.PointerTo(t)):
		return nil
	case isError(t):
		return errIsError
	}
	return checkParts(v, depth+1)
}

// checkParts checks what v points to, or its elements, entries or fields.
func checkParts(v reflect.Value, depth int) error {
	switch v.Kind() {
	case reflect.Pointer:
		return checkValue(v.Elem(), depth)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkValue(v.Index(i), depth); err != nil {
				return err
			}
		}
	case reflect.Map:
		if !isName(v.Type().Key()) {
			return errMapKeys
		}
		for entries := v.MapRange(); entries.Next(); {
			if err := errors.Join(checkValue(entries.Key(), depth), checkValue(entries.Value(), depth)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !mayEncode(v.Type().Field(i)) || isOmittedMap(v.Type().Field(i), v.Field(i)) {
				continue
			}
			if err := checkValue(v.Field(i), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// isOmittedMap reports whether encoding/json leaves the field out because it is an
// empty map, so that its keys do not matter.
func isOmittedMap(f reflect.StructField, v reflect.Value) bool {
	return v.Kind() == reflect.Map && v.Len() == 0 && strings.Contains(f.Tag.Get("json"), ",omit")
}

// isName reports whether every release of Go encodes keys of the type as names of
// members.
func isName(key reflect.Type) bool {
	return key.Kind() == reflect.String || isWhole(key.Kind()) || key.Implements(textMarshaler)
}

// mayEncode reports whether encoding/json may encode a field.
func mayEncode(f reflect.StructField) bool {
	return f.Tag.Get("json") != "-" && (f.IsExported() || f.Anonymous)
}

func marshalsItself(t reflect.Type) bool {
	return t.Implements(marshaler) || t.Implements(textMarshaler)
}

// isError reports whether the type, or a pointer to it, is an error.
func isError(t reflect.Type) bool {
	return t.Implements(errorType) || reflect.PointerTo(t).Implements(errorType)
}

// suspects caches the results of mayContainError by type.
var suspects sync.Map

// mayContainError reports whether a value of the type may be or contain an error, or
// a map that not every release of Go can encode. Values of most types cannot, and
// need not be checked.
func mayContainError(t reflect.Type) bool {
	if may, ok := suspects.Load(t); ok {
		return may.(bool)
	}
	may := searchType(t, map[reflect.Type]bool{})
	suspects.Store(t, may)
	return may
}

func searchType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false // its first visit reports what it contains
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return !marshalsItself(t) && (isError(t) || searchType(t.Elem(), seen))
	case reflect.Map:
		return !marshalsItself(t) && (isError(t) || !isName(t.Key()) || searchType(t.Key(), seen) || searchType(t.Elem(), seen))
	case reflect.Struct:
		if marshalsItself(t) {
			return false
		}
		if isError(t) {
			return true
		}
		for i := range t.NumField() {
			if f := t.Field(i); mayEncode(f) && searchType(f.Type, seen) {
				return true
			}
		}
		return false
	}
	return !marshalsItself(t) && isError(t)
}
