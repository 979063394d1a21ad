// Package markuptest checks the pages for people in tests.
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

// WellFormed fails the test unless the page obeys the rules of XML but for void
// elements (each element is closed where it has to be, each attribute is quoted),
// and has no element or attribute that could do anything but show text.
func WellFormed(t testing.TB, page string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict = false // for the document type, and elements without an end
	for depth := 0; ; {
		tok, err := dec.RawToken()
		if err == io.EOF {
			if depth != 0 {
				t.Fatalf("%d elements are left open\n%s", depth, page)
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
