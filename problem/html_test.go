package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/internal/markuptest"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// page returns the page of a problem between the style sheet and the end, and the error
// of AppendHTML.
func page(t *testing.T, d *problem.Details) (string, error) {
	t.Helper()
	b, err := d.AppendHTML([]byte("before"))
	p, ok := strings.CutPrefix(string(b), "before<!DOCTYPE html>\n")
	require.True(t, ok, "what was there stays")
	markuptest.WellFormed(t, p)
	_, body, ok := strings.Cut(p, "</style>")
	require.True(t, ok)
	return body, err
}

func TestHTMLShowsTheWholeProblem(t *testing.T) {
	d := problem.Details{
		Type: "https://example.com/probs/out-of-credit", Title: "You do not have enough credit.", Status: 403,
		Detail: "Your current balance is 30, but that costs 50.", Instance: "/account/12345/msgs/abc",
		Extensions: map[string]any{"balance": 30, "accounts": []string{"/account/12345", "/account/67890"}, "note": "a\nb", "nested": map[string]any{"a": 1}},
	}
	got, err := page(t, &d)
	require.NoError(t, err)
	assert.Equal(t, `
</head>
<body class="c4">
<main>
<p class="code">403</p>
<h1 dir="auto">You do not have enough credit.</h1>
<p class="lead" dir="auto">Your current balance is 30, but that costs 50.</p>
<dl>
<div><dt>type</dt><dd dir="auto"><a href="https://example.com/probs/out-of-credit">https://example.com/probs/out-of-credit</a></dd></div>
<div><dt>instance</dt><dd dir="auto"><a href="/account/12345/msgs/abc">/account/12345/msgs/abc</a></dd></div>
<div><dt>accounts</dt><dd dir="auto"><ul><li dir="auto">/account/12345</li><li dir="auto">/account/67890</li></ul></dd></div>
<div><dt>balance</dt><dd dir="auto">30</dd></div>
<div><dt>nested</dt><dd dir="auto"><pre>{
  &#34;a&#34;: 1
}</pre></dd></div>
<div><dt>note</dt><dd dir="auto">a
b</dd></div>
</dl>
<footer lang="en" dir="ltr"><p>403 Forbidden · <a href="https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.4">RFC 9110, section 15.5.4</a></p></footer>
</main>
</body>
</html>
`, got)
}

func TestHTMLOfACodeAloneHasNoMembers(t *testing.T) {
	for s := range status.All() {
		got, err := page(t, problem.New(s.Code))
		require.NoError(t, err)
		assert.NotContains(t, got, "<dl>")
		assert.Contains(t, got, fmt.Sprintf(`<p class="code">%d</p>`, s.Code))
		assert.Contains(t, got, fmt.Sprintf(`<body class="c%d">`, s.Class()))
		assert.Contains(t, got, s.Link())
	}
}

func TestHTMLOfAnIncompleteProblemHasATitle(t *testing.T) {
	for _, row := range []struct {
		why  string
		give problem.Details
		want string
	}{
		{"the zero value is sent as 500", problem.Details{}, "<body>\n<main>\n<h1 dir=\"auto\">Internal Server Error</h1>\n</main>"},
		{"the title of the code", problem.Details{Status: 404}, `<p class="code">404</p>` + "\n" + `<h1 dir="auto">Not Found</h1>`},
		{"the title of the class; no section defines the code", problem.Details{Status: 499}, `<h1 dir="auto">Bad Request</h1>` + "\n</main>"},
	} {
		got, err := page(t, &row.give)
		assert.NoError(t, err, row.why)
		assert.Contains(t, got, row.want, row.why)
	}
}

func TestHTMLListsErrors(t *testing.T) {
	faults := []problem.FieldError{{Detail: "must be <b>", Pointer: "#/a~1b"}, {Detail: "is empty"}}
	want := "<ul class=\"faults\">\n<li><span dir=\"auto\">must be &lt;b&gt;</span><code>#/a~1b</code></li>\n<li><span dir=\"auto\">is empty</span></li>\n</ul>\n</main>"
	for why, v := range map[string]any{
		"as the option sets it": faults,
		"as it is read":         json.RawMessage(`[{"detail":"must be <b>","pointer":"#/a~1b","more":1},{"detail":"is empty"}]`),
	} {
		got, err := page(t, &problem.Details{Extensions: map[string]any{"errors": v}})
		assert.NoError(t, err, why)
		assert.Contains(t, got, want, why)
	}
	for why, v := range map[string]any{
		"another shape":  map[string]string{"name": "is empty"},
		"strings":        []string{"is empty"},
		"no detail":      json.RawMessage(`[{"reason":"is empty"}]`),
		"partly foreign": json.RawMessage(`[{"detail":"x"},{"reason":"is empty"}]`),
	} {
		got, err := page(t, &problem.Details{Extensions: map[string]any{"errors": v}})
		assert.NoError(t, err, why)
		assert.Contains(t, got, "<dt>errors</dt>", why)
		assert.Contains(t, got, "is empty", why)
	}
}

func TestHTMLLinksOnlyWhereABrowserCanGoSafely(t *testing.T) {
	for _, row := range []struct{ why, ref, href string }{
		{"https", "https://example.com/a?b=c&d#e", "https://example.com/a?b=c&amp;d#e"},
		{"http", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/"},
		{"letter case of the scheme", "HTTPS://example.com/", "https://example.com/"},
		{"path", "/types/1", "/types/1"},
		{"quotes are escaped", `/a"><script>`, "/a%22%3E%3Cscript%3E"},
		{"script", "javascript:alert(1)", ""},
		{"script in capitals", "JavaScript:alert(1)", ""},
		{"script behind white space", " javascript:alert(1)", ""},
		{"script behind a control character", "\x01javascript:alert(1)", ""},
		{"script with a line feed", "java\nscript:alert(1)", ""},
		{"script in a host", "javascript://example.com/%0aalert(1)", ""},
		{"data", "data:text/html,<script>alert(1)</script>", ""},
		{"other schemes", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""},
		{"tag", "tag:example@example.org,2021-09-17:OutOfLuck", ""},
		{"another host", "//example.com/a", ""},
		{"another host, as browsers read it", `/\example.com/a`, `/%5Cexample.com/a`},
		{"another host behind a tab", "/\t/example.com/a", ""},
		{"user information that looks like a host", "https://example.com@example.org/", ""},
		{"no host", "https:example.com", ""},
		{"no host", "https:///a", ""},
		{"relative to nothing in particular", "types/1", ""},
		{"no URI", "https://[", ""},
	} {
		got, err := page(t, &problem.Details{Type: row.ref, Instance: row.ref})
		assert.NoError(t, err, row.why)
		if row.href == "" {
			assert.NotContains(t, got, "<a ", row.why)
			continue
		}
		assert.Equal(t, 2, strings.Count(got, `<a href="`+row.href+`">`), "%s: %s", row.why, got)
	}
}

func TestHTMLEscapesEverything(t *testing.T) {
	const bad = `</title></style></script><script>alert(1)</script><img src=x onerror="alert(1)">'&amp;` + "\x00\x0b\xff\u0085"
	d := problem.Details{
		Type: bad, Title: bad, Status: 400, Detail: bad, Instance: bad,
		Header: map[string][]string{"Content-Language": {`"><script>`}},
		Extensions: map[string]any{
			strings.ToValidUTF8(bad, "\ufffd"): bad, "list": []string{bad}, "object": map[string]string{bad: bad}, "raw": json.RawMessage(`["</pre><script>",1]`),
			"errors": []problem.FieldError{{Detail: bad, Pointer: bad}},
		},
	}
	got, err := page(t, &d)
	require.NoError(t, err)
	assert.NotContains(t, got, "<script")
	assert.NotContains(t, got, "<img")
	assert.Equal(t, 7, strings.Count(got, `&lt;img src=x onerror=&#34;alert(1)&#34;&gt;&#39;&amp;amp;`+"\ufffd\ufffd\ufffd\ufffd</"), "wherever text can be, and whole: %s", got)
	assert.Equal(t, 2, strings.Count(got, "%3Cimg%20src=x%20onerror=%22alert(1)%22%3E&#39;&amp;amp;%00%0B%FF%C2%85"), "as in the other forms: %s", got)
	assert.NotContains(t, got, "\x00")

	b, _ := d.AppendHTML(nil)
	assert.Contains(t, string(b), "<html lang=\"en\">\n", "a field that is no language is not used")
	assert.Contains(t, string(b), "<title>400 &lt;/title&gt;&lt;/style&gt;")
}

func TestHTMLIsInTheLanguageOfTheProblem(t *testing.T) {
	for _, row := range []struct{ field, want string }{
		{"", "en"}, {"de", "de"}, {"ar", `ar" dir="rtl`}, {"He-IL", `He-IL" dir="rtl`}, {" de-CH , en", "de-CH"}, {"zh-Hant-TW", "zh-Hant-TW"}, {"d e", "en"}, {`de" x="`, "en"}, {strings.Repeat("a", 36), "en"},
	} {
		d := problem.New(404)
		if row.field != "" {
			d = problem.New(404, problem.Header("Content-Language", row.field))
		}
		b, err := d.AppendHTML(nil)
		require.NoError(t, err)
		assert.Contains(t, string(b), `<html lang="`+row.want+`">`, "%q", row.field)
	}
}

func TestHTMLShowsABoundedPartOfExtensions(t *testing.T) {
	many := problem.New(400)
	for i := range 100 {
		many = many.With(problem.Extension(fmt.Sprintf("x%02d", i), i))
	}
	items := make([]string, 100)
	faults := make([]problem.FieldError, 100)
	for i := range items {
		items[i], faults[i] = "item", problem.FieldError{Detail: "item"}
	}
	for _, row := range []struct {
		why  string
		give *problem.Details
		want string
	}{
		{"number of extensions", many, "<dt>x31</dt><dd dir=\"auto\">31</dd></div>\n</dl>\n<p class=\"more\" lang=\"en\" dir=\"ltr\">68 more</p>"},
		{"number of items", problem.New(400, problem.Extension("x", items)), "</ul><p class=\"more\" lang=\"en\" dir=\"ltr\">50 more</p>\n</dd>"},
		{"number of errors", problem.New(400, problem.Errors(faults...)), "</ul>\n<p class=\"more\" lang=\"en\" dir=\"ltr\">50 more</p>\n<footer"},
		{"length of a text", problem.New(400, problem.Extension("x", strings.Repeat("€", 1<<20))), ">" + strings.Repeat("€", 2048/3) + "…</dd>"},
		{"length of other values", problem.New(400, problem.Extension("x", make([]int, 1<<20))), "0,0,0,0…</pre>"},
		{"depth", problem.New(400, problem.Extension("x", json.RawMessage(strings.Repeat("[", 1000)+strings.Repeat("]", 1000)))), "<pre>[[[["},
	} {
		got, err := page(t, row.give)
		assert.NoError(t, err, row.why)
		assert.Contains(t, got, row.want, row.why)
		assert.Less(t, len(got), 16<<10, row.why)
	}
}

func TestHTMLReportsWhatItLeavesOut(t *testing.T) {
	for why, d := range map[string]*problem.Details{
		"number":          problem.New(400, problem.Extension("x", math.NaN())),
		"panic":           problem.New(400, problem.Extension("x", panics{})),
		"errors":          problem.New(400, problem.Extension("errors", func() {})),
		"standard member": problem.New(400, problem.Extension("status", 1)),
		"no name":         problem.New(400, problem.Extension("", 1)),
	} {
		got, err := page(t, d)
		var left *problem.ExtensionError
		assert.True(t, errors.As(err, &left), why)
		assert.NotContains(t, got, "<dl>", why)
	}
}

func TestHTMLNeverShowsTheCause(t *testing.T) {
	got, err := page(t, problem.New(500, problem.Cause(errors.New("s3cret")), problem.Header("X-Debug", "s3cret")))
	require.NoError(t, err)
	assert.NotContains(t, got, "s3cret")
	x, err := problem.New(500, problem.Cause(errors.New("s3cret")), problem.Header("X-Debug", "s3cret")).AppendXML(nil)
	require.NoError(t, err)
	assert.NotContains(t, string(x), "s3cret")
}

func TestHTMLSaysWhenToTryAgain(t *testing.T) {
	for field, want := range map[string]string{
		"0": "You can try again now.", "1": "Try again in 1 second.", "30": "Try again in 30 seconds.", "120": "Try again in 120 seconds.",
		"121": "Try again in 3 minutes.", "7200": "Try again in 120 minutes.", "7201": "Try again in 3 hours.", "172801": "Try again in 3 days.",
		"Fri, 27 Nov 2026 12:00:00 GMT": "Try again after Fri, 27 Nov 2026 12:00:00 GMT.",
	} {
		got, err := page(t, problem.New(503, problem.Header("Retry-After", field)))
		require.NoError(t, err)
		assert.Contains(t, got, `<p class="retry" lang="en" dir="ltr">`+want+"</p>\n", field)
	}
	for _, d := range []*problem.Details{problem.New(503), problem.New(503, problem.Header("Retry-After", "<soon>"))} {
		got, _ := page(t, d)
		assert.NotContains(t, got, "retry")
	}
}

func TestHTMLStatesTheReasonOnce(t *testing.T) {
	for s := range status.All() {
		got, _ := page(t, problem.New(s.Code))
		reason := strings.ReplaceAll(s.Reason, "'", "&#39;")
		assert.Equal(t, 1, strings.Count(got, ">"+reason+"<"), "%d", s.Code)
		assert.NotContains(t, got, strconv.Itoa(s.Code)+" "+reason, "%d", s.Code)
	}
	got, _ := page(t, problem.New(404, problem.Title("Nicht gefunden")))
	assert.Contains(t, got, "404 Not Found · ", "beside another title")
}

func TestHTMLShowsTheWayHomeAndTheRequest(t *testing.T) {
	with := func(o problem.HTMLOptions) string {
		b, err := problem.New(404).AppendHTMLWith(nil, o)
		require.NoError(t, err)
		markuptest.WellFormed(t, string(b))
		return string(b)
	}
	got := with(problem.HTMLOptions{Home: "/shop?a&b", RequestID: "<id>"})
	assert.Contains(t, got, `<nav lang="en"><a href="/shop?a&amp;b">Home</a></nav>`)
	assert.Contains(t, got, "<p>Request <code>&lt;id&gt;</code></p>")
	for _, bad := range []string{"javascript:alert(1)", "//evil.example", "data:,", "home"} {
		assert.NotContains(t, with(problem.HTMLOptions{Home: bad}), "<nav", bad)
	}
	assert.Less(t, len(with(problem.HTMLOptions{RequestID: strings.Repeat("x", 1<<20)})), 16<<10)
	unknown, err := (&problem.Details{Status: 499}).AppendHTMLWith(nil, problem.HTMLOptions{RequestID: "id"})
	require.NoError(t, err)
	assert.Contains(t, string(unknown), "<p>Request <code>id</code></p>")
}
