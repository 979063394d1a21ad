package middleware_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// normalize is Normalize without its log.
func normalize(h http.Handler) http.Handler {
	return middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(h)
}

func TestNormalizeTurnsErrorsIntoProblems(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) {})
	for _, row := range []struct {
		why    string
		h      http.HandlerFunc
		code   int
		detail string // "" for the documented description
	}{
		{"there is no more than the code", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }, 404, ""},
		{"the text of a 4xx is for the client", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) }, 404, "no such order"},
		{"the text of a 5xx is not", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "pq: password", 500) }, 500, ""},
		{"a text that repeats the code has no more", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "Forbidden", 403) }, 403, ""},
		{"so does net/http's own", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, 404, ""},
		{"and a file server's", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "403 Forbidden", 403) }, 403, ""},
		{"no type, short text", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			w.Write([]byte("bad "))
			w.Write([]byte("date"))
		}, 400, "bad date"},
		{"an unknown code keeps its number", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(499) }, 499, ""},
		{"an invalid code", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(0) }, 500, ""},
		{"another one", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(999); w.Write([]byte("x")) }, 500, ""},
		{"a panic before the response", func(w http.ResponseWriter, r *http.Request) { panic("pq: password") }, 500, ""},
		{"a type that came to nothing", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(404)
		}, 404, ""},
	} {
		for _, protocol := range wiretest.Protocols {
			t.Run(protocol+" "+row.why, func(t *testing.T) {
				a := wiretest.Get(t, protocol, normalize(row.h))
				want := status.Nearest(row.code)
				if row.detail == "" {
					row.detail = want.Description
				}
				doc := a.Problem(t)
				assert.Equal(t, row.code, a.StatusCode)
				assert.Equal(t, map[string]any{"type": "about:blank", "title": want.Reason, "status": float64(row.code), "detail": row.detail}, doc)
				assert.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"))
				assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
				assert.Equal(t, "Accept", a.Header.Get("Vary"))
				assert.EqualValues(t, len(a.Text), a.ContentLength)
			})
		}
	}
}

func TestNormalizeLeavesTypedBodiesAlone(t *testing.T) {
	long := strings.Repeat("a long story. ", 10_000)
	for _, row := range []struct {
		why, typ, body string
	}{
		{"a problem", "application/problem+json", `{"status":418}`},
		{"JSON", "application/json", `{"error":"x"}`},
		{"XML", "application/xml", `<error/>`},
		{"events", "text/event-stream", "data: x\n\n"},
		{"a page", "text/html; charset=utf-8", "<h1>Sorry</h1>"},
		{"untyped JSON", "", `{"error":"x"}`},
		{"an untyped page", "", "<html><body>Sorry</body></html>"},
		{"an untyped image", "", "\x89PNG\x0D\x0A\x1A\x0A..."},
		{"long untyped text", "", long},
	} {
		t.Run(row.why, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if row.typ != "" {
					w.Header().Set("Content-Type", row.typ)
				}
				w.WriteHeader(418)
				w.Write([]byte(row.body))
			})
			raw, got := wiretest.Get(t, "HTTP/1.1", h), wiretest.Get(t, "HTTP/1.1", normalize(h))
			raw.Header.Del("Date")
			got.Header.Del("Date")
			assert.Equal(t, raw.Header, got.Header)
			assert.Equal(t, raw.StatusCode, got.StatusCode)
			assert.True(t, raw.Text == got.Text)
		})
	}
}

func TestNormalizeKeepsTheAllowOfServeMux(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) {})
	a := wiretest.Get(t, "HTTP/1.1", normalize(mux), wiretest.Method("DELETE"))
	assert.Equal(t, "GET, HEAD, POST", a.Header.Get("Allow"))
	assert.Equal(t, "Method Not Allowed", a.Problem(t)["title"])
}
