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
	errIsError   = errors.New("the value is or has an error, whose message and fields are not for clients")
	errTooNested = errors.New("the value is nested too deeply, or has a cycle")
	errMapKeys   = errors.New("not every release of Go encodes maps with such keys")
)

var (
	errorType     = reflect.TypeFor[error]()
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// withoutErrors returns an error if encoding/json would come upon an error in v
// whose type does not say by MarshalJSON or MarshalText what may be sent of it:
// the exported fields of a PathError, for example, are a path of the server. It
// does so too for what not every release of Go encodes.
func withoutErrors(v any) error { return secretIn(reflect.ValueOf(v), 0) }

// maxWalk is how deeply a value may be nested. Beyond it encoding/json looks for
// cycles.
const maxWalk = 1000

func secretIn(v reflect.Value, depth int) error {
	switch {
	case !v.IsValid() || !mayHoldError(v.Type()):
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
		return secretIn(v.Elem(), depth+1)
	case marshalsItself(t), v.CanAddr() && marshalsItself(reflect.PointerTo(t)):
		return nil
	case isError(t):
		return errIsError
	}
	return secretInParts(v, depth+1)
}

func secretInParts(v reflect.Value, depth int) error {
	switch v.Kind() {
	case reflect.Pointer:
		return secretIn(v.Elem(), depth)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := secretIn(v.Index(i), depth); err != nil {
				return err
			}
		}
	case reflect.Map:
		if !isName(v.Type().Key()) {
			return errMapKeys
		}
		for entries := v.MapRange(); entries.Next(); {
			if err := errors.Join(secretIn(entries.Key(), depth), secretIn(entries.Value(), depth)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); !encoded(f) || v.Field(i).Kind() == reflect.Map && v.Field(i).Len() == 0 && strings.Contains(f.Tag.Get("json"), ",omit") {
				continue
			}
			if err := secretIn(v.Field(i), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// isName reports whether a key of the type is the name of a member in each
// release of Go.
func isName(key reflect.Type) bool {
	return key.Kind() == reflect.String || isWhole(key.Kind()) || key.Implements(textMarshaler)
}

// encoded reports whether encoding/json may look at a field.
func encoded(f reflect.StructField) bool {
	return f.Tag.Get("json") != "-" && (f.IsExported() || f.Anonymous)
}

func marshalsItself(t reflect.Type) bool {
	return t.Implements(marshaler) || t.Implements(textMarshaler)
}

// isError reports whether the type, or a pointer to it, is an error.
func isError(t reflect.Type) bool {
	return t.Implements(errorType) || reflect.PointerTo(t).Implements(errorType)
}

// errorHolders has what mayHoldError found out for each type.
var errorHolders sync.Map

// mayHoldError reports whether a value of the type is an error or may have one
// in it, so that values of most types need not be looked at.
func mayHoldError(t reflect.Type) bool {
	if may, ok := errorHolders.Load(t); ok {
		return may.(bool)
	}
	may := searchType(t, map[reflect.Type]bool{})
	errorHolders.Store(t, may)
	return may
}

func searchType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false // found already, if anything is
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
			if f := t.Field(i); encoded(f) && searchType(f.Type, seen) {
				return true
			}
		}
		return false
	}
	return !marshalsItself(t) && isError(t)
}
