package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// command runs the command against a service that knows GET and POST /.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Key") != "1":
			http.Error(w, "no", 401) // without a challenge
		case r.Method == "POST":
			w.WriteHeader(201) // without a Location
		default:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS, POST")
			w.WriteHeader(204)
		}
	}))
	defer srv.Close()
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "URL", srv.URL)
	}
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodeReportsWhatWasFound(t *testing.T) {
	for _, row := range []struct {
		args []string
		code int
		out  string
		err  string
	}{
		{[]string{"-header", "X-Key: 1", "URL"}, 0, "", ""},
		{[]string{"URL"}, 1, "401-challenge", ""},
		{[]string{"-ignore", "401-challenge", "URL"}, 0, "", ""},
		{[]string{"-header", "X-Key: 1", "-method", "GET,POST", "-body", "{}", "URL"}, 1, "201-location", ""},
		{[]string{"-header", "X-Key: 1", "-method", "POST", "-must", "URL"}, 0, "", ""},
		{[]string{"-protocol", "HTTP/1.0", "URL/orders"}, 1, "GET /orders over HTTP/1.0 -> 401", ""},
		{[]string{"-rules"}, 0, "405-allow (RFC 9110, section 15.5.6, MUST): 405 has an Allow", ""},
		{[]string{"-h"}, 0, "", "usage: rejoindercheck [flags] URL..."},
		{nil, 2, "", "usage:"},
		{[]string{"-header", "X", "URL"}, 2, "", "no colon"},
		{[]string{"-ignore", "none", "URL"}, 2, "", `no rule "none"`},
		{[]string{"http://u:secret@127.0.0.1:1/"}, 2, "", "rejoindercheck: http://u:xxxxx@127.0.0.1:1/: "},
	} {
		code, out, err := command(t, row.args...)
		assert.Equal(t, row.code, code, "%q: %s", row.args, err)
		assert.Contains(t, out, row.out, "%q", row.args)
		assert.Contains(t, err, row.err, "%q", row.args)
		assert.Equal(t, row.out == "", out == "", "%q: %s", row.args, out)
		assert.NotContains(t, out+err, "secret")
	}
}

func TestFindingsInJSONHaveAllOfThem(t *testing.T) {
	code, out, _ := command(t, "-json", "URL/a")
	assert.Equal(t, 1, code)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/a$`, got["url"])
	delete(got, "url")
	assert.Equal(t, map[string]any{
		"request": "GET /a", "protocols": []any{"HTTP/1.1", "HTTP/1.0"}, "status": 401.0, "observed": "401 without WWW-Authenticate",
		"rule": "401-challenge", "clause": "RFC 9110, section 15.5.2", "link": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.2",
		"level": "MUST", "requirement": "401 has a WWW-Authenticate", "fix": "use problem.Challenge with respond.Error, or NormalizeOptions.Challenges",
	}, got)
}
