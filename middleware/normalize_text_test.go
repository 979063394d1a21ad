package middleware_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// The first bytes of a text may be those of another format: "BM" begins an
// image, "%!PS-Adobe-" a page, by the table that net/http sniffs with.
func TestNormalizeTakesTextForTextWhateverItBeginsWith(t *testing.T) {
	for _, text := range []string{"BM25 index: dial tcp: refused", "GIF89a is no format for invoices", "%PDF-1.7 expected", "OggS is unknown here"} {
		h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, text)
		}))
		a := ask(t, start(t, "HTTP/1.1", h))
		assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), "%q", text)
		assert.NotContains(t, a.body, text)
	}
}

func TestNormalizeLeavesAnImageWithoutATypeAlone(t *testing.T) {
	const image = "BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00"
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, image)
	}))
	a := ask(t, start(t, "HTTP/1.1", h))
	assert.Equal(t, "image/bmp", a.Header.Get("Content-Type"))
	assert.Equal(t, image, a.body)
}

// A WriteHeader with a number that is no status has not happened, so what the
// handler sets after it is part of the answer.
func TestNormalizeSendsTheFieldsOfACorrectedAnswer(t *testing.T) {
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Before", "1")
		w.WriteHeader(0)
		w.Header().Set("X-After", "2")
		w.Header().Set("Content-Type", "application/vnd.example+json")
		w.WriteHeader(409)
		_, _ = io.WriteString(w, `{"mine":true}`)
	}))
	a := ask(t, start(t, "HTTP/1.1", h))
	assert.Equal(t, 409, a.StatusCode)
	assert.Equal(t, `{"mine":true}`, a.body)
	assert.Equal(t, "1", a.Header.Get("X-Before"))
	assert.Equal(t, "2", a.Header.Get("X-After"))
	assert.Equal(t, "application/vnd.example+json", a.Header.Get("Content-Type"))
}
