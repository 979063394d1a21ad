package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// TestServiceInOneConversation is one conversation with the service: each
// request depends on the responses before it.
func TestServiceInOneConversation(t *testing.T) {
	srv := httptest.NewServer(service(1000))
	defer srv.Close()
	const tea = `{"item":"tea","quantity":2}`
	for _, c := range []struct {
		request string // method, path and fields
		body    string
		status  int
		want    string // part of the header or the body
		reason  string
	}{
		{"GET /orders", "", 200, "Content-Type: application/x-ndjson", "an empty list"},
		{"POST /orders", tea, 201, "Location: /orders/1", "created"},
		{"POST /orders", `{"item":"milk","quantity":1}`, 201, `Etag: "1"`, "created, with a version"},
		{"GET /orders/1", "", 200, `"quantity":2`, "read"},
		{"GET /orders/1 If-None-Match:\"1\"", "", 304, `Etag: "1"`, "not changed"},
		{"GET /orders", "", 200, `{"id":2,"item":"milk"`, "both in the list"},

		{"PUT /orders/1", tea, 428, "If-Match", "which version?"},
		{"PUT /orders/1 If-Match:\"1\"", `{"item":"tea","quantity":3}`, 200, `Etag: "2"`, "changed"},
		{"PUT /orders/1 If-Match:\"1\"", `{"item":"tea","quantity":4}`, 412, `Etag: "2"`, "another client was faster"},
		{"GET /orders/1", "", 200, `"quantity":3`, "the first change is still there"},

		{"POST /orders", `{"item":"tea","quantity":8}`, 409, `"available":7`, "a domain error"},
		{"POST /orders", `{"item":"","quantity":0}`, 422, `{"detail":"must not be empty","pointer":"#/item"},{"detail":"must be positive","pointer":"#/quantity"}`, "validation"},
		{"POST /orders", `{"itme":"tea","quantity":"2"}`, 422, `{"detail":"unknown member","pointer":"#/itme","code":"unknown"},{"detail":"must be a whole number","pointer":"#/quantity","code":"type"}`, "another shape"},
		{"POST /orders", `{"item":`, 400, "problem+json", "cut off"},
		{"POST /orders", `{"item":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "problem+json", "too large"},
		{"POST /orders Content-Type:text/plain", tea, 415, "Accept: application/json", "another type"},
		{"GET /orders/17", "", 404, "There is no such order.", "a domain error"},
		{"GET /orders/x", "", 404, "There is no such order.", "a domain error"},
		{"PATCH /orders/1", "", 405, "Allow: DELETE, GET, HEAD, PUT", "from the mux"},
		{"GET /nowhere", "", 404, status.Nearest(404).Description, "from the mux"},

		{"GET /problems/out-of-stock Accept:text/html", "", 200, "what is left", "the type explains itself"},

		{"DELETE /orders/1 If-Match:\"1\"", "", 412, "problem+json", "an old version"},
		{"DELETE /orders/1", "", 204, "", "gone"},
		{"DELETE /orders/1", "", 404, "no such order", "gone already"},
	} {
		parts := strings.SplitN(c.request, " ", 3)
		req, err := http.NewRequest(parts[0], srv.URL+parts[1], strings.NewReader(c.body))
		require.NoError(t, err)
		if c.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if len(parts) == 3 {
			name, value, _ := strings.Cut(parts[2], ":")
			req.Header.Set(name, value)
		}
		res, err := srv.Client().Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())

		var header strings.Builder
		require.NoError(t, res.Header.Write(&header))
		assert.Equal(t, c.status, res.StatusCode, "%s: %s\n%s", c.request, c.reason, body)
		assert.Contains(t, header.String()+string(body), c.want, "%s: %s", c.request, c.reason)
		if res.StatusCode >= 400 {
			var d problem.Details
			require.NoError(t, json.Unmarshal(body, &d), "%s: %s", c.request, c.reason)
			assert.Equal(t, c.status, d.Status, "%s: %s", c.request, c.reason)
		}
	}
}

func TestShortageHasAType(t *testing.T) {
	srv := httptest.NewServer(service(1000))
	defer srv.Close()
	client := &http.Client{Transport: &problem.Transport{}}
	_, err := client.Post(srv.URL+"/orders", "application/json", strings.NewReader(`{"item":"tea","quantity":11}`))
	require.ErrorIs(t, err, outOfStock)
	var d *problem.Details
	require.ErrorAs(t, err, &d)
	assert.Contains(t, d.Instance, "urn:request:")
}

func TestServiceLimitsRequests(t *testing.T) {
	srv := httptest.NewServer(service(1))
	defer srv.Close()
	for _, want := range []int{200, 429} {
		res, err := srv.Client().Get(srv.URL + "/orders")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, want, res.StatusCode)
	}
}
