package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// ErrNoExtension is wrapped by the error of [Details.Extension] if the problem has
// no extension with the name.
var ErrNoExtension = errors.New("no such extension")

// ExtensionError reports an extension that could not be encoded or decoded.
type ExtensionError struct {
	Name string // of the extension
	Err  error  // the reason
}

// Error returns the name and the reason.
func (e *ExtensionError) Error() string {
	return fmt.Sprintf("problem: extension %q: %v", e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *ExtensionError) Unwrap() error { return e.Err }

var errReserved = errors.New("the name is empty, that of a standard member, or not UTF-8")

// Extension decodes the extension with the given name into the value that dst
// points to, as [encoding/json.Unmarshal] does. A problem that a client received and
// one that was made of Go values yield the same value. Names are case-sensitive.
//
// XML does not distinguish numbers from strings. In a problem that was decoded from
// XML, a text that is a JSON number, true or false can therefore be decoded into a
// Go number or bool, also inside lists, maps and structs. An empty element is
// decoded into an empty list, map or struct, and into a nil pointer. A type with an
// UnmarshalJSON or UnmarshalText method gets the string.
//
// The error is an [*ExtensionError]. It wraps [ErrNoExtension], and dst is
// unchanged, if the problem has no such extension. Otherwise it wraps the error of
// encoding/json, and dst may have been changed.
func (d *Details) Extension(name string, dst any) error {
	v, ok := d.Extensions[name]
	if !ok || reserved(name) {
		return &ExtensionError{name, ErrNoExtension}
	}
	raw, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = appendValue(nil, v); err != nil {
			return &ExtensionError{name, err}
		}
	} else if d.fromXML {
		raw = typed(raw, reflect.TypeOf(dst))
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		return &ExtensionError{name, err}
	}
	return nil
}

func reserved(name string) bool {
	switch name {
	case "type", "title", "status", "detail", "instance":
		return true
	}
	return false
}
