// Package markuptest checks HTML pages in tests.
package markuptest

import (
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var safeLink = regexp.MustCompile(`^(https?://|/[^/\\]|/$|#)`)

// WellFormed fails the test unless the page follows the rules of XML, except for void
// elements, and all its elements and attributes only show text: no scripts, forms, images
// or unsafe links.
func WellFormed(t testing.TB, page string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict = false // allows the document type and void elements
	for depth := 0; ; {
		tok, err := dec.RawToken()
		if err == io.EOF {
			if depth != 0 {
				t.Fatalf("%d elements are not closed\n%s", depth, page)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, page)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			harmless(t, tok)
			if tok.Name.Local != "meta" && tok.Name.Local != "link" {
				depth++
			}
		case xml.EndElement:
			depth--
		}
	}
}

func harmless(t testing.TB, element xml.StartElement) {
	t.Helper()
	name := element.Name.Local
	if slices.Contains([]string{"script", "img", "iframe", "form", "object", "base"}, name) {
		t.Fatalf("the page has a %s", name)
	}
	for _, a := range element.Attr {
		switch {
		case strings.HasPrefix(a.Name.Local, "on"), a.Name.Local == "style":
			t.Fatalf("%s has the attribute %s", name, a.Name.Local)
		case name == "a" && a.Name.Local == "href" && !safeLink.MatchString(a.Value):
			t.Fatalf("a link leads to %q", a.Value)
		}
	}
}
