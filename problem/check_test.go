package problem_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// fetch sends a request through a real server to h and returns the response. The caller
// closes its body.
func fetch(t *testing.T, method, path string, h http.HandlerFunc) *http.Response {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
	require.NoError(t, err)
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// sends returns a handler that responds with a status code, a media type and a body.
func sends(code int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil // no guess
		if mediaType != "" {
			w.Header().Set("Content-Type", mediaType)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// check returns the problem of CheckResponse.
func check(t *testing.T, res *http.Response) *problem.Details {
	t.Helper()
	d, ok := errors.AsType[*problem.Details](problem.CheckResponse(res))
	require.True(t, ok, "always a *Details")
	assert.Equal(t, res.StatusCode, d.Status, "the status of HTTP decides")
	assert.Equal(t, res.Header, d.Header)
	assert.True(t, d.IsRemote())
	return d
}

func TestCheckLeavesASuccessAlone(t *testing.T) {
	for _, code := range []int{200, 201, 226, 299, 304, 399} {
		res := fetch(t, "GET", "/", sends(code, problem.MediaType, `{"title":"not for Check"}`))
		require.NoError(t, problem.CheckResponse(res), "%d", code)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		if code != 304 {
			assert.Equal(t, `{"title":"not for Check"}`, string(body), "%d", code)
		}
	}
}

func TestCheckReadsTheExampleOfTheRFC(t *testing.T) {
	doc := golden(t, "rfc9457-s3-2.json")
	for _, mediaType := range []string{"application/problem+json", "Application/Problem+JSON; charset=utf-8", " application/problem+json ;profile=x"} {
		res := fetch(t, "GET", "/msgs/17?a=b", sends(403, mediaType, doc))
		err := problem.CheckResponse(res)
		require.ErrorIs(t, err, OutOfCredit)
		d := check(t, fetch(t, "GET", "/msgs/17?a=b", sends(403, mediaType, doc)))
		assert.Equal(t, "You do not have enough credit.", d.Title)
		assert.Zero(t, d.StatedStatus())
		assert.NoError(t, d.Unwrap())
		var accounts []string
		require.NoError(t, d.Extension("accounts", &accounts))
		assert.Equal(t, []string{"/account/12345", "/account/67890"}, accounts)
		assert.Equal(t, "http://"+res.Request.URL.Host+"/account/12345/msgs/abc", err.(*problem.Details).Instance, "resolved")
		assert.Equal(t, res.Request.URL.Host+": 403 You do not have enough credit: Your current balance is 30, but that costs 50. (https://example.com/probs/out-of-credit)", err.Error())
		assert.Contains(t, d.LogValue().String(), "origin=127.0.0.1:")
	}
}

func TestCheckReadsJSONThatLooksLikeAProblem(t *testing.T) {
	for _, tt := range []struct{ mediaType, doc string }{
		{"application/json", `{"type":"https://example.com/p","title":"t","status":418}`},
		{"application/json; charset=utf-8", `{"detail":"no order"}`},
		{"application/vnd.example+json", `{"title":"t"}`},
		{"text/json", `{"title":"t"}`},
		{"", `{"title":"t"}`},
		{"application/json", "\ufeff{\"title\":\"t\"}"},
	} {
		d := check(t, fetch(t, "GET", "/", sends(409, tt.mediaType, tt.doc)))
		assert.NotErrorIs(t, d, problem.ErrNoDocument, "%v", tt)
		assert.NotEqual(t, status.Nearest(409).Description, d.Detail, "%v", tt)
	}
}

func TestCheckReadsAProblemInXML(t *testing.T) {
	doc := golden(t, "rfc9457-b-1.xml")
	for _, mediaType := range []string{"application/problem+xml", "application/xml; charset=utf-8", "Text/XML", "application/vnd.example+xml"} {
		d := check(t, fetch(t, "GET", "/", sends(403, mediaType, doc)))
		assert.ErrorIs(t, d, OutOfCredit, mediaType)
		assert.Equal(t, "https://example.net/account/12345/msgs/abc", d.Instance)
		var accounts []string
		require.NoError(t, d.Extension("accounts", &accounts))
		assert.Equal(t, []string{"https://example.net/account/12345", "https://example.net/account/67890"}, accounts)
	}
	d := check(t, fetch(t, "GET", "/", sends(502, problem.MediaTypeXML, strings.Replace(doc, "<type>", "<status>403</status><type>", 1))))
	assert.Equal(t, 403, d.StatedStatus())
}

func TestCheckDescribesOtherBodiesByTheStatus(t *testing.T) {
	for _, tt := range []struct{ why, mediaType, body, says string }{
		{"a page", "text/html; charset=utf-8", "<html>Bad gateway</html>", `"text/html": "<html>Bad gateway</html>"`},
		{"text", "text/plain", "no", `"text/plain": "no"`},
		{"nothing", "", "", "empty"},
		{"nothing, though a problem was promised", problem.MediaType, "", "empty"},
		{"only a mark of the byte order", problem.MediaType, "\ufeff", "empty"},
		{"JSON of another kind", "application/json", `{"error":{"code":7}}`, `{\"error\":{\"code\":7}}`},
		{"a type alone is no problem", "application/json", `{"type":"error","status":502}`, "no problem"},
		{"JSON in text", "text/plain", `{"title":"t"}`, "text/plain"},
		{"an array", problem.MediaType, `[]`, "malformed"},
		{"null", problem.MediaType, `null`, "malformed"},
		{"cut short", problem.MediaType, `{"title":"t"`, "malformed"},
		{"malformed", problem.MediaType, `{'title':'t'}`, "malformed"},
		{"nested too deeply", problem.MediaType, `{"title":"t","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "malformed"},
		{"larger than MaxSize", problem.MediaType, `{"title":"` + strings.Repeat("x", problem.MaxSize) + `"}`, "larger than"},
		{"XML of another kind", "application/xml", "<problem><title>t</title></problem>", "malformed"},
		{"XML, cut short", problem.MediaTypeXML, `<problem xmlns="urn:ietf:rfc:7807"><title>t</title>`, "malformed"},
		{"XML, though JSON was promised", problem.MediaType, `<problem xmlns="urn:ietf:rfc:7807"><title>t</title></problem>`, "malformed"},
		{"no text", "image/png", "\x89PNG\xff", `"image/png"`},
		{"a media type of nonsense", ";;", "{}", ""},
	} {
		res := fetch(t, "GET", "/", sends(502, tt.mediaType, tt.body))
		d := check(t, res)
		want, _ := status.Lookup(502)
		assert.Equal(t, "about:blank", d.Type, tt.why)
		assert.Equal(t, want.Reason, d.Title, tt.why)
		assert.Equal(t, want.Description, d.Detail, tt.why)
		assert.Empty(t, d.Extensions, tt.why)
		assert.ErrorIs(t, d, problem.ErrNoDocument, tt.why)
		if tt.says != "no problem" {
			assert.ErrorContains(t, d.Unwrap(), tt.says, tt.why)
		}
		again, err := io.ReadAll(res.Body)
		require.NoError(t, err, tt.why)
		assert.Equal(t, tt.body[:min(len(tt.body), problem.MaxSize)], string(again), "what was read can be read once more: %s", tt.why)
	}
}

func TestCheckAcceptsAResponseWithOnlyAStatus(t *testing.T) {
	d := check(t, &http.Response{StatusCode: 404})
	assert.Equal(t, "404 Not Found: "+status.Nearest(404).Description, d.Error())
	_, ok := d.RetryAfter()
	assert.False(t, ok)
}

func TestCheckKeepsTheStatusOfTheDocument(t *testing.T) {
	d := check(t, fetch(t, "GET", "/", sends(502, problem.MediaType, `{"title":"t","status":404}`)))
	assert.Equal(t, 404, d.StatedStatus())
	assert.Contains(t, write(t, d), `"status":502`)
}

func TestCheckDescribesAnUnregisteredCode(t *testing.T) {
	for code, want := range map[int]string{499: "Bad Request", 599: "Internal Server Error", 999: "Internal Server Error"} {
		d := check(t, fetch(t, "GET", "/", sends(code, "", "")))
		assert.Equal(t, want, d.Title, "%d", code)
	}
}

func TestCheckResolvesAgainstTheRequestURL(t *testing.T) {
	base, err := url.Parse("https://user:secret@api.example.com/v1/orders/17?key=secret#f")
	require.NoError(t, err)
	for _, tt := range []struct{ why, ref, want string }{
		{"absolute already", "https://example.com/a/../b", "https://example.com/a/../b"},
		{"no hierarchy", "tag:example@example.org,2021-09-17:OutOfLuck", "tag:example@example.org,2021-09-17:OutOfLuck"},
		{"blank", "about:blank", "about:blank"},
		{"absent", "", ""},
		{"a path", "/types/123", "https://api.example.com/types/123"},
		{"a relative path", "../types/a", "https://api.example.com/v1/types/a"},
		{"a name", "types", "https://api.example.com/v1/orders/types"},
		{"another host", "//example.com/a", "https://example.com/a"},
		{"a query", "?a=b", "https://api.example.com/v1/orders/17?a=b"},
		{"above the root", "/../../a", "https://api.example.com/a"},
		{"no reference", "http://[", "http://["},
		{"no reference either", ":", ":"},
	} {
		doc, err := json.Marshal(map[string]string{"title": "t", "type": tt.ref, "instance": tt.ref})
		require.NoError(t, err)
		d := check(t, &http.Response{
			StatusCode: 400,
			Header:     http.Header{"Content-Type": {problem.MediaType}},
			Body:       io.NopCloser(strings.NewReader(string(doc))),
			Request:    &http.Request{URL: base},
		})
		assert.Equal(t, tt.want, d.Type, tt.why)
		assert.Equal(t, tt.want, d.Instance, tt.why)
	}
	assert.Equal(t, "https://user:secret@api.example.com/v1/orders/17?key=secret#f", base.String(), "unchanged")
}

func TestARelativeTypeMatchesAfterResolution(t *testing.T) {
	srv := httptest.NewServer(sends(409, problem.MediaType, `{"type":"/probs/closed","title":"Closed"}`))
	defer srv.Close()
	closed := problem.Define(srv.URL+"/probs/closed", "Closed", 409, "")
	res, err := srv.Client().Get(srv.URL + "/orders/17")
	require.NoError(t, err)
	defer res.Body.Close()
	assert.ErrorIs(t, problem.CheckResponse(res), closed)
}

func TestCheckNeverDereferencesAType(t *testing.T) {
	calls := 0
	var self string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		sends(409, problem.MediaType, `{"type":"`+self+`/type","instance":"`+self+`/instance"}`)(w, r)
	}))
	self = srv.URL
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	_ = check(t, res).Error()
	assert.Equal(t, 1, calls)
}
