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

// AppendJSON appends the problem as a JSON object and returns the extended slice.
// The members are type, title, status, detail and instance, followed by the
// extensions, sorted by name. The type is always present. The others are left out
// if they are empty, and the status if it is not between 100 and 599. Characters
// that are not allowed in a URI are percent-encoded in the type and the instance.
// Elsewhere invalid UTF-8 becomes U+FFFD. HTML characters are not escaped.
//
// Extensions are encoded as [encoding/json] does, except that a json.RawMessage is
// copied byte for byte. An extension is left out, and the error contains an
// [*ExtensionError] for it, if
//
//   - its name is empty, the name of a standard member, or not UTF-8;
//   - its value cannot be encoded;
//   - its value is or contains an error that has no MarshalJSON or MarshalText
//     method, since the fields of an error are not for clients.
//
// The result is a complete document even if the error is not nil. AppendJSON is
// safe for concurrent use and does not change d or anything that d refers to.
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

// appendValue appends the JSON of v. The types that need no reflection come first.
// After an error the bytes behind b are unspecified.
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

// maxOwnDepth is the maximum depth of an extension that the server encodes. It is
// the limit of encoding/json, so no value encoded by that package exceeds it.
const maxOwnDepth = 10_000

// appendRaw appends JSON unchanged, including white space, since a signature may
// cover it. It replaces only invalid UTF-8, which would make the whole document
// invalid (RFC 8259, section 8.1).
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

// validUTF8 replaces invalid UTF-8 in JSON, where it can occur only in strings.
func validUTF8(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\ufffd"))
}

// encode is json.Marshal without HTML escaping. It turns a panic of a MarshalJSON
// method into an error, so that the rest of the problem is sent.
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

// MarshalJSON returns the document of [Details.AppendJSON]. It never returns an
// error: an extension that cannot be encoded is left out.
func (d Details) MarshalJSON() ([]byte, error) {
	b, _ := d.AppendJSON(nil)
	return b, nil
}
