package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// start serves the whole example and returns a function that sends it a
// request and reads the response.
func start(t *testing.T, perMinute int) func(method, path, body string) (*http.Response, string) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
	srv := httptest.NewServer(handler(perMinute))
	t.Cleanup(srv.Close)
	return func(method, path, body string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(b)
	}
}

func TestEachFailureIsADocumentedProblem(t *testing.T) {
	send := start(t, 60)
	for _, row := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"an unknown path", "GET", "/nowhere", "", 404},
		{"a number that is no to-do", "GET", "/todos/17", "", 404},
		{"a path value that is no number", "GET", "/todos/milk", "", 404},
		{"a wrong method", "PATCH", "/todos", "", 405},
		{"a bad body", "POST", "/todos", `{"title":`, 400},
		{"an unknown member", "POST", "/todos", `{"titel":"milk"}`, 422},
		{"a body that breaks a rule", "POST", "/todos", `{"title":""}`, 422},
		{"a body of the wrong type", "POST", "/todos", `{"title":7}`, 422},
		{"too long a title", "POST", "/todos", `{"title":"` + strings.Repeat("m", 201) + `"}`, 422},
		{"too large a body", "POST", "/todos", `{"title":"` + strings.Repeat("m", 2<<20) + `"}`, 413},
		{"a panic", "GET", "/panic", "", 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			res, body := send(row.method, row.path, row.body)
			assert.Equal(t, row.status, res.StatusCode)
			assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"))
			var d problem.Details
			require.NoError(t, json.Unmarshal([]byte(body), &d))
			want, _ := status.Lookup(row.status)
			assert.Equal(t, want.Reason, d.Title)
			assert.Equal(t, row.status, d.Status)
			assert.NotContains(t, body, "no client reads")
		})
	}
}

func TestLimitedClientGetsRetryAfter(t *testing.T) {
	send := start(t, 2)
	send("GET", "/todos", "")
	send("GET", "/todos", "")
	res, body := send("GET", "/todos", "")
	assert.Equal(t, 429, res.StatusCode)
	assert.Equal(t, "30", res.Header.Get("Retry-After"))
	assert.Contains(t, body, `"title":"Too Many Requests"`)
}

func TestTodoInOneConversation(t *testing.T) {
	send := start(t, 60)
	res, body := send("POST", "/todos", `{"title":"milk"}`)
	assert.Equal(t, 201, res.StatusCode)
	assert.Equal(t, "/todos/1", res.Header.Get("Location"))
	assert.JSONEq(t, `{"id":1,"title":"milk","done":false}`, body)

	res, body = send("PUT", "/todos/1", `{"title":"milk","done":true}`)
	assert.Equal(t, 200, res.StatusCode)
	assert.JSONEq(t, `{"id":1,"title":"milk","done":true}`, body)

	_, body = send("GET", "/todos", "")
	assert.JSONEq(t, `[{"id":1,"title":"milk","done":true}]`, body)

	res, body = send("DELETE", "/todos/1", "")
	assert.Equal(t, 204, res.StatusCode)
	assert.Empty(t, body)
	res, _ = send("GET", "/todos/1", "")
	assert.Equal(t, 404, res.StatusCode)
}
