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

// form is a kind of JSON value, as far as a Go type decides it.
type form uint8

const (
	anyForm    form = iota // decoded by encoding/json without a type to guide it
	rawForm                // not looked at here: read by a method of the type, or not at all
	noForm                 // nothing: not every release of Go can read it
	ownForm                // read by the type's UnmarshalJSON
	textForm               // a string for the type's UnmarshalText
	boolForm               // true or false
	intForm                // a whole number
	uintForm               // a whole number that is not negative
	floatForm              // a number
	numberForm             // a json.Number
	stringForm             // a string
	bytesForm              // a string in base64, or an array of its bytes
	listForm               // an array of any length
	arrayForm              // an array of one length
	mapForm                // an object with names that the client chooses
	structForm             // an object with the names of a struct
)

// shape is what has to be known of a Go type to check a JSON value for it.
type shape struct {
	form    form
	typ     reflect.Type // with pointers removed
	pointer bool         // null makes it nil, and the type never sees it
	members map[string]*member
	order   []*member // the same as they are declared, in which most clients send them
}

// member is a member of a struct.
type member struct {
	jsonscan.Member
	place int // in the order of its struct
	value func() *shape
}

var (
	anyShape = &shape{form: anyForm}
	rawShape = &shape{form: rawForm}
)

// shapes has, for each type that was asked for, what newShape made of it. Types
// come from the program, so there are only so many.
var shapes sync.Map

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

func (s *shape) addMembers() {
	s.members = make(map[string]*member)
	for name, m := range jsonscan.MembersOf(s.typ) {
		// Not now: a type may be part of itself.
		value := sync.OnceValue(func() *shape { return shapeOf(m.Type) })
		s.members[name] = &member{Member: m, value: value}
	}
	s.order = slices.SortedFunc(maps.Values(s.members), func(a, b *member) int { return slices.Compare(a.Index, b.Index) })
	for i, m := range s.order {
		m.place = i
	}
}

// member returns the member with a name, or nil. It is likely to be the one with
// the given place.
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

// plainForm returns the form of a type that has no methods to read itself. What
// nothing can be read into is left to encoding/json to refuse.
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
