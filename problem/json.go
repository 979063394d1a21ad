package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the problem as one JSON object and returns the extended
// slice: type, title, status, detail, instance, then the extensions by name.
// The type is always there; other standard members are left out when they are
// empty, and the status when it is not between 100 and 599. Nothing is escaped
// for HTML.
//
// What is appended is a complete document also when the error is not nil: an
// extension whose name is empty or a standard member's, or whose value cannot
// be encoded, is left out, and the error has an [ExtensionError] for each.
// It is safe for concurrent use.
func (d *Details) AppendJSON(b []byte) ([]byte, error) {
	b = append(b, `{"type":`...)
	b = appendString(b, d.typeURI())
	if d.Title != "" {
		b = append(b, `,"title":`...)
		b = appendString(b, d.Title)
	}
	if ClassOf(d.Status) != 0 {
		b = append(b, `,"status":`...)
		b = strconv.AppendInt(b, int64(d.Status), 10)
	}
	if d.Detail != "" {
		b = append(b, `,"detail":`...)
		b = appendString(b, d.Detail)
	}
	if d.Instance != "" {
		b = append(b, `,"instance":`...)
		b = appendString(b, d.Instance)
	}
	var err error
	if len(d.Extensions) > 0 {
		b, err = d.appendExtensions(b)
	}
	return append(b, '}'), err
}

func (d *Details) appendExtensions(b []byte) ([]byte, error) {
	var dropped []error
	for _, name := range slices.Sorted(maps.Keys(d.Extensions)) {
		if name == "" || reserved(name) {
			dropped = append(dropped, &ExtensionError{name, errReserved})
			continue
		}
		value, err := encodeValue(d.Extensions[name])
		if err != nil {
			dropped = append(dropped, &ExtensionError{name, err})
			continue
		}
		b = append(b, ',')
		b = appendString(b, name)
		b = append(b, ':')
		b = append(b, value...)
	}
	return b, errors.Join(dropped...)
}

// ExtensionError says which extension was left out of an answer, and why.
type ExtensionError struct {
	Name string
	Err  error
}

// Error names the extension and the reason.
func (e *ExtensionError) Error() string {
	return fmt.Sprintf("problem: extension %q left out: %v", e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *ExtensionError) Unwrap() error { return e.Err }

var errReserved = errors.New("the name is empty or a standard member's")

func reserved(name string) bool {
	switch name {
	case "type", "title", "status", "detail", "instance":
		return true
	}
	return false
}

// encodeValue is json.Marshal without HTML escaping. A MarshalJSON method that
// panics is an error like any other: the problem has to go out all the same.
func encodeValue(v any) (value []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while encoding: %v", p)
		}
	}()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// MarshalJSON is [Details.AppendJSON] for encoding/json.
func (d Details) MarshalJSON() ([]byte, error) {
	b, _ := d.AppendJSON(nil) // complete even if an extension was left out
	return b, nil
}

const hex = "0123456789abcdef"

// appendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			i++
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
