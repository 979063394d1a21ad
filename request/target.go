package request

import "reflect"

// target returns the shape of what v points to, and the Go value itself unless it
// is the zero value: in that is nothing that could change the shape of a part.
func target(v any) (*shape, reflect.Value) {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer || to.IsNil() {
		return rawShape, reflect.Value{} // encoding/json refuses it
	}
	s, to := shapeOf(to.Type().Elem()), to.Elem()
	if to.IsZero() {
		to = reflect.Value{}
	}
	return s, to
}

// follow goes through pointers, and through interfaces that have a pointer in
// them, as encoding/json does. It returns the shape of what they lead to.
func follow(s *shape, v reflect.Value) (*shape, reflect.Value) {
	for range 100 { // more than anybody nests
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
	return &shape{form: noForm, typ: v.Type()}, reflect.Value{} // a cycle, which encoding/json of Go 1.27 does not survive
}

// elementOf returns the element of an array or a slice that a JSON value is
// decoded into, if there may be one already: a slice keeps what is in its
// capacity.
func elementOf(v reflect.Value, i int) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && i < v.Cap():
		return v.Slice(0, v.Cap()).Index(i)
	case v.Kind() == reflect.Array && i < v.Len():
		return v.Index(i)
	}
	return reflect.Value{}
}
