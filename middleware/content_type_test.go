package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func TestContentTypeRefusesOtherTypes(t *testing.T) {
	h := middleware.ContentType("application/json", "image/*")(http.HandlerFunc(ok))
	for _, row := range []struct {
		why   string
		types []string
		body  string
		want  int
	}{
		{"as required", []string{"application/json"}, "{}", 200},
		{"parameters do not matter", []string{"application/json; charset=utf-8"}, "{}", 200},
		{"nor does the letter case", []string{"Application/JSON"}, "{}", 200},
		{"one of a range", []string{"image/png"}, "x", 200},
		{"another type", []string{"text/plain"}, "x", 415},
		{"a similar one", []string{"application/jsonp"}, "x", 415},
		{"none", nil, "x", 415},
		{"an empty one", []string{""}, "x", 415},
		{"one that is none", []string{"json"}, "x", 415},
		{"two of them", []string{"application/json", "text/plain"}, "x", 415},
		{"no body, no type", nil, "", 200},
		{"no body, any type", []string{"text/plain"}, "", 200},
	} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, h, func(r *http.Request) {
				r.Method = "POST"
				if row.body != "" {
					r.Body = io.NopCloser(strings.NewReader(row.body)) // of unknown length
					r.ContentLength = -1
				}
				if row.types != nil {
					r.Header["Content-Type"] = row.types
				}
			})
			assert.Equal(t, row.want, a.StatusCode, "%s %s", protocol, row.why)
			if row.want == 415 {
				assert.Equal(t, "The body must have the media type application/json or image/*.", a.Problem(t)["detail"])
				assert.Equal(t, "application/json, image/*", a.Header.Get("Accept"))
			}
		}
	}
}

func TestContentTypePanicsIfATypeIsInvalid(t *testing.T) {
	for _, types := range [][]string{nil, {""}, {"json"}, {"application/json; charset=utf-8"}, {"a/b/c"}} {
		assert.Panics(t, func() { middleware.ContentType(types...) }, "%q", types)
	}
}

func TestContentTypeSetsAcceptQueryForQUERY(t *testing.T) {
	h := middleware.ContentType("application/json", "image/*")(http.HandlerFunc(ok))
	for method, want := range map[string]string{"QUERY": "application/json, image/*", "POST": ""} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, h, func(r *http.Request) {
				r.Method = method
				r.Header.Set("Content-Type", "text/plain")
				r.Body = io.NopCloser(strings.NewReader("x"))
				r.ContentLength = 1
			})
			assert.Equal(t, 415, a.StatusCode, "%s over %s", method, protocol)
			assert.Equal(t, want, a.Header.Get("Accept-Query"), "%s over %s", method, protocol)
		}
	}
}

// Servers of HTTP/3 give every request a body whose length is not known.
func TestContentTypePassesARequestWithoutABody(t *testing.T) {
	h := middleware.ContentType("application/json")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Empty(t, body)
	}))
	for _, method := range []string{"GET", "POST", "DELETE", "QUERY"} {
		for body, want := range map[string]int{"": 200, "{}": 415} {
			r := httptest.NewRequest(method, "/", io.NopCloser(strings.NewReader(body)))
			r.ProtoMajor, r.ProtoMinor, r.ContentLength = 3, 0, -1
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			assert.Equal(t, want, rec.Code, "%s %q", method, body)
		}
	}
}
