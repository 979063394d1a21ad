package typedoc_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/internal/markuptest"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/problem/typedoc"
)

// typesAt returns types with the given URIs.
func typesAt(uris ...string) (types []*problem.Type) {
	for _, uri := range uris {
		types = append(types, problem.Define(uri, "Title of "+uri, 400, "Doc of "+uri))
	}
	return types
}

func TestPagesAreAtThePathsOfTheURIs(t *testing.T) {
	for _, row := range []struct {
		why   string
		uris  []string
		want  []string // paths; the first is that of the index
		first string   // of the status codes
	}{
		{"no types", nil, []string{"/"}, "/100"},
		{"one type", []string{"https://example.com/probs/a"}, []string{"/probs/", "/probs/a"}, "/probs/100"},
		{"one directory", []string{"https://example.com/probs/a", "https://example.com/probs/b"}, []string{"/probs/", "/probs/a", "/probs/b"}, "/probs/100"},
		{"the beginning of a name is no directory", []string{"https://example.com/probs/aa", "https://example.com/probs/ab"}, []string{"/probs/", "/probs/aa", "/probs/ab"}, "/probs/100"},
		{"several directories", []string{"https://example.com/p/x/a", "https://example.com/p/y/b"}, []string{"/p/", "/p/x/a", "/p/y/b"}, "/p/100"},
		{"nothing in common", []string{"https://example.com/x/a", "https://example.com/y/b"}, []string{"/", "/x/a", "/y/b"}, "/100"},
		{"hosts do not matter", []string{"https://a.example/p/a", "http://b.example:8080/p/b"}, []string{"/p/", "/p/a", "/p/b"}, "/p/100"},
		{"relative to the root", []string{"/p/a", "/p/b"}, []string{"/p/", "/p/a", "/p/b"}, "/p/100"},
		{"escaped", []string{"https://example.com/p/a%20b", "https://example.com/p/%C3%A4"}, []string{"/p/", "/p/a b", "/p/ä"}, "/p/100"},
		{"no path", []string{"https://example.com"}, []string{"/"}, "/100"},
		{"in a directory of its own", []string{"https://example.com/p/a/"}, []string{"/p/a/"}, "/p/a/100"},
		{"fragments share a page, which is the index", []string{"https://example.com/probs#a", "https://example.com/probs#b"}, []string{"/probs"}, "/probs/100"},
		{"fragments and others", []string{"https://example.com/p/x#a", "https://example.com/p/x#b", "https://example.com/p/y"}, []string{"/p/", "/p/x", "/p/y"}, "/p/100"},
		{"the index is where a type is", []string{"https://example.com/p/", "https://example.com/p/a"}, []string{"/p/", "/p/a"}, "/p/100"},
		{"what cannot be ours", []string{"https://example.com/p/a", "tag:example@example.org,2021-09-17:OutOfLuck", "urn:x:y", "relative",
			"https://iana.org/assignments/http-problem-types#date"}, []string{"/p/", "/p/a"}, "/p/100"},
	} {
		pages := typedoc.Pages(typesAt(row.uris...)...)
		require.Len(t, pages, len(row.want)+63, row.why)
		var paths []string
		seen := map[string]bool{}
		for i, p := range pages {
			if i < len(row.want) {
				paths = append(paths, p.Path)
			}
			assert.False(t, seen[p.Path], "%s: two pages at %s", row.why, p.Path)
			seen[p.Path] = true
			markuptest.WellFormed(t, string(p.HTML))
			assert.True(t, json.Valid(p.JSON), row.why)
		}
		assert.Equal(t, row.want, paths, row.why)
		assert.Equal(t, row.first, pages[len(row.want)].Path, row.why)
		for _, uri := range row.uris {
			assert.Contains(t, string(pages[0].HTML), "<code>"+uri+"</code>", "%s: the index has all", row.why)
			assert.Contains(t, string(pages[0].JSON), `"type": "`+uri+`"`, "%s: the index has all", row.why)
		}
	}
}

func TestPagesOfATypeKeepItsPathFromAStatusCode(t *testing.T) {
	pages := typedoc.Pages(typesAt("https://example.com/probs/404", "https://example.com/probs/a")...)
	assert.Len(t, pages, 1+2+62)
	assert.Contains(t, string(pages[1].HTML), "Title of https://example.com/probs/404</h1>")
	assert.Equal(t, 1, strings.Count(string(pages[0].JSON), `"page": "/probs/404"`), "not that of the status code")
	assert.Equal(t, 1, strings.Count(string(pages[0].HTML), `href="/probs/404"`), "not that of the status code")
}

func TestPagesLinkOnlyToPagesThatExist(t *testing.T) {
	set := typesAt("https://example.com/p/a%20b", "https://example.com/p/x#a", "https://example.com/p/x#b", "https://example.com/p/404", "urn:x:y")
	set = append(set, problem.QuotaExceeded, problem.Define("https://example.com/p/%3Cscript%3Ealert(1)", "<script>", 499, "<script>\r\n\r\n</p><script>"))
	pages := typedoc.Pages(set...)
	at := map[string]string{}
	for _, p := range pages {
		at[p.Path] = string(p.HTML)
	}
	links := 0
	for path, html := range at {
		for _, part := range strings.Split(html, `href="`)[1:] {
			href, _, _ := strings.Cut(part, `"`)
			if !strings.HasPrefix(href, "/") {
				continue
			}
			links++
			u, err := url.Parse(href)
			require.NoError(t, err)
			if assert.Contains(t, slices.Collect(maps.Keys(at)), u.Path, "linked from %s", path) && u.Fragment != "" {
				assert.Contains(t, at[u.Path], `id="`+u.Fragment+`"`, "linked from %s", path)
			}
		}
		assert.NotContains(t, html, "<script", path)
	}
	assert.Greater(t, links, 63+62)
}

func TestPageOfATypeSaysHowToResolveIt(t *testing.T) {
	set := []*problem.Type{problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "Costs more.\n\nTop up\nthe account.")}
	html := string(typedoc.Pages(set...)[1].HTML)
	for _, want := range []string{
		`<h1 dir="auto">You do not have enough credit.</h1>`,
		"<p dir=\"auto\">Costs more.</p>\n<p dir=\"auto\">Top up\nthe account.</p>",
		`<a href="/probs/403">403 Forbidden</a>`,
		`<nav><a href="/probs/">`,
		"{\n  &#34;type&#34;: &#34;https://example.com/probs/out-of-credit&#34;,",
	} {
		assert.Contains(t, html, want)
	}
}

func TestPageOfATypeShowsItsMembers(t *testing.T) {
	typ := problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "",
		problem.Member{Name: "balance", Doc: "What is <left>.", Example: 30})
	page := typedoc.Pages(typ)[1]
	markuptest.WellFormed(t, string(page.HTML))
	assert.Contains(t, string(page.HTML), `<dt>balance</dt><dd dir="auto">What is &lt;left&gt;.</dd>`)
	assert.Contains(t, string(page.HTML), "&#34;balance&#34;: 30\n}", "in the example")
	assert.Contains(t, string(page.JSON), `"members": [
    {
      "name": "balance",
      "description": "What is <left>.",
      "example": 30
    }
  ]`)
}

func TestPageOfAStatusNamesItsHeaderFields(t *testing.T) {
	for _, page := range typedoc.Pages() {
		switch page.Path {
		case "/401":
			assert.Contains(t, string(page.HTML), "WWW-Authenticate")
		case "/404":
			assert.NotContains(t, string(page.HTML), "<dt>header</dt>")
		}
	}
}

func TestPageOfAStatusSaysWhatTheCatalogueDoes(t *testing.T) {
	pages := typedoc.Pages()
	for i, s := range statuses() {
		html, doc := string(pages[i+1].HTML), string(pages[i+1].JSON)
		for _, want := range append(s.Aliases(), s.Reason, s.Description, s.Class().Description(), s.Citation(), s.Link()) {
			assert.Contains(t, html, strings.ReplaceAll(want, "'", "&#39;"), "%d", s.Code)
		}
		assert.Equal(t, !status.BodyForbidden(s.Code), strings.Contains(html, "What a client receives"), "%d", s.Code)
		var got struct {
			Status                                               int
			Title, Description, Class, Specification, Link, Page string
			Aliases                                              []string
		}
		require.NoError(t, json.Unmarshal([]byte(doc), &got))
		assert.Equal(t, []any{s.Code, s.Reason, s.Description, s.Class().String(), s.Citation(), s.Link(), s.Aliases(), ""},
			[]any{got.Status, got.Title, got.Description, got.Class, got.Specification, got.Link, got.Aliases, got.Page})
	}
}

func statuses() (all []status.Info) {
	for s := range status.All() {
		all = append(all, s)
	}
	return all
}

func TestPagesPanicsOnInvalidTypes(t *testing.T) {
	for _, row := range []struct {
		set  []*problem.Type
		want string
	}{
		{typesAt("https://example.com/a", "https://example.com/a"), "typedoc: two types have the URI https://example.com/a"},
		{[]*problem.Type{nil}, "typedoc: type 0 is nil"},
		{[]*problem.Type{problem.QuotaExceeded, {}}, "typedoc: type 1 was not returned by problem.Define"},
	} {
		assert.PanicsWithValue(t, row.want, func() { typedoc.Pages(row.set...) })
		assert.PanicsWithValue(t, row.want, func() { typedoc.OpenAPI(row.set...) })
	}
}

func TestTheIndexHasAPageOnlyWhereThereIsALink(t *testing.T) {
	pages := typedoc.Pages(problem.Define("javascript:alert(1)", "t", 400, "d"), problem.Define("relative", "r", 400, "d"),
		problem.Define("urn:a:b", "u", 400, "d"), problem.Define("https://example.com/probs/x", "x", 400, "d"))
	var index struct {
		Types []struct{ Type, Page string }
	}
	require.NoError(t, json.Unmarshal(pages[0].JSON, &index))
	for _, typ := range index.Types {
		assert.Equal(t, strings.HasPrefix(typ.Type, "https:"), typ.Page != "", typ.Type)
	}
}
