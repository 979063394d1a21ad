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

// UnmarshalXML decodes a problem in the format of RFC 9457, appendix B. Like
// [Details.UnmarshalJSON] it replaces all standard members and all extensions of d
// and keeps its header and its cause. Afterwards [Details.IsRemote] returns true.
//
//   - A standard element that contains elements is ignored, as if it were absent.
//     So is a status that is not a number from 100 to 599. If an element is
//     repeated, the last one that is not ignored counts.
//   - Every other element is an extension. Its value is a json.RawMessage: an array
//     if all elements that it contains are called i, an object if they have other
//     names, and a string if it contains none.
//   - XML does not distinguish numbers from strings: 30 becomes "30". The method
//     [Details.Extension] can nevertheless decode it into an int.
//   - Attributes, comments, elements of other namespaces, and text beside elements
//     are ignored.
//
// UnmarshalXML returns an error that wraps [ErrMalformed], and leaves d unchanged, if
// the root element is not a problem element, or if the document is not well-formed,
// contains a document type declaration or an entity that XML does not predefine, or
// exceeds [MaxSize] or [MaxDepth].
func (d *Details) UnmarshalXML(dec *xml.Decoder, start xml.StartElement) error {
	if start.Name != (xml.Name{Space: xmlNamespace, Local: "problem"}) {
		return malformedXML("the root element is not a problem in the namespace " + xmlNamespace)
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

// decodeXML decodes a whole document. Unlike xml.Unmarshal it refuses a document
// type declaration, and everything except comments and white space around the root
// element.
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

// xmlReader reads the tokens of a problem.
type xmlReader struct {
	dec *xml.Decoder
	end int64 // the largest offset in the input that may be read
}

// next returns the next token: the start or the end of an element in the namespace
// of problems, or text. It skips all others.
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
			if strings.Contains(t.Name.Local, ":") { // encoding/xml accepts <a:/>
				return nil, malformedXML("an element name begins or ends with a colon")
			}
			if t.Name.Space == xmlNamespace {
				return t, nil
			}
			err = r.dec.Skip()
		case xml.Directive:
			return nil, malformedXML("declaration inside an element")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
}

// readElement sets the member or the extension of that name from the element whose
// start was read last.
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
		return nil // RFC 9457, section 3.1: a member of the wrong type is ignored
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
		// The type is xsd:positiveInteger, which allows a plus sign and leading zeros.
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

// xmlElement is an element that is being converted to JSON.
type xmlElement struct {
	text     []byte
	begin    int   // where its JSON begins
	children []int // where the name of each child begins
	items    int   // how many children are called i
}

// appendValue appends the JSON of the element whose start was read last, and reads
// its end.
func (r xmlReader) appendValue(b []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return b, malformedXML("nested too deeply")
	}
	e := xmlElement{begin: len(b)}
	for {
		tok, err := r.next()
		if err != nil {
			return b, err
		}
		switch t := tok.(type) {
		case xml.CharData:
			if e.children == nil {
				e.text = append(e.text, t...)
			}
		case xml.StartElement:
			b = e.appendName(b, t.Name.Local)
			if b, err = r.appendValue(b, depth+1); err != nil {
				return b, err
			}
		case xml.EndElement:
			return e.appendEnd(b), nil
		}
	}
}

// appendName begins a member of the object that e becomes.
func (e *xmlElement) appendName(b []byte, name string) []byte {
	if e.children == nil {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	e.children = append(e.children, len(b))
	if name == "i" {
		e.items++
	}
	return append(appendString(b, name), ':')
}

// appendEnd completes the JSON of e.
func (e *xmlElement) appendEnd(b []byte) []byte {
	switch {
	case e.children == nil:
		return appendString(b, string(e.text))
	case e.items < len(e.children):
		return append(b, '}')
	}
	return e.asArray(b)
}

// asArray turns an object whose members are all called i into an array. Only at the
// end of the element is it known that they are.
func (e *xmlElement) asArray(b []byte) []byte {
	const name = `"i":`
	array := append(b[:e.begin], '[')
	for n, at := range e.children {
		end := len(b)
		if n+1 < len(e.children) {
			end = e.children[n+1] // includes the comma
		}
		array = append(array, b[at+len(name):end]...) // moves to the left, since the names are gone
	}
	return append(array, ']')
}
