package problem

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// UnmarshalXML reads a problem in the format of RFC 9457, appendix B, for
// encoding/xml. Like [Details.UnmarshalJSON] it replaces the type, title,
// status, detail, instance and all extensions of d, which is [Details.IsRemote]
// afterwards, and keeps its header and its cause.
//
//   - A standard element with elements inside is ignored, as if it were absent.
//     So is a status that is no number from 100 to 599. Where an element is
//     repeated, the last counts that is not ignored.
//   - Any other element is an extension, kept as a json.RawMessage: an array if
//     it has elements inside and all of them are called i; an object if it has
//     others, in their order; else a string, with its text as it stands.
//   - XML does not tell what is a number: 30 becomes "30". [Details.Extension]
//     reads it into an int all the same.
//   - Attributes, comments, elements of other namespaces, and text beside
//     elements are skipped.
//
// On error d is unchanged; the error is [ErrMalformed]. It is one if the root
// element is not that of a problem, if the XML is not well-formed or has a
// document type declaration, if it refers to an entity beyond the five of XML,
// and if it exceeds [MaxSize] or [MaxDepth].
func (d *Details) UnmarshalXML(dec *xml.Decoder, start xml.StartElement) error {
	if start.Name != (xml.Name{Space: xmlNamespace, Local: "problem"}) {
		return malformedXML("the root element is no problem in the namespace " + xmlNamespace)
	}
	r := xmlReader{dec, dec.InputOffset() + MaxSize}
	fresh := *d
	fresh.Type, fresh.Title, fresh.Detail, fresh.Instance = "", "", "", ""
	fresh.Status, fresh.stated, fresh.Extensions = 0, 0, nil
	fresh.remote, fresh.fromXML = true, true
	for {
		tok, err := r.next()
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.EndElement:
			*d = fresh
			return nil
		case xml.StartElement:
			if err := fresh.readElement(r, t.Name.Local); err != nil {
				return err
			}
		}
	}
}

// decodeXML reads a whole document. Unlike xml.Unmarshal it refuses a document
// type declaration before the root element, and anything but comments after it.
func (d *Details) decodeXML(doc []byte) error {
	if len(doc) > MaxSize {
		return malformedXML("larger than " + strconv.Itoa(MaxSize) + " bytes")
	}
	dec := xml.NewDecoder(bytes.NewReader(doc))
	fresh, found := *d, false
	for {
		tok, err := dec.Token()
		if err == io.EOF && found {
			*d = fresh
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		switch t := tok.(type) {
		case xml.Directive:
			return malformedXML("document type declaration")
		case xml.StartElement:
			if found {
				return malformedXML("a second root element")
			}
			found = true
			if err := fresh.UnmarshalXML(dec, t); err != nil {
				return err
			}
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return malformedXML("text outside of the root element")
			}
		}
	}
}

func malformedXML(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// xmlReader reads what a problem may consist of.
type xmlReader struct {
	dec *xml.Decoder
	end int64 // the offset in the input that must not be passed
}

// next returns the next start of an element in the namespace of problems, end
// of an element, or text.
func (r xmlReader) next() (xml.Token, error) {
	for {
		tok, err := r.dec.Token()
		if err == nil && r.dec.InputOffset() > r.end {
			return nil, malformedXML("larger than " + strconv.Itoa(MaxSize) + " bytes")
		}
		switch t := tok.(type) {
		case xml.EndElement, xml.CharData:
			return t, nil
		case xml.StartElement:
			if strings.Contains(t.Name.Local, ":") { // encoding/xml lets <a:/> pass
				return nil, malformedXML("an element name begins or ends with a colon")
			}
			if t.Name.Space == xmlNamespace {
				return t, nil
			}
			err = r.dec.Skip()
		case xml.Directive:
			return nil, malformedXML("declaration inside of an element")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
}

func (d *Details) readElement(r xmlReader, name string) error {
	value, err := r.appendValue(nil, 2)
	if err != nil {
		return err
	}
	if !reserved(name) {
		if d.Extensions == nil {
			d.Extensions = make(map[string]any)
		}
		d.Extensions[name] = json.RawMessage(value)
		return nil
	}
	if value[0] != '"' {
		return nil // RFC 9457, section 3.1: the wrong type counts as absent
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return err
	}
	switch name {
	case "type":
		d.Type = strings.TrimSpace(text)
	case "title":
		d.Title = text
	case "status":
		// xsd:positiveInteger may have a plus sign and zeros in front.
		if code, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(text), "+"), 10, 31); err == nil && status.ClassOf(int(code)) != 0 {
			d.Status, d.stated = int(code), int(code)
		}
	case "detail":
		d.Detail = text
	case "instance":
		d.Instance = strings.TrimSpace(text)
	}
	return nil
}

// appendValue appends the JSON of the element whose start was just read, up to
// its end.
func (r xmlReader) appendValue(b []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return b, malformedXML("nested too deeply")
	}
	var (
		text     []byte
		children []int // where in b each begins, at its name
		items    = 0
		begin    = len(b)
	)
	for {
		tok, err := r.next()
		if err != nil {
			return b, err
		}
		switch t := tok.(type) {
		case xml.CharData:
			if children == nil {
				text = append(text, t...)
			}
		case xml.StartElement:
			if children == nil {
				b = append(b, '{')
			} else {
				b = append(b, ',')
			}
			children = append(children, len(b))
			if t.Name.Local == "i" {
				items++
			}
			b = append(appendString(b, t.Name.Local), ':')
			if b, err = r.appendValue(b, depth+1); err != nil {
				return b, err
			}
		case xml.EndElement:
			switch {
			case children == nil:
				return appendString(b, string(text)), nil
			case items < len(children):
				return append(b, '}'), nil
			}
			return asArray(b, begin, children), nil
		}
	}
}

// asArray turns the unfinished object at begin, each of whose members is called
// i, into an array. Whether it is one shows only at the end of the element.
func asArray(b []byte, begin int, children []int) []byte {
	const name = `"i":`
	out := append(b[:begin], '[')
	for n, at := range children {
		end := len(b)
		if n+1 < len(children) {
			end = children[n+1] // with the comma
		}
		out = append(out, b[at+len(name):end]...) // never beyond what was read: the names go
	}
	return append(out, ']')
}
