package request

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// form is the kind of JSON value that can be decoded into a Go type.
type form uint8

const (
	anyForm    form = iota // any value, since the type is an interface
	rawForm                // any value, which is not checked
	noForm                 // none in every release of Go
	ownForm                // any value that UnmarshalJSON of the type accepts
	textForm               // a string that UnmarshalText of the type accepts
	boolForm               // true or false
	intForm                // a whole number
	uintForm               // a non-negative whole number
	floatForm              // a number
	numberForm             // a number, for a json.Number
	stringForm             // a string
	bytesForm              // a string in base64, or an array of bytes
	listForm               // an array of any length
	arrayForm              // an array of a fixed length
	mapForm                // an object with any names
	structForm             // an object with the names of a struct
)

// shape describes a Go type, to check JSON values for it.
type shape struct {
	form    form
	typ     reflect.Type // without pointers
	pointer bool         // the type is a pointer, so null makes it nil
	members map[string]*member
	order   []*member // the members in the order of declaration, in which most clients send them
}

// member is a member of a struct.
type member struct {
	jsonscan.Member
	place int           // in the order of the struct
	value func() *shape // returns the shape of the value
}

var (
	anyShape = &shape{form: anyForm}
	rawShape = &shape{form: rawForm}
)

// shapes caches the results of newShape by type. It needs no bound, since a program has a
// fixed number of types.
var shapes sync.Map

// shapeOf returns the shape of a type.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s, _ := shapes.LoadOrStore(t, newShape(t))
	return s.(*shape)
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func newShape(t reflect.Type) *shape {
	s := &shape{typ: t}
	for s.typ.Kind() == reflect.Pointer {
		s.typ, s.pointer = s.typ.Elem(), true
	}
	if s.form = formOf(s.typ); s.form == structForm {
		s.addMembers()
	}
	return s
}

// addMembers sets the members and their order.
func (s *shape) addMembers() {
	s.members = make(map[string]*member)
	for name, m := range jsonscan.MembersOf(s.typ) {
		// The shape of the value is created later, since a type may contain itself.
		value := sync.OnceValue(func() *shape { return shapeOf(m.Type) })
		s.members[name] = &member{Member: m, value: value}
	}
	s.order = slices.SortedFunc(maps.Values(s.members), func(a, b *member) int { return slices.Compare(a.Index, b.Index) })
	for i, m := range s.order {
		m.place = i
	}
}

// member returns the member with the given name, or nil. It looks first at the given place.
func (s *shape) member(name []byte, likely int) *member {
	if likely < len(s.order) && s.order[likely].Name == string(name) {
		return s.order[likely]
	}
	return s.members[string(name)]
}

// formOf returns the form of a type that is not a pointer.
func formOf(t reflect.Type) form {
	switch {
	case t == reflect.TypeFor[json.Number]():
		return numberForm
	case t.Kind() == reflect.Interface:
		return anyForm
	case jsonscan.DecodesItself(t):
		return ownForm
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return textForm
	}
	return plainForm(t)
}

// plainForm returns the form of a type, ignoring its methods. If nothing can be decoded into
// the type, it returns rawForm: encoding/json reports that.
func plainForm(t reflect.Type) form {
	switch t.Kind() {
	case reflect.Bool:
		return boolForm
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intForm
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return uintForm
	case reflect.Float32, reflect.Float64:
		return floatForm
	case reflect.String:
		return stringForm
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return bytesForm
		}
		return listForm
	case reflect.Array:
		return arrayForm
	case reflect.Map:
		if jsonscan.UndecodableKey(t.Key()) {
			return noForm
		}
		return mapForm
	case reflect.Struct:
		return structForm
	}
	return rawForm
}

// targetOf returns the shape of the value that v points to, and the value itself. The value
// is invalid if it is a zero value, which has no interfaces or pointers to follow.
func targetOf(v any) (*shape, reflect.Value) {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer || to.IsNil() {
		return rawShape, reflect.Value{} // encoding/json reports it
	}
	s, to := shapeOf(to.Type().Elem()), to.Elem()
	if to.IsZero() {
		to = reflect.Value{}
	}
	return s, to
}

// follow follows pointers, and interfaces that contain a pointer, as encoding/json does. It
// returns the value that they lead to and its shape.
func follow(s *shape, v reflect.Value) (*shape, reflect.Value) {
	for range 100 { // more than any program nests
		switch {
		case v.Kind() == reflect.Pointer && v.IsNil():
			return s, reflect.Value{}
		case v.Kind() == reflect.Pointer:
			v = v.Elem()
		case v.Kind() == reflect.Interface && v.Elem().Kind() == reflect.Pointer && !v.Elem().IsNil():
			v = v.Elem()
			s = shapeOf(v.Type())
		default:
			return s, v
		}
	}
	return &shape{form: noForm, typ: v.Type()}, reflect.Value{} // a cycle, on which encoding/json of Go 1.27 never returns
}

// elementOf returns the existing element of an array or slice that a JSON value is decoded
// into, or an invalid value if there is none. A slice has elements up to its capacity.
func elementOf(v reflect.Value, i int) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && i < v.Cap():
		return v.Slice(0, v.Cap()).Index(i)
	case v.Kind() == reflect.Array && i < v.Len():
		return v.Index(i)
	}
	return reflect.Value{}
}
