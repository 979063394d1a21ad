package problem

import (
	"bytes"
	"encoding"
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
		start := len(b)
		b = append(b, ',')
		b = appendString(b, name)
		b = append(b, ':')
		var err error
		if b, err = appendValue(b, d.Extensions[name]); err != nil {
			b = b[:start]
			dropped = append(dropped, &ExtensionError{name, err})
		}
	}
	return b, errors.Join(dropped...)
}

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

var (
	errReserved = errors.New("the name is empty or a standard member's")
	errIsError  = errors.New("the value is an error, whose text and fields are not for clients")
)

func reserved(name string) bool {
	switch name {
	case "type", "title", "status", "detail", "instance":
		return true
	}
	return false
}

// appendValue appends the JSON of v. On error it returns b with an unspecified
// tail. The kinds that need no reflection come first.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case []FieldError:
		return appendFieldErrors(b, v), nil
	case json.RawMessage:
		return appendRaw(b, v)
	case json.Marshaler, encoding.TextMarshaler:
	case error, []error:
		return b, errIsError
	}
	value, err := encode(v)
	return append(b, value...), err
}

// maxOwnDepth bounds a json.RawMessage that the server writes. It is the bound
// of encoding/json, which a value made by that package cannot exceed.
const maxOwnDepth = 10_000

// appendRaw appends JSON as it stands, to the last space: it may be part of
// what a signature covers. Only invalid UTF-8 is replaced, which would make the
// whole document invalid (RFC 8259, section 8.1).
func appendRaw(b []byte, raw json.RawMessage) ([]byte, error) {
	if raw == nil {
		return append(b, "null"...), nil
	}
	s := scanner{b: raw, depth: maxOwnDepth}
	s.space()
	if !s.value() || !s.end() {
		return b, s.err()
	}
	return append(b, bytes.ToValidUTF8(raw, replacement)...), nil
}

var replacement = []byte("\ufffd")

// encode is json.Marshal without HTML escaping. A MarshalJSON method that
// panics is an error like any other: the problem has to go out all the same.
func encode(v any) (value []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			value, err = nil, fmt.Errorf("panic while encoding: %v", p)
		}
	}()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	// A MarshalJSON method may have put invalid UTF-8 into a string.
	return bytes.ToValidUTF8(bytes.TrimSuffix(buf.Bytes(), []byte("\n")), replacement), nil
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
