package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// identify passes one request through ids and returns the identifier that the
// handler saw and the one that the client got.
func identify(ids middleware.RequestIDOptions, incoming ...string) (inside, outside string) {
	h := middleware.RequestIDWith(ids)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside = middleware.RequestIDFrom(r.Context())
	}))
	r := httptest.NewRequest("GET", "/", nil)
	if incoming != nil {
		r.Header["X-Request-Id"] = incoming
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return inside, rec.Header().Get("X-Request-Id")
}

func trust(*http.Request) bool { return true }

func TestRequestIDIsUniqueAndSentToTheClient(t *testing.T) {
	a, sentA := identify(middleware.RequestIDOptions{}, "mine")
	b, sentB := identify(middleware.RequestIDOptions{}, "mine")
	assert.Equal(t, a, sentA)
	assert.Equal(t, b, sentB)
	assert.NotEqual(t, a, b)
	assert.Regexp(t, "^[A-Z2-7]{26}$", a)
}

func TestRequestIDFromAnyOtherContextIsEmpty(t *testing.T) {
	assert.Empty(t, middleware.RequestIDFrom(t.Context()))
}

func TestTrustAcceptsOnlySafeIdentifiers(t *testing.T) {
	for _, row := range []struct {
		why      string
		incoming []string
		taken    bool
	}{
		{"a UUID", []string{"1f9d8f5c-6f3e-4a8e-9d55-0a8e6f1e2b3c"}, true},
		{"a trace of a load balancer", []string{"Root=1-67891233-abcdef012345678912345678"}, true},
		{"the longest", []string{strings.Repeat("a", 128)}, true},
		{"nothing", nil, false},
		{"an empty one", []string{""}, false},
		{"too long", []string{strings.Repeat("a", 129)}, false},
		{"two: whose is it", []string{"a", "b"}, false},
		{"a line of its own in the log", []string{"a\nlevel=ERROR"}, false},
		{"a second attribute", []string{"a level=ERROR"}, false},
		{"quotes", []string{`a"b`}, false},
		{"a tag", []string{"<script>"}, false},
		{"not ASCII", []string{"ä"}, false},
	} {
		inside, outside := identify(middleware.RequestIDOptions{Trust: trust}, row.incoming...)
		assert.Equal(t, inside, outside, row.why)
		if row.taken {
			assert.Equal(t, row.incoming[0], inside, row.why)
		} else {
			assert.Len(t, inside, 26, row.why)
		}
	}
}

func TestRequestIDWithUsesItsSettings(t *testing.T) {
	h := middleware.RequestIDWith(middleware.RequestIDOptions{Header: "x-correlation-id", New: func(*http.Request) string { return "n1" }})(http.NotFoundHandler())
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, []string{"n1"}, rec.Header()["X-Correlation-Id"])
}

// FuzzIncomingID: what is taken over is short and cannot end a word, a line or
// a quotation, in a log or in a header.
func FuzzIncomingID(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "a\r\nSet-Cookie: x", "\"", "\xff", strings.Repeat("x", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, incoming string) {
		id, _ := identify(middleware.RequestIDOptions{Trust: trust, New: func(*http.Request) string { return "made here" }}, incoming)
		if id == "made here" {
			return
		}
		if id != incoming || len(id) > 128 || strings.ContainsAny(id, " \t\r\n\"'\\<>&;,`%$(){}[]") {
			t.Errorf("took over %q", id)
		}
		for _, c := range []byte(id) {
			if c <= ' ' || c >= 0x7f {
				t.Errorf("took over byte %#x", c)
			}
		}
	})
}
