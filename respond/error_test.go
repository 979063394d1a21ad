package respond_test

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

func TestErrorSendsTheDocumentedProblem(t *testing.T) {
	res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503) })
	want := `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later."}`
	assert.Equal(t, want, body)
	assert.Equal(t, 503, res.StatusCode)
	delete(res.Header, "Date")
	assert.Equal(t, http.Header{
		"Content-Type":           {"application/problem+json"},
		"Content-Length":         {strconv.Itoa(len(want))},
		"X-Content-Type-Options": {"nosniff"},
		"Cache-Control":          {"no-store"},
	}, res.Header)
}

func TestErrorSendsEachCodeOfTheCatalogue(t *testing.T) {
	for s := range status.All() {
		t.Run(s.String(), func(t *testing.T) {
			res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, s.Code) })
			want := s
			if s.Class() == status.Informational {
				want, _ = status.Lookup(500) // not the code of a final response
			}
			assert.Equal(t, want.Code, res.StatusCode)
			if status.BodyForbidden(s.Code) && s.Class() != status.Informational {
				assert.Empty(t, body)
				assert.Empty(t, res.Header.Get("Content-Type"))
				return
			}
			var got struct {
				Type, Title, Detail string
				Status              int
			}
			require.NoError(t, json.Unmarshal([]byte(body), &got))
			assert.Equal(t, "about:blank", got.Type)
			assert.Equal(t, want.Reason, got.Title)
			assert.Equal(t, want.Description, got.Detail)
			assert.Equal(t, want.Code, got.Status)
			assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"))
			assert.Equal(t, int64(len(body)), res.ContentLength)
		})
	}
}

func TestErrorReplacesAnInvalidCodeWith500(t *testing.T) {
	for _, code := range []int{-1, 0, 1, 42, 99, 100, 101, 199, 600, 999, 1000, math.MaxInt32} {
		res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, code, problem.Detail("about another status"))
		})
		assert.Equal(t, 500, res.StatusCode, "%d", code)
		assert.Contains(t, body, `"status":500`, "%d", code)
		assert.NotContains(t, body, "another", "%d", code)
	}
}

func TestErrorReplacesFieldsOfAnotherBody(t *testing.T) {
	res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Length", "5")
		h.Set("ETag", `"1"`)
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Content-Disposition", "attachment")
		h.Set("X-Request-Id", "17")
		respond.Error(w, 404, problem.Detail("no order 17"), problem.Header("Link", "<https://example.com/help>; rel=help"))
	})
	assert.Equal(t, `{"type":"about:blank","title":"Not Found","status":404,"detail":"no order 17"}`, body)
	assert.Equal(t, int64(len(body)), res.ContentLength)
	assert.Empty(t, res.Header.Get("ETag"))
	assert.Empty(t, res.Header.Get("Content-Disposition"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Equal(t, "17", res.Header.Get("X-Request-Id"), "fields about the request stay")
	assert.Equal(t, "<https://example.com/help>; rel=help", res.Header.Get("Link"))
}

func TestErrorKeepsFieldsOfItsCode(t *testing.T) {
	for _, c := range []struct {
		code  int
		field string
		want  bool
	}{
		{412, "Etag", true}, {412, "Last-Modified", true}, {409, "Etag", false},
		{416, "Content-Range", true}, {400, "Content-Range", false},
		{303, "Location", true}, {404, "Location", false},
		{405, "Allow", true}, {401, "Www-Authenticate", true}, {503, "Retry-After", true}, {404, "Set-Cookie", true},
	} {
		res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(c.field, "x")
			respond.Error(w, c.code)
		})
		assert.Equal(t, c.want, res.Header.Get(c.field) == "x", "%d %s", c.code, c.field)
	}
}

func TestErrorForHEADHasTheHeaderOfGET(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 410) }
	get, _ := do(t, "GET", h)
	head, body := do(t, "HEAD", h)
	delete(get.Header, "Date")
	delete(head.Header, "Date")
	assert.Equal(t, get.Header, head.Header)
	assert.Empty(t, body)
}

func TestErrorWithACodeAllocatesOnce(t *testing.T) {
	w := &discard{header: http.Header{}}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		clear(w.header)
		respond.Error(w, 503)
	}), 1.0)
}

func TestErrorWithADetailAllocatesOnce(t *testing.T) {
	if race.Enabled {
		t.Skip("the pool drops buffers")
	}
	w := &discard{header: http.Header{}}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		clear(w.header)
		respond.Error(w, 404, problem.Detail("no order 17"))
	}), 1.0)
}

func TestErrorWithOptionsSendsTheWholeProblem(t *testing.T) {
	own := problem.Define("https://example.com/p", "Own", 404, "")
	for s := range status.All() {
		for _, opts := range [][]problem.Option{
			{problem.Detail("plain")},
			{problem.Detail("quoted \" \\ \n \x7f é \xff")},
			{problem.Detail("")},
			{nil},
			{problem.Title("Other"), problem.Detail("plain")},
			{problem.Instance("/x"), problem.Detail("plain")},
			{problem.Extension("a", 1), problem.Detail("plain")},
			{problem.Header("X", "y"), problem.Detail("plain")},
			{func(d *problem.Details) { d.Status = 409; d.Title = "Conflict" }},
			{func(d *problem.Details) { *d = *own.New(problem.Detail("plain")) }},
		} {
			d := problem.New(s.Code, opts...)
			if d.Status < 200 || status.BodyForbidden(d.Status) {
				continue
			}
			want, err := d.AppendJSON(nil)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			respond.Error(w, s.Code, opts...)
			assert.Equal(t, string(want), w.Body.String())
			assert.Equal(t, d.Status, w.Code)
			assert.Equal(t, strconv.Itoa(len(want)), w.Result().Header.Get("Content-Length"))
			assert.Equal(t, d.Header.Get("X"), w.Result().Header.Get("X"))
		}
	}
}

func TestErrorLogsTheCauseAndNeverSendsIt(t *testing.T) {
	log := wiretest.DefaultLog(t)
	_, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 502, problem.Cause(errors.New("dial 192.0.2.7: refused")))
	})
	assert.NotContains(t, body, "192.0.2.7")
	assert.Equal(t, 1, strings.Count(log.String(), "dial 192.0.2.7: refused"))
	assert.Contains(t, log.String(), "level=ERROR")
}

func TestErrorWithoutACauseLogsNothing(t *testing.T) {
	log := wiretest.DefaultLog(t)
	do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503, problem.Detail("back at noon")) })
	do(t, "GET", func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503) })
	assert.Empty(t, log.String())
}

func TestErrorSharesNoHeaderValues(t *testing.T) {
	for _, opts := range [][]problem.Option{nil, {problem.Detail("x")}} {
		var first, second http.Header
		do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 404, opts...)
			first = w.Header()
			before := first.Clone()
			for field := range first {
				_ = append(first[field], "appended")
			}
			assert.Equal(t, before, first, "appending to one touches no other")
			for field := range first {
				first[field][0] = "changed"
			}
		})
		do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 404, opts...)
			second = w.Header()
		})
		for field, values := range first {
			assert.Equal(t, []string{"changed"}, values, field)
		}
		for field, values := range second {
			assert.Len(t, values, 1, field)
			assert.NotContains(t, values, "changed", field)
			assert.NotContains(t, values, "appended", field)
		}
	}
}

func TestErrorSurvivesAWriterThatFails(t *testing.T) {
	w := &broken{discard: discard{http.Header{}}}
	respond.Error(w, 503)
	respond.Error(w, 404, problem.Detail("x"))
	assert.Equal(t, []int{503, 404}, w.codes)
}

func TestErrorCalledTwiceSendsTheFirstOnly(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 404)
		respond.Error(w, 500, problem.Detail("again"))
	}
	res, body := do(t, "GET", h)
	assert.Equal(t, 404, res.StatusCode)
	assert.Equal(t, int64(len(body)), res.ContentLength)
	assert.NotContains(t, body, "again")
	// Over HTTP/2 net/http sends the second body too, and clients cut it off.
	srv := wiretest.Start(t, wiretest.HTTP2, http.HandlerFunc(h))
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	first, _ := io.ReadAll(res.Body)
	assert.Equal(t, 404, res.StatusCode)
	assert.Equal(t, body, string(first))
}

func TestErrorIsTheSameOverEachVersionOfHTTP(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404, problem.Detail("no order 17")) }
	res1, body1 := do(t, "GET", h)
	res2, body2 := do2(t, "GET", h)
	head, body10 := do10(t, "GET", h)
	assert.Equal(t, body1, body2)
	assert.Equal(t, body1, body10)
	delete(res1.Header, "Date")
	delete(res2.Header, "Date")
	assert.Equal(t, res1.Header, res2.Header)
	assert.Contains(t, head, "HTTP/1.0 404 Not Found\r\n")
	assert.Contains(t, head, "Content-Length: "+strconv.Itoa(len(body1)))
}

func TestErrorLeavesTheLengthToACompressor(t *testing.T) {
	for _, opts := range [][]problem.Option{nil, {problem.Detail("x")}} {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Encoding", "gzip")
		respond.Error(w, 404, opts...)
		assert.Equal(t, "gzip", w.Result().Header.Get("Content-Encoding"))
		assert.Empty(t, w.Result().Header.Get("Content-Length"))
	}
}

func TestErrorKeepsTheValidatorsOfA304(t *testing.T) {
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		respond.Error(w, 304)
	})
	assert.Equal(t, `"1"`, res.Header.Get("ETag"))
	assert.Equal(t, "max-age=60", res.Header.Get("Cache-Control"))
	assert.Empty(t, res.Header.Get("Content-Type"))
	assert.Empty(t, res.Header.Get("Content-Encoding"))
}

func TestErrorDropsOneStaleField(t *testing.T) {
	for _, besides := range [][]string{
		{}, {"Content-Type"}, {"Content-Type", "X-Content-Type-Options"}, {"Content-Type", "X-Content-Type-Options", "Vary"},
		{"Vary", "X-Request-Id"}, {"Content-Type", "X-Content-Type-Options", "Vary", "X-Request-Id"},
	} {
		w := &discard{header: http.Header{"Etag": {`"1"`}}}
		for _, field := range besides {
			w.header[field] = []string{"x"}
		}
		respond.Error(w, 503)
		assert.NotContains(t, w.header, "Etag", besides)

		w.header = http.Header{"Content-Encoding": {"gzip"}}
		for _, field := range besides {
			w.header[field] = []string{"x"}
		}
		respond.Error(w, 503)
		assert.NotContains(t, w.header, "Content-Length", "only the compressor knows it: %v", besides)
	}
}
