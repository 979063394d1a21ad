package respond_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

var (
	outOfCredit = problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "Top up the account.")
	orderLocked = problem.Define("https://example.com/probs/order-locked", "The order is locked.", 423, "Wait until the other editor is done.")
)

// documentation starts a server with the pages of two types, and returns a
// function that sends a request to it.
func documentation(t *testing.T) func(method, path string, fields ...string) (*http.Response, string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/probs/", respond.Pages(outOfCredit, orderLocked, problem.QuotaExceeded))
	srv := wiretest.Start(t, wiretest.HTTP1, mux)
	return func(method, path string, fields ...string) (*http.Response, string) {
		t.Helper()
		return doOn(t, srv, method, path, fields...)
	}
}

func TestPagesServeEachTypeAndStatus(t *testing.T) {
	do := documentation(t)
	paths := map[string]string{
		"/probs/":              "Problem types",
		"/probs/out-of-credit": "You do not have enough credit.",
		"/probs/order-locked":  "The order is locked.",
	}
	for s := range status.All() {
		paths["/probs/"+strconv.Itoa(s.Code)] = strings.ReplaceAll(s.Reason, "'", "&#39;")
	}
	for path, title := range paths {
		res, body := do("GET", path)
		assert.Equal(t, 200, res.StatusCode, path)
		assert.Contains(t, body, title+"</h1>", path)
		assert.Equal(t, http.Header{
			"Content-Type":            {"text/html; charset=utf-8"},
			"Content-Length":          {strconv.Itoa(len(body))},
			"Content-Security-Policy": {problem.HTMLSecurityPolicy},
			"X-Content-Type-Options":  {"nosniff"},
			"Cache-Control":           {"public, max-age=300"},
			"Vary":                    {"Accept"},
			"Etag":                    res.Header["Etag"],
			"Date":                    res.Header["Date"],
		}, res.Header, path)
		assert.Regexp(t, `^"[\w-]{16}"$`, res.Header.Get("Etag"), path)
	}
}

func TestPagesNegotiateTheForm(t *testing.T) {
	do := documentation(t)
	for _, row := range []struct{ why, accept, want string }{
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"},
		{"no Accept field", "", "text/html; charset=utf-8"},
		{"anything", "*/*", "text/html; charset=utf-8"},
		{"a tool", "application/json", "application/json"},
		{"a tool that reads problems", "application/problem+json, application/json;q=0.9", "application/json"},
		{"rather JSON", "text/html;q=0.5, application/json", "application/json"},
		{"no JSON", "application/json;q=0, */*", "text/html; charset=utf-8"},
		{"neither", "image/png", "text/html; charset=utf-8"},
	} {
		res, body := do("GET", "/probs/out-of-credit", "Accept", row.accept)
		assert.Equal(t, 200, res.StatusCode, row.why)
		assert.Equal(t, row.want, res.Header.Get("Content-Type"), row.why)
		assert.Equal(t, "Accept", res.Header.Get("Vary"), row.why)
		if row.want == "application/json" {
			assert.JSONEq(t, `{"type":"https://example.com/probs/out-of-credit","title":"You do not have enough credit.","status":403,"description":"Top up the account."}`, body, row.why)
			assert.Empty(t, res.Header.Get("Content-Security-Policy"), row.why)
		}
	}
}

func TestPagesAreNotSentTwice(t *testing.T) {
	do := documentation(t)
	first, _ := do("GET", "/probs/404")
	etag := first.Header.Get("Etag")
	asJSON, _ := do("GET", "/probs/404", "Accept", "application/json")
	for _, row := range []struct {
		why, field, value string
		want              int
	}{
		{"the same", "If-None-Match", etag, 304},
		{"a proxy made it weak", "If-None-Match", "W/" + etag, 304},
		{"one of several", "If-None-Match", `"x", ` + etag, 304},
		{"any", "If-None-Match", "*", 304},
		{"that of the other form", "If-None-Match", asJSON.Header.Get("Etag"), 200},
		{"another", "If-None-Match", `"x"`, 200},
		{"malformed", "If-None-Match", strings.Trim(etag, `"`), 200},
		{"what was read before", "If-Match", etag, 200},
		{"changed since", "If-Match", `"x"`, 412},
		{"weak tags are no match", "If-Match", "W/" + etag, 412},
		{"exists", "If-Match", "*", 200},
		{"a part", "Range", "bytes=0-9", 200}, // ranges are ignored, since pages are small
	} {
		res, body := do("GET", "/probs/404", row.field, row.value)
		assert.Equal(t, row.want, res.StatusCode, row.why)
		assert.Equal(t, "Accept", res.Header.Get("Vary"), row.why)
		switch row.want {
		case 304:
			assert.Empty(t, body, row.why)
			assert.Equal(t, etag, res.Header.Get("Etag"), row.why)
			assert.Equal(t, "public, max-age=300", res.Header.Get("Cache-Control"), row.why)
			assert.Empty(t, res.Header.Get("Content-Type"), row.why)
		case 412:
			assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"), row.why)
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"), row.why)
		}
	}
}

func TestPagesForHEADHaveTheHeaderOfGET(t *testing.T) {
	do := documentation(t)
	for _, accept := range []string{"text/html", "application/json"} {
		get, body := do("GET", "/probs/", "Accept", accept)
		head, none := do("HEAD", "/probs/", "Accept", accept)
		delete(get.Header, "Date")
		delete(head.Header, "Date")
		assert.Equal(t, get.Header, head.Header)
		assert.NotEmpty(t, body)
		assert.Empty(t, none)
	}
}

func TestPagesSendAProblemForAnotherPath(t *testing.T) {
	do := documentation(t)
	for _, path := range []string{"/probs/nothing", "/probs/out-of-credit/", "/probs/499", "/probs/OUT-OF-CREDIT"} {
		res, body := do("GET", path)
		assert.Equal(t, 404, res.StatusCode, path)
		assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"), path)
		assert.Contains(t, body, `"title":"Not Found"`, path)
	}
	res, body := do("GET", "/probs/nothing", "Accept", "text/html")
	assert.Equal(t, 404, res.StatusCode)
	assert.Contains(t, body, "Not Found</h1>")
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		res, body := do(method, "/probs/")
		assert.Equal(t, 405, res.StatusCode, method)
		assert.Equal(t, "GET, HEAD", res.Header.Get("Allow"), method)
		assert.Contains(t, body, `"title":"Method Not Allowed"`, method)
	}
}

func TestPagesIndexInJSONLeadsToEveryPage(t *testing.T) {
	do := documentation(t)
	_, body := do("GET", "/probs/", "Accept", "application/json")
	var index struct {
		Types, Statuses []struct {
			Type, Title, Page string
			Status            int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &index))
	require.Len(t, index.Types, 3)
	require.Len(t, index.Statuses, 63)
	for _, entry := range append(index.Types[:2], index.Statuses...) {
		res, body := do("GET", entry.Page, "Accept", "application/json")
		assert.Equal(t, 200, res.StatusCode, entry.Page)
		assert.Contains(t, body, strconv.Quote(entry.Title), entry.Page)
	}
	assert.Equal(t, problem.QuotaExceeded.URI, index.Types[2].Page, "not ours to serve")
}

func TestPagesPanicForTypesThatCollide(t *testing.T) {
	for why, types := range map[string][]*problem.Type{
		"twice":         {outOfCredit, outOfCredit},
		"the same URI":  {outOfCredit, problem.Define(outOfCredit.URI, "Another title", 400, "")},
		"nil":           {nil},
		"not by Define": {{}},
	} {
		assert.Panics(t, func() { respond.Pages(types...) }, why)
	}
	assert.NotPanics(t, func() { respond.Pages() }, "the status codes alone")
}
