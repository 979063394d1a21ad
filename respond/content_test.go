package respond_test

import (
	"errors"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

type writer = io.Writer

type executes func(writer) error

func (e executes) Execute(w io.Writer, _ any) error { return e(w) }

func TestTextIsPlainTextOnly(t *testing.T) {
	res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		respond.Text(w, 200, "<script>alert(1)</script> ü")
	})
	assert.Equal(t, "<script>alert(1)</script> ü", body)
	assert.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, int64(len(body)), res.ContentLength)
}

func TestHTMLIsTheWholePageOrAnInternalServerError(t *testing.T) {
	tmpl := template.Must(template.New("").Parse("<p>{{.Name}}</p>"))
	res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		respond.HTML(w, 201, tmpl, struct{ Name string }{"<b>"})
	})
	assert.Equal(t, "<p>&lt;b&gt;</p>", body)
	assert.Equal(t, 201, res.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))

	log := logged(t)
	res, body = answer(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.HTML(w, 200, tmpl, 17) })
	assert.Equal(t, 500, res.StatusCode)
	assert.NotContains(t, body, "<p>")
	assert.Contains(t, log.String(), "respond: HTML: ")

	half := executes(func(w writer) error { _, _ = w.Write([]byte("half")); return errors.New("oops") })
	_, body = answer(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.HTML(w, 200, half, nil) })
	assert.NotContains(t, body, "half")
}

func TestBytesAreOfATypeThatNobodyGuesses(t *testing.T) {
	res, body := answer(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Bytes(w, 200, "", []byte("<html>")) })
	assert.Equal(t, "<html>", body)
	assert.Equal(t, "application/octet-stream", res.Header.Get("Content-Type"))
	res, _ = answer(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Bytes(w, 200, "image/png", nil) })
	assert.Equal(t, "image/png", res.Header.Get("Content-Type"))
	assert.Equal(t, "0", res.Header.Get("Content-Length"))
}

func TestBytesSaysItsLengthWhateverItIs(t *testing.T) {
	w, content := &discard{header: http.Header{}}, make([]byte, 10_100)
	for n := range content {
		respond.Bytes(w, 200, "text/csv", content[:n])
		assert.Equal(t, []string{strconv.Itoa(n)}, w.header["Content-Length"])
	}
}
