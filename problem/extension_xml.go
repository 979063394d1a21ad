package problem

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// typed rewrites an extension that was decoded from XML, where every text is a
// string, so that encoding/json can decode it into a pointer of type t. A text
// becomes a number or a boolean if the Go value is one. An empty element becomes
// null if the value is a pointer, a list, a map or a struct. The type decides and
// not the text, so a Go string gets 007 unchanged. What does not fit is left for
// encoding/json to report.
func typed(raw json.RawMessage, t reflect.Type) json.RawMessage {
	if t == nil || t.Kind() != reflect.Pointer {
		return raw // which encoding/json refuses to decode into
	}
	var compact bytes.Buffer // the program may have replaced the value with any JSON
	if json.Compact(&compact, raw) != nil {
		return raw
	}
	s := jsonscan.Scanner{Text: compact.Bytes(), Depth: maxOwnDepth}
	return appendTyped(make([]byte, 0, len(raw)), &s, t.Elem())
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// appendTyped appends the next value of s, which is valid JSON without white space,
// and moves past it.
func appendTyped(b []byte, s *jsonscan.Scanner, t reflect.Type) []byte {
	optional := false
	for t.Kind() == reflect.Pointer {
		t, optional = t.Elem(), true
	}
	custom := reflect.PointerTo(t).Implements(jsonUnmarshaler) || reflect.PointerTo(t).Implements(textUnmarshaler)
	from := s.Pos
	switch c := s.Peek(); {
	case c == '"':
		p, _ := s.String()
		text := s.Bytes(p)
		if p.Escaped { // a line break is an escape
			text = jsonscan.AppendUnquoted(nil, text)
		}
		text = bytes.TrimSpace(text)
		switch {
		case len(text) == 0 && t.Kind() != reflect.String && (optional || !custom && hasParts(t.Kind())):
			return append(b, "null"...)
		case !custom && fits(text, t.Kind()):
			return append(b, text...)
		}
	case custom:
		s.Value()
	case c == '[' && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array):
		return appendTypedItems(b, s, t.Elem())
	case c == '{' && t.Kind() == reflect.Map:
		return appendTypedMembers(b, s, func(string) reflect.Type { return t.Elem() })
	case c == '{' && t.Kind() == reflect.Struct:
		members := jsonscan.MembersOf(t)
		return appendTypedMembers(b, s, func(name string) reflect.Type { return memberType(members, name) })
	default:
		s.Value()
	}
	return append(b, s.Text[from:s.Pos]...)
}

func appendTypedItems(b []byte, s *jsonscan.Scanner, t reflect.Type) []byte {
	s.Take('[')
	b = append(b, '[')
	for !s.Take(']') {
		if s.Take(',') {
			b = append(b, ',')
		}
		b = appendTyped(b, s, t)
	}
	return append(b, ']')
}

func appendTypedMembers(b []byte, s *jsonscan.Scanner, typeOf func(name string) reflect.Type) []byte {
	b = append(b, '{')
	first := true
	s.Members(func(p jsonscan.Span) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(b, '"'), s.Bytes(p)...), `":`...)
		b = appendTyped(b, s, typeOf(string(s.Bytes(p)))) // names of XML need no escapes
		return true
	})
	return append(b, '}')
}

// memberType returns the type of the field that encoding/json decodes the member
// into, or that of an empty interface if there is none.
func memberType(members map[string]jsonscan.Member, name string) reflect.Type {
	m, ok := members[name]
	if !ok {
		for _, other := range members {
			if strings.EqualFold(other.Name, name) && (!ok || slices.Compare(other.Index, m.Index) < 0) {
				m, ok = other, true
			}
		}
	}
	switch {
	case !ok:
		return reflect.TypeFor[any]()
	case m.Quoted:
		return reflect.TypeFor[inString]()
	}
	return m.Type
}

// inString stands for the type of a member with the option "string". Its text stays
// the string that encoding/json expects, and an empty text becomes null.
type inString struct{}

// hasParts reports whether values of the kind are JSON arrays or objects.
func hasParts(k reflect.Kind) bool {
	return k == reflect.Slice || k == reflect.Array || k == reflect.Map || k == reflect.Struct
}

// fits reports whether text is a number and the kind numeric, or text is a boolean
// and the kind is Bool.
func fits(text []byte, k reflect.Kind) bool {
	switch {
	case k == reflect.Bool:
		return string(text) == "true" || string(text) == "false"
	case reflect.Int <= k && k <= reflect.Float64 && k != reflect.Uintptr:
		s := jsonscan.Scanner{Text: text}
		return s.Number() && s.Pos == len(text)
	}
	return false
}
