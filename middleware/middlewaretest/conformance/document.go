package conformance

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"unicode/utf8"
)

// document is a problem document in JSON.
type document struct {
	members    map[string]any // numbers are json.Number
	duplicates []string
	err        error
}

// problem returns the document of a response with the type application/problem+json,
// and nil for any other response.
func (x *exchange) problem() *document {
	if !x.parsed {
		x.parsed = true
		if body := x.bodyOf("application/problem+json"); body != nil {
			x.document = readDocument(bytes.TrimPrefix(body, []byte("\ufeff")))
		}
	}
	return x.document
}

// bodyOf returns the whole body of the final response if it has the media type.
func (x *exchange) bodyOf(expected string) []byte {
	if !x.complete() || x.final.bodyless {
		return nil
	}
	if name, _, _ := mediaType(x.final.header.get("Content-Type")); name != expected {
		return nil
	}
	body, err := x.final.decoded()
	if err != nil || body == nil && x.final.header.has("Content-Encoding") {
		return nil
	}
	return append([]byte{}, body...)
}

func readDocument(body []byte) *document {
	doc := new(document)
	if !utf8.Valid(body) {
		doc.err = errors.New("the document is not in UTF-8")
		return doc
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if doc.err = d.Decode(&doc.members); doc.err == nil {
		if _, err := d.Token(); err != io.EOF {
			doc.err = errors.New("more follows the object")
		}
	}
	if doc.members == nil && doc.err == nil {
		doc.err = errors.New("the document is null")
	}
	if doc.err == nil {
		doc.duplicates = duplicates(body)
	}
	return doc
}

// duplicates returns the names that an object at any depth has twice.
func duplicates(body []byte) (twice []string) {
	d := json.NewDecoder(bytes.NewReader(body))
	type object struct {
		names map[string]bool // nil for an array
		value bool            // a value is next, not a name
	}
	var open []object
	for {
		token, err := d.Token()
		if err != nil {
			return twice
		}
		top := len(open) - 1
		isName := false
		if top >= 0 && open[top].names != nil && token != json.Delim('}') {
			isName = !open[top].value
			open[top].value = isName
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, object{names: map[string]bool{}})
			case '[':
				open = append(open, object{})
			default:
				open = open[:top]
			}
		case string:
			if isName {
				if open[top].names[t] {
					twice = append(twice, t)
				}
				open[top].names[t] = true
			}
		}
	}
}

// text returns a member that is a string.
func (d *document) text(name string) (string, bool) {
	if d == nil || d.err != nil {
		return "", false
	}
	s, ok := d.members[name].(string)
	return s, ok
}

const problemNamespace = "urn:ietf:rfc:7807"

// readXML calls f for each element with its depth, and returns what is wrong with
// the document.
func readXML(body []byte, f func(depth int, name xml.Name, text string)) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	depth := 0
	var texts []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			if depth > 0 {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			texts = append(texts, "")
		case xml.CharData:
			if depth > 0 {
				texts[depth-1] += string(t)
			}
		case xml.EndElement:
			depth--
			f(depth, t.Name, texts[depth])
			texts = texts[:depth]
		}
	}
}
