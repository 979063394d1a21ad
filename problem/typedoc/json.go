package typedoc

import (
	"bytes"
	"encoding/json"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// typeJSON is the JSON of a type. Names are those of problem documents where they mean
// the same.
type typeJSON struct {
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Status      int          `json:"status"`
	Description string       `json:"description,omitempty"`
	Members     []memberJSON `json:"members,omitempty"`
	Page        string       `json:"page,omitempty"`
}

// memberJSON is the JSON of a member that a type declares.
type memberJSON struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Example     any    `json:"example"`
}

// statusJSON is the JSON of a status code.
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

// indexJSON is the JSON of the index, and of a page that several types share.
type indexJSON struct {
	Types    []typeJSON   `json:"types"`
	Statuses []statusJSON `json:"statuses,omitempty"`
}

func newTypeJSON(t *problem.Type, page string) typeJSON {
	var members []memberJSON
	for _, m := range t.Members {
		members = append(members, memberJSON{m.Name, m.Doc, m.Example})
	}
	return typeJSON{t.URI, t.Title, t.Status, t.Doc, members, page}
}

func newStatusJSON(s status.Info, page string) statusJSON {
	return statusJSON{s.Code, s.Reason, s.Aliases(), s.Description, s.Class().String(), s.Citation(), s.Link(), page}
}

func (l *layout) newIndexJSON() indexJSON {
	index := l.newTypesJSON(l.types)
	for s := range status.All() {
		href, _ := l.statusHref(s.Code)
		index.Statuses = append(index.Statuses, newStatusJSON(s, href))
	}
	return index
}

// newTypesJSON is newIndexJSON for some of the types, and without the status codes.
func (l *layout) newTypesJSON(types []*problem.Type) indexJSON {
	index := indexJSON{Types: []typeJSON{}}
	for _, t := range types {
		href, ok := l.href(t)
		if !ok {
			href = ""
		}
		index.Types = append(index.Types, newTypeJSON(t, href))
	}
	return index
}

// indented returns the JSON of v with line breaks and indentation.
func indented(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // cannot fail, since Define has encoded the examples
	return buf.Bytes()
}
