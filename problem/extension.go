package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// ErrNoExtension is what [Details.Extension] wraps when there is none of the
// name.
var ErrNoExtension = errors.New("no such extension")

// ExtensionError says which extension could not be written or read, and why.
type ExtensionError struct {
	Name string
	Err  error
}

// Error names the extension and the reason.
func (e *ExtensionError) Error() string {
	return fmt.Sprintf("problem: extension %q: %v", e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *ExtensionError) Unwrap() error { return e.Err }

var errReserved = errors.New("the name is empty, a standard member's or not UTF-8")

// Extension reads the extension of that name into the value that dst points
// to, by the rules of [encoding/json.Unmarshal]. What a client reads from the
// wire and what a server put in as a Go value come out alike.
//
// XML does not tell what is a number. In a problem that was read from it, a text
// that is a number in JSON, true or false therefore fits a Go value of that
// kind, also inside of lists, maps and structs, and an element without text
// fits an empty one of these, or a nil pointer. A Go type that decodes itself
// gets the string.
//
// The error is an [ExtensionError]. It wraps [ErrNoExtension] if there is no
// such extension, and else the error of package encoding/json; dst is unchanged
// in the first case only. Names are case-sensitive.
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
