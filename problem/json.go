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

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// AppendJSON appends the problem as one JSON object and returns the extended
// slice: type, title, status, detail, instance, then the extensions by name.
// The type is always there; other standard members are left out when they are
// empty, and the status when it is not between 100 and 599. Nothing is escaped
// for HTML. In the type and the instance, what no URI may contain is
// percent-encoded; elsewhere invalid UTF-8 becomes U+FFFD.
//
// Extensions are written as [encoding/json] does, except that a json.RawMessage
// keeps its every byte. What is appended is a complete document also when the
// error is not nil. Left out, with an [ExtensionError] each in the error, are
// extensions whose name is empty, a standard member's or no UTF-8, and those whose
// value cannot be encoded. So are those whose value is an error, or has one at any
// depth, without a MarshalJSON or MarshalText method: the fields of an error are
// not for clients.
//
// It is safe for concurrent use, and changes nothing that d refers to.
func (d *Details) AppendJSON(b []byte) ([]byte, error) {
	if d.typeURI() == BlankType {
		b = append(b, `{"type":"`+BlankType+`"`...)
	} else {
		b = append(b, `{"type":`...)
		b = appendURI(b, d.Type)
	}
	if d.Title != "" {
		b = append(b, `,"title":`...)
		b = appendString(b, d.Title)
	}
	if status.ClassOf(d.Status) != 0 {
		b = append(b, `,"status":`...)
		b = strconv.AppendInt(b, int64(d.Status), 10)
	}
	if d.Detail != "" {
		b = append(b, `,"detail":`...)
		b = appendString(b, d.Detail)
	}
	if d.Instance != "" {
		b = append(b, `,"instance":`...)
		b = appendURI(b, d.Instance)
	}
	var err error
	if len(d.Extensions) > 0 {
		b, err = d.appendExtensions(b)
	}
	return append(b, '}'), err
}

func (d *Details) appendExtensions(b []byte) ([]byte, error) {
	var few [8]string
	names := slices.AppendSeq(few[:0], maps.Keys(d.Extensions))
	slices.Sort(names)
	var dropped []error
	for _, name := range names {
		if name == "" || reserved(name) || !utf8.ValidString(name) {
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
	case []string:
		if v != nil {
			return appendStrings(b, v), nil
		}
	case []FieldError:
		return appendFieldErrors(b, v), nil
	case json.RawMessage:
		return appendRaw(b, v)
	case json.Marshaler, encoding.TextMarshaler:
	case []error:
		return b, errIsError
	default:
		if err := withoutErrors(v); err != nil {
			return b, err
		}
	}
	value, err := encode(v)
	return append(b, value...), err
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
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
	s := jsonscan.Scanner{Text: raw, Depth: maxOwnDepth}
	s.Space()
	if !s.Value() || !s.End() {
		return b, fmt.Errorf("invalid JSON: %s at byte %d", s.Fault, s.Pos)
	}
	return append(b, validUTF8(raw)...), nil
}

// validUTF8 replaces what is no UTF-8 in JSON, which can only be in a string.
func validUTF8(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\ufffd"))
}

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
	return validUTF8(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// MarshalJSON is [Details.AppendJSON] for encoding/json.
func (d Details) MarshalJSON() ([]byte, error) {
	b, _ := d.AppendJSON(nil) // complete even if an extension was left out
	return b, nil
}
