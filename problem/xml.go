package problem

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/internal/markup"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// MediaTypeXML is the media type of a problem in XML (RFC 9457, appendix B).
const MediaTypeXML = "application/problem+xml"

// xmlNamespace is the namespace of all elements of a document.
const xmlNamespace = "urn:ietf:rfc:7807"

// AppendXML appends the problem as an XML document in the format of RFC 9457,
// appendix B, and returns the extended slice. The elements have the names and the
// order of the members in [Details.AppendJSON], and the same ones are left out.
//
// An extension is encoded as JSON first. Then an object becomes an element with an
// element for each member, an array one with an <i> element for each item, and null
// an empty element. A client can therefore not distinguish a number from a string,
// or null from an empty object, array or string. Characters that XML does not allow
// become U+FFFD.
//
// An extension is left out, and the error contains an [*ExtensionError] for it, if
// AppendJSON leaves it out or if XML cannot express it:
//
//   - Its name, or the name of a member at any depth, is not an XML name or has a
//     colon.
//   - It has an object whose members are all called "i". It would be decoded as an
//     array.
//
// The result is a complete document even if the error is not nil. AppendXML is safe
// for concurrent use.
func (d *Details) AppendXML(b []byte) ([]byte, error) {
	b = append(b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<problem xmlns="`+xmlNamespace+`">`...)
	b, err := d.appendElements(b)
	return append(b, "</problem>"...), err
}

// MarshalXML encodes the element of [Details.AppendXML]. It is always called
// problem, even if d is a field with another name. Extensions that cannot be encoded
// are left out without an error.
func (d Details) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	elements, _ := d.appendElements(nil)
	return e.Encode(struct {
		XMLName xml.Name `xml:"urn:ietf:rfc:7807 problem"`
		Inner   []byte   `xml:",innerxml"`
	}{Inner: elements})
}

func (d *Details) appendElements(b []byte) ([]byte, error) {
	b = appendElement(b, "type", uriText(d.typeURI()))
	if d.Title != "" {
		b = appendElement(b, "title", d.Title)
	}
	if status.ClassOf(d.Status) != 0 {
		b = append(b, "<status>"...)
		b = strconv.AppendInt(b, int64(d.Status), 10)
		b = append(b, "</status>"...)
	}
	if d.Detail != "" {
		b = appendElement(b, "detail", d.Detail)
	}
	if d.Instance != "" {
		b = appendElement(b, "instance", uriText(d.Instance))
	}
	var (
		dropped []error
		value   []byte // the JSON of the current extension
	)
	for _, name := range slices.Sorted(maps.Keys(d.Extensions)) {
		before := len(b)
		err := errReserved
		if name != "" && !reserved(name) {
			value, err = appendValue(value[:0], d.Extensions[name])
		}
		if err == nil {
			s := jsonscan.Scanner{Text: value, Depth: maxOwnDepth}
			s.Space()
			b, err = appendNode(b, name, &s)
		}
		if err != nil {
			b = b[:before] // part of a value would be another value
			dropped = append(dropped, &ExtensionError{name, err})
		}
	}
	return b, errors.Join(dropped...)
}

// appendNode appends the next value of s as an element with the given name, and
// moves past it.
func appendNode(b []byte, name string, s *jsonscan.Scanner) ([]byte, error) {
	if !isXMLName(name) {
		return b, &xmlNameError{name}
	}
	b = append(append(append(b, '<'), name...), '>')
	var err error
	switch s.Peek() {
	case '{':
		b, err = appendMemberNodes(b, s)
	case '[':
		b, err = appendItemNodes(b, s)
	case '"':
		if text, ok := s.String(); ok {
			b = appendXMLText(b, string(appendText(nil, s.Text, text)))
		}
	default:
		if from := s.Pos; s.Value() && s.Text[from] != 'n' { // null
			b = append(b, s.Text[from:s.Pos]...) // a number, true or false
		}
	}
	if s.Fault != "" {
		err = malformed(s)
	}
	return append(append(append(b, "</"...), name...), '>'), err
}

func appendMemberNodes(b []byte, s *jsonscan.Scanner) ([]byte, error) {
	var err error
	members, items := 0, 0
	s.Members(func(p jsonscan.Span) bool {
		name := string(appendText(nil, s.Text, p))
		members++
		if name == "i" {
			items++
		}
		b, err = appendNode(b, name, s)
		return err == nil
	})
	if err == nil && members > 0 && items == members {
		err = errOnlyItems
	}
	return b, err
}

func appendItemNodes(b []byte, s *jsonscan.Scanner) ([]byte, error) {
	s.Take('[')
	s.Space()
	for !s.Take(']') {
		var err error
		if b, err = appendNode(b, "i", s); err != nil {
			return b, err
		}
		s.Space()
		s.Take(',')
		s.Space()
	}
	return b, nil
}

// uriText returns s percent-encoded as in AppendJSON.
func uriText(s string) string {
	quoted := appendURI(nil, s)
	return string(quoted[1 : len(quoted)-1])
}

type xmlNameError struct{ name string }

func (e *xmlNameError) Error() string {
	return fmt.Sprintf("%q is not the name of an XML element", e.name)
}

var errOnlyItems = errors.New(`an object with only members called "i" would be read as an array`)

func appendElement(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	b = appendXMLText(b, text)
	return append(append(append(b, "</"...), name...), '>')
}

// isXMLName reports whether name can be the name of an element without a prefix
// (Namespaces in XML 1.0, NCName). It returns false for xmlns, because encoding/xml
// decodes such an element without its namespace.
func isXMLName(name string) bool {
	if name == "xmlns" {
		return false
	}
	ascii := name != ""
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case '0' <= c && c <= '9', c == '-', c == '.':
			if i == 0 {
				return false
			}
		case c >= utf8.RuneSelf:
			ascii = false
		default:
			return false
		}
	}
	if ascii || name == "" {
		return ascii
	}
	// encoding/xml has the tables of XML's fourth edition. The fifth allows more
	// names, so a name that passes here can be decoded by parsers of both.
	tok, err := xml.NewDecoder(strings.NewReader("<" + name + "/>")).RawToken()
	start, ok := tok.(xml.StartElement)
	return err == nil && ok && start.Name.Local == name
}

// appendXMLText appends s as the text of an element. A carriage return becomes a
// character reference, because parsers would turn it into a line feed.
func appendXMLText(b []byte, s string) []byte {
	return markup.AppendReplaced(b, s, func(r rune) string {
		switch {
		case r == '<':
			return "&lt;"
		case r == '>':
			return "&gt;"
		case r == '&':
			return "&amp;"
		case r == '\r':
			return "&#xD;"
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			return "\uFFFD"
		}
		return ""
	})
}
