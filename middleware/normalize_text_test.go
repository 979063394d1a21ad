package middleware_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// The first bytes of a text may be those of another format: "BM" begins an
// image, "%!PS-Adobe-" a page, by the table that net/http sniffs with.
func TestTextIsTextWhateverItBeginsWith(t *testing.T) {
	for _, text := range []string{"BM25 index: dial tcp: refused", "GIF89a is no format for invoices", "%PDF-1.7 expected", "OggS is unknown here"} {
		h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, text)
		}))
		a := wiretest.Send(t, wiretest.Start(t, "HTTP/1.1", h))
		assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), "%q", text)
		assert.NotContains(t, a.Text, text)
	}
}

// A handler that keeps net/http from sniffing has said nothing of its body.
func TestATextWithAnEmptyTypeIsAText(t *testing.T) {
	for name, types := range map[string][]string{"nil": nil, "no value": {}, "an empty value": {""}} {
		for _, code := range []int{404, 500} {
			h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = types
				w.WriteHeader(code)
				_, _ = io.WriteString(w, "the words of the handler")
			}))
			doc := wiretest.Send(t, wiretest.Start(t, "HTTP/1.1", h)).Problem(t)
			if code == 404 {
				assert.Equal(t, "the words of the handler", doc["detail"], name)
			} else {
				assert.NotContains(t, doc["detail"], "words", name)
			}
		}
	}
}

func TestNormalizeLeavesAnImageWithoutATypeAlone(t *testing.T) {
	const image = "BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00"
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, image)
	}))
	a := wiretest.Send(t, wiretest.Start(t, "HTTP/1.1", h))
	assert.Equal(t, "image/bmp", a.Header.Get("Content-Type"))
	assert.Equal(t, image, a.Text)
}

// A WriteHeader with an invalid code has no effect, so that fields which the handler
// sets after it are part of the response.
func TestNormalizeSendsACorrectedHeader(t *testing.T) {
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Before", "1")
		w.WriteHeader(0)
		w.Header().Set("X-After", "2")
		w.Header().Set("Content-Type", "application/vnd.example+json")
		w.WriteHeader(409)
		_, _ = io.WriteString(w, `{"mine":true}`)
	}))
	a := wiretest.Send(t, wiretest.Start(t, "HTTP/1.1", h))
	assert.Equal(t, 409, a.StatusCode)
	assert.Equal(t, `{"mine":true}`, a.Text)
	assert.Equal(t, "1", a.Header.Get("X-Before"))
	assert.Equal(t, "2", a.Header.Get("X-After"))
	assert.Equal(t, "application/vnd.example+json", a.Header.Get("Content-Type"))
}

// The text of a status alone is held as any other; a 4xx beyond the bound
// passes, and has to pass as a whole.
func TestALongTextPassesFromItsFirstByte(t *testing.T) {
	long := strings.Repeat("a page of text, ", 300)
	for _, first := range []string{"\n", "404 page not found\n", "Not Found", "page not found" + strings.Repeat(" ", 200), "no such order: "} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(404)
				_, _ = io.WriteString(w, first)
				_, _ = io.WriteString(w, "")
				_, _ = io.WriteString(w, long)
			})))
			assert.Equal(t, first+long, a.Text, "%s, %.30q", protocol, first)
			assert.Equal(t, "text/plain; charset=utf-8", a.Header.Get("Content-Type"))
		}
	}
}

// A text of as many bytes as are held is replaced, and one byte more passes, in
// however many calls it comes.
func TestMaxTextCountsEveryByte(t *testing.T) {
	for _, parts := range [][]string{
		{"Not Found", strings.Repeat("x", 991)}, {"Not Found\n", "Not Found\n", strings.Repeat("x", 980)},
		{strings.Repeat("x", 500), strings.Repeat("y", 500)}, {strings.Repeat("x", 1000)},
	} {
		for _, more := range []string{"", "!"} {
			n := middleware.NormalizeOptions{Logger: quiet, MaxText: 1000}
			a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(404)
				for _, part := range append(slices.Clone(parts), more) {
					_, _ = io.WriteString(w, part)
				}
			})))
			if more == "" {
				assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			} else {
				assert.Equal(t, strings.Join(parts, "")+more, a.Text)
			}
		}
	}
}

// A proxy flushes before each part of a text of which it knows the length.
func TestAFlushInsideOfATextDoesNotEndIt(t *testing.T) {
	a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "27")
		w.WriteHeader(404)
		_, _ = io.WriteString(w, "Not Found\n")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "no such order 17.")
	})))
	assert.Equal(t, "no such order 17.", a.Problem(t)["detail"])

	a = wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff") // as http.Error
		w.WriteHeader(404)
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "no such order 17.")
	})))
	assert.Equal(t, "no such order 17.", a.Problem(t)["detail"])
}

// A layer inside of Normalize keeps the second WriteHeader to itself, and what
// is written behind it is the text of another status all the same.
func TestTheTextOfALaterStatusIsWithheld(t *testing.T) {
	capture := middleware.Capture(func(*http.Request, middleware.Result) {})
	timeout := middleware.Timeout(time.Minute)
	for name, inside := range map[string][]func(http.Handler) http.Handler{
		"alone": nil, "Capture": {capture}, "Timeout": {timeout}, "Capture in Timeout": {timeout, capture}, "Capture in two Timeouts": {timeout, timeout, capture},
		"Capture in a wrapper": {plainWrapper, capture}, "Capture in a wrapper in Timeout": {timeout, plainWrapper, capture}, "Capture in Timeout in a wrapper": {plainWrapper, timeout, capture},
		"Capture in wrapper in Capture": {capture, plainWrapper, capture},
	} {
		for _, protocol := range wiretest.Protocols {
			t.Run(name+", "+protocol, func(t *testing.T) {
				var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(404)
					http.Error(w, "pq: password", 500)
				})
				for _, layer := range slices.Backward(inside) {
					h = layer(h)
				}
				a := wiretest.Get(t, protocol, normalize(h))
				assert.Equal(t, 404, a.StatusCode)
				assert.NotContains(t, a.Problem(t)["detail"], "password")
			})
		}
	}
}

// On HTTP/2 a 101 cannot be sent, and is what the handler has set all the same.
func TestHTTP2Sends101AsAFinalStatus(t *testing.T) {
	for name, layers := range map[string]func(http.Handler) http.Handler{
		"alone":      func(h http.Handler) http.Handler { return h },
		"in Timeout": middleware.Timeout(time.Minute),
		"in two Timeouts": func(h http.Handler) http.Handler {
			return middleware.Timeout(time.Minute)(middleware.Timeout(time.Minute)(h))
		},
	} {
		for _, then := range []int{0, 200, 404} {
			var res middleware.Result
			h := middleware.Capture(func(_ *http.Request, got middleware.Result) { res = got })(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(101)
				if then != 0 {
					w.WriteHeader(then)
				}
			}))
			a := wiretest.Get(t, "HTTP/2", normalize(layers(h)))
			if then == 0 {
				assert.Equal(t, 500, a.StatusCode, name)
				assert.Equal(t, 101, res.HandlerStatus, name)
			} else {
				assert.Equal(t, then, a.StatusCode, name)
				assert.Equal(t, then, res.HandlerStatus, "%s: the handler has corrected itself", name)
			}
		}
	}
}
