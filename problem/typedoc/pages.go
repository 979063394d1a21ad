package typedoc

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/internal/markup"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Page documents a type, a status code or all of them, for people and for
// tools. The bytes are the caller's.
type Page struct {
	Path string // of its URL, with nothing escaped
	HTML []byte // to be sent with [problem.HTMLPolicy]
	JSON []byte // an object
}

// Pages returns the documentation of the types of a service: an index, a page for each type
// and one for each of the status codes in the catalogue. What is served at the
// paths of the pages is what RFC 9457, section 4, expects at the URI of a
// type.
//
//   - A type has its page at the path of its URI. Types whose URIs differ only
//     in their query or fragment share one.
//   - The index is at the deepest directory that the pages of all types are
//     in: that of https://example.com/probs/out-of-credit and
//     https://example.com/probs/locked is at /probs/. If all types share one
//     page, that is the index.
//   - A status code is in the directory of the index, at /probs/404. A type
//     that has the same path keeps it.
//
// A type that IANA registered, whose URI has a scheme other than http and
// https, or is relative to something else than the root, is in the index only.
//
// Without types there are the pages of the status codes. It is safe for
// concurrent use as long as no code changes the types.
//
// Pages panics if two types have the same URI, or if one of them is nil or was
// not made by [problem.Define].
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

// mustBeSound panics if the types cannot be documented.
func mustBeSound(types []*problem.Type) {
	seen := make(map[string]bool, len(types))
	for i, t := range types {
		switch {
		case t == nil:
			panic("typedoc: type " + strconv.Itoa(i) + " is nil")
		case t.URI == "" || t.Title == "" || status.ClassOf(t.Status) == 0:
			panic("typedoc: type " + strconv.Itoa(i) + " was not made by Define")
		case seen[t.URI]:
			panic("typedoc: two types have the URI " + t.URI)
		}
		seen[t.URI] = true
	}
}

// layout has the places of all pages.
type layout struct {
	types []*problem.Type
	index string                     // path of the index
	dir   string                     // the directory of the index, with a slash at its end
	paths []string                   // of types, in the order they were given in
	at    map[string][]*problem.Type // by path
}

func layoutOf(types []*problem.Type) *layout {
	mustBeSound(types)
	l := &layout{types: types, index: "/", at: map[string][]*problem.Type{}}
	for _, t := range types {
		p, ok := pathOf(t)
		if !ok {
			continue
		}
		if l.at[p] == nil {
			l.paths = append(l.paths, p)
		}
		l.at[p] = append(l.at[p], t)
	}
	if len(l.paths) == 1 && len(l.at[l.paths[0]]) > 1 {
		l.index = l.paths[0]
	} else if len(l.paths) > 0 {
		l.index = commonDir(l.paths)
	}
	l.dir = strings.TrimSuffix(l.index, "/") + "/"
	return l
}

// path returns the path of the page that the URI of the type leads to, and
// whether this service can have such a page.
func pathOf(t *problem.Type) (string, bool) {
	u, err := url.Parse(t.URI)
	if err != nil || u.Opaque != "" || strings.HasPrefix(t.URI, registry) {
		return "", false
	}
	switch u.Scheme {
	case "http", "https":
		return "/" + strings.TrimPrefix(u.Path, "/"), true
	case "":
		return u.Path, strings.HasPrefix(u.Path, "/")
	}
	return "", false
}

// registry begins the URIs of the types that IANA registered.
const registry = "https://iana.org/assignments/http-problem-types#"

func commonDir(paths []string) string {
	common := paths[0]
	for _, p := range paths {
		for !strings.HasPrefix(p, common) {
			common = common[:len(common)-1]
		}
	}
	return common[:strings.LastIndexByte(common, '/')+1]
}

func (l *layout) statusPath(code int) string { return l.dir + strconv.Itoa(code) }

// href returns the link to a type from the page at the given path, and false if
// there is none.
func (l *layout) href(t *problem.Type) (string, bool) {
	p, ok := pathOf(t)
	if !ok {
		return markup.LinkTo(t.URI)
	}
	u, _ := url.Parse(t.URI) // path has seen it
	return (&url.URL{Path: p, Fragment: u.Fragment, RawFragment: u.RawFragment}).String(), true
}

// statusHref returns the link to the page of a status code; a type may be there
// instead.
func (l *layout) statusHref(code int) (string, bool) {
	if _, ok := status.Lookup(code); !ok || l.at[l.statusPath(code)] != nil {
		return "", false
	}
	return (&url.URL{Path: l.statusPath(code)}).String(), true
}

// The JSON of the pages. The names are those of a problem where they mean the
// same.

type typeJSON struct {
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Status      int          `json:"status"`
	Description string       `json:"description,omitempty"`
	Members     []memberJSON `json:"members,omitempty"`
	Page        string       `json:"page,omitempty"`
}

type memberJSON struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Example     any    `json:"example"`
}

type statusJSON struct {
	Status        int      `json:"status"`
	Title         string   `json:"title"`
	Aliases       []string `json:"aliases,omitempty"`
	Description   string   `json:"description"`
	Class         string   `json:"class"`
	Specification string   `json:"specification"`
	Link          string   `json:"link"`
	Page          string   `json:"page,omitempty"`
}

type indexJSON struct {
	Types    []typeJSON   `json:"types"`
	Statuses []statusJSON `json:"statuses,omitempty"`
}

func typeForTools(t *problem.Type, page string) typeJSON {
	var members []memberJSON
	for _, m := range t.Members {
		members = append(members, memberJSON{m.Name, m.Doc, m.Example})
	}
	return typeJSON{t.URI, t.Title, t.Status, t.Doc, members, page}
}

func statusForTools(s status.Info, page string) statusJSON {
	return statusJSON{s.Code, s.Reason, s.Aliases(), s.Description, s.Class().String(), s.Citation(), s.Link(), page}
}

func (l *layout) forTools(types []*problem.Type, statuses bool) indexJSON {
	index := indexJSON{Types: []typeJSON{}}
	for _, t := range types {
		href, ok := l.href(t)
		if !ok {
			href = ""
		}
		index.Types = append(index.Types, typeForTools(t, href))
	}
	if statuses {
		for s := range status.All() {
			href, _ := l.statusHref(s.Code)
			index.Statuses = append(index.Statuses, statusForTools(s, href))
		}
	}
	return index
}

// indented returns the JSON of v, for people who read it too.
func indented(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // of maps, slices, strings, numbers, and examples that could be encoded
	return buf.Bytes()
}
