package respond_test

import (
	"errors"
	"html/template"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestJSONSendsTheWholeValue(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.JSON(w, 200, map[string]string{"a": "<b> & \u2028"})
	}
	want := `{"a":"<b> & \u2028"}` + "\n"
	for _, get := range bothVersions {
		res, body := get(t, "GET", h)
		assert.Equal(t, want, body)
		delete(res.Header, "Date")
		assert.Equal(t, http.Header{
			"Content-Type":           {"application/json"},
			"Content-Length":         {strconv.Itoa(len(want))},
			"X-Content-Type-Options": {"nosniff"},
		}, res.Header)
		head, body := get(t, "HEAD", h)
		delete(head.Header, "Date")
		assert.Equal(t, res.Header, head.Header)
		assert.Empty(t, body)
	}
	head, body := do10(t, "GET", h)
	assert.Equal(t, want, body)
	assert.Contains(t, head, "HTTP/1.0 200 OK\r\n")
}

func TestJSONIsCompleteOrA500(t *testing.T) {
	for _, v := range []any{math.NaN(), func() {}, []any{1, make(chan int)}, failing{}} {
		log := wiretest.DefaultLog(t)
		res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/x")
			w.Header().Set("Content-Type", "application/geo+json")
			respond.JSON(w, 201, v)
		})
		assert.Equal(t, 500, res.StatusCode)
		assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
		assert.Empty(t, res.Header.Get("Location"))
		assert.NotContains(t, body, "secret")
		assert.Equal(t, 1, strings.Count(log.String(), "respond: JSON: json: "), "one record")
		_, body = do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, 1) })
		assert.Equal(t, "1\n", body, "the next response has nothing of it")
	}
}

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("secret") }

func TestBodiesAreSentWithAnyCodeThatHasOne(t *testing.T) {
	tmpl := executes(func(w writer) error { _, err := w.Write([]byte("x")); return err })
	for name, send := range map[string]func(http.ResponseWriter, int){
		"JSON":  func(w http.ResponseWriter, code int) { respond.JSON(w, code, "x") },
		"Text":  func(w http.ResponseWriter, code int) { respond.Text(w, code, "x") },
		"Bytes": func(w http.ResponseWriter, code int) { respond.Bytes(w, code, "a/b", []byte("x")) },
		"HTML":  func(w http.ResponseWriter, code int) { respond.HTML(w, code, tmpl, nil) },
	} {
		for _, c := range []struct {
			code, want int
			body       bool
			reason     string
		}{
			{200, 200, true, "fine"},
			{299, 299, true, "unknown, but fine"},
			{422, 422, true, "an error of the caller's own form"},
			{204, 204, false, "no body"},
			{205, 205, false, "no body"},
			{304, 304, false, "no body"},
			{0, 500, true, "would panic"},
			{99, 500, true, "would panic"},
			{103, 500, true, "not final"},
			{600, 500, true, "not HTTP"},
			{-1, 500, true, "would panic"},
		} {
			log := wiretest.DefaultLog(t)
			res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { send(w, c.code) })
			assert.Equal(t, c.want, res.StatusCode, "%s %d: %s", name, c.code, c.reason)
			assert.Equal(t, c.body, body != "", "%s %d: %s", name, c.code, c.reason)
			assert.Equal(t, c.want == 500, strings.Contains(log.String(), "level=ERROR"), "%s %d: %s", name, c.code, c.reason)
			if !c.body {
				assert.Empty(t, res.Header.Get("Content-Type"), "%s %d", name, c.code)
			}
		}
	}
}

func TestBodiesSentTwiceArriveOnce(t *testing.T) {
	for name, send := range map[string]func(http.ResponseWriter){
		"JSON":     func(w http.ResponseWriter) { respond.JSON(w, 201, "x") },
		"Text":     func(w http.ResponseWriter) { respond.Text(w, 201, "x") },
		"Created":  func(w http.ResponseWriter) { respond.Created(w, "/x", nil) },
		"Redirect": func(w http.ResponseWriter) { respond.Redirect(w, 303, "/x") },
		"Error":    func(w http.ResponseWriter) { respond.Error(w, 404) },
	} {
		once, first := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { send(w) })
		twice, second := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			send(w)
			respond.JSON(w, 200, "again")
		})
		assert.Equal(t, once.StatusCode, twice.StatusCode, name)
		assert.Equal(t, first, second, name)
		delete(once.Header, "Date")
		delete(twice.Header, "Date")
		assert.Equal(t, once.Header, twice.Header, name)
	}
}

func TestBodiesSurviveAWriterThatFails(t *testing.T) {
	w := &broken{discard: discard{http.Header{}}}
	respond.JSON(w, 200, 1)
	respond.Text(w, 201, "x")
	respond.Created(w, "/x", 1)
	respond.NoContent(w)
	assert.Equal(t, []int{200, 201, 201, 204}, w.codes)
}

func TestBodiesLeaveTheLengthToACompressor(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Encoding", "gzip")
	respond.JSON(w, 200, 1)
	assert.Empty(t, w.Result().Header.Get("Content-Length"))
	assert.Equal(t, "gzip", w.Result().Header.Get("Content-Encoding"))
}

func TestJSONKeepsAMediaTypeOfTheHandler(t *testing.T) {
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/geo+json")
		respond.JSON(w, 200, 1)
	})
	assert.Equal(t, []string{"application/geo+json"}, res.Header["Content-Type"])
}

func TestJSONReplacesTheLengthOfAnotherBody(t *testing.T) {
	_, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1")
		respond.JSON(w, 200, "whole")
	})
	assert.Equal(t, "\"whole\"\n", body)
}

func TestJSONAllocatesOnce(t *testing.T) {
	if race.Enabled {
		t.Skip("the pool drops buffers")
	}
	w := &discard{header: http.Header{}}
	for size, allocs := range map[int]float64{1: 1, 900: 1, 9000: 2} { // a long length is one of its own
		v := &struct{ A string }{strings.Repeat("a", size)}
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			clear(w.header)
			respond.JSON(w, 200, v)
		}), allocs, size)
	}
}

type writer = io.Writer

type executes func(writer) error

func (e executes) Execute(w io.Writer, _ any) error { return e(w) }

func TestTextIsPlainText(t *testing.T) {
	res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		respond.Text(w, 200, "<script>alert(1)</script> ü")
	})
	assert.Equal(t, "<script>alert(1)</script> ü", body)
	assert.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, int64(len(body)), res.ContentLength)
}

func TestHTMLIsTheWholePageOrA500(t *testing.T) {
	tmpl := template.Must(template.New("").Parse("<p>{{.Name}}</p>"))
	res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		respond.HTML(w, 201, tmpl, struct{ Name string }{"<b>"})
	})
	assert.Equal(t, "<p>&lt;b&gt;</p>", body)
	assert.Equal(t, 201, res.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))

	log := wiretest.DefaultLog(t)
	res, body = do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.HTML(w, 200, tmpl, 17) })
	assert.Equal(t, 500, res.StatusCode)
	assert.NotContains(t, body, "<p>")
	assert.Contains(t, log.String(), "respond: HTML: ")

	half := executes(func(w writer) error { _, _ = w.Write([]byte("half")); return errors.New("oops") })
	_, body = do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.HTML(w, 200, half, nil) })
	assert.NotContains(t, body, "half")
}

func TestBytesNeverHaveAGuessedType(t *testing.T) {
	res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Bytes(w, 200, "", []byte("<html>")) })
	assert.Equal(t, "<html>", body)
	assert.Equal(t, "application/octet-stream", res.Header.Get("Content-Type"))
	res, _ = do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Bytes(w, 200, "image/png", nil) })
	assert.Equal(t, "image/png", res.Header.Get("Content-Type"))
	assert.Equal(t, "0", res.Header.Get("Content-Length"))
}

func TestBytesHaveTheirLength(t *testing.T) {
	w, body := &discard{header: http.Header{}}, make([]byte, 10_100)
	for n := range body {
		respond.Bytes(w, 200, "text/csv", body[:n])
		assert.Equal(t, []string{strconv.Itoa(n)}, w.header["Content-Length"])
	}
}
