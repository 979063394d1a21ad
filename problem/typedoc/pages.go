package typedoc

import (
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Page documents a type, a status code, or all of them, in HTML and in JSON. The caller
// may change the bytes.
type Page struct {
	Path string // of the URL, not escaped
	HTML []byte // to be sent with [problem.HTMLSecurityPolicy]
	JSON []byte // an object
}

// Pages returns the documentation of the types of a service: an index, a page for each
// type, and one for each status code in the catalogue. Served at their paths, they are
// the documentation that RFC 9457, section 4, recommends at the URI of a type.
//
//   - The page of a type is at the path of its URI. Types whose URIs differ only in the
//     query or the fragment share a page.
//   - The index is at the deepest directory that contains the pages of all types. For
//     https://example.com/probs/out-of-credit and https://example.com/probs/locked it
//     is at /probs/. If all types share a page, that page is the index.
//   - The page of a status code is in the directory of the index, at /probs/404 for
//     example, unless a type has that path.
//
// A type has no page of its own, but is in the index, if IANA has registered it, if the
// scheme of its URI is not http or https, or if its URI is relative and does not begin
// with a slash. Without types, the result is an index of the status codes and their
// pages.
//
// Pages panics if two types have the same URI, or if one of them is nil or was not
// returned by [problem.Define]. It is safe for concurrent use as long as no code changes
// the types.
func Pages(types ...*problem.Type) []Page {
	l := layoutOf(types)
	pages := []Page{l.indexPage()}
	for _, p := range l.paths {
		if p == l.index {
			continue
		}
		if types := l.at[p]; len(types) == 1 {
			pages = append(pages, l.typePage(p, types[0]))
		} else {
			pages = append(pages, l.sharedPage(p, types))
		}
	}
	for s := range status.All() {
		if p := l.statusPath(s.Code); l.at[p] == nil {
			pages = append(pages, l.statusPage(p, s))
		}
	}
	return pages
}

// mustBeValid panics if a type is nil, is not from Define, or has the URI of another one.
func mustBeValid(types []*problem.Type) {
	seen := make(map[string]bool, len(types))
	for i, t := range types {
		switch {
		case t == nil:
			panic("typedoc: type " + strconv.Itoa(i) + " is nil")
		case t.URI == "" || t.Title == "" || status.ClassOf(t.Status) == 0:
			panic("typedoc: type " + strconv.Itoa(i) + " was not returned by problem.Define")
		case seen[t.URI]:
			panic("typedoc: two types have the URI " + t.URI)
		}
		seen[t.URI] = true
	}
}
