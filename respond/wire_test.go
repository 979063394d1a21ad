package respond_test

import (
	"errors"
	"html/template"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// helpers has a call of each function of the package that responds.
var helpers = map[string]http.HandlerFunc{
	"Error":                    func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404) },
	"Error with a detail":      func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404, problem.Detail("no order 17")) },
	"Error with more":          func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 503, problem.RetryAfter(time.Second)) },
	"Problem":                  func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, problem.New(409)) },
	"Err":                      func(w http.ResponseWriter, r *http.Request) { respond.Fail(w, r, problem.New(410)) },
	"Handler":                  respond.Handler(func(http.ResponseWriter, *http.Request) error { return problem.New(418) }).ServeHTTP,
	"JSON":                     func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, []int{17}) },
	"JSON that fails":          func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, func() {}) },
	"Text":                     func(w http.ResponseWriter, r *http.Request) { respond.Text(w, 200, "text") },
	"HTML":                     func(w http.ResponseWriter, r *http.Request) { respond.HTML(w, 200, hello, "you") },
	"Bytes":                    func(w http.ResponseWriter, r *http.Request) { respond.Bytes(w, 206, "image/png", []byte{1}) },
	"Created":                  func(w http.ResponseWriter, r *http.Request) { respond.Created(w, "/orders/17", 17) },
	"Created, empty":           func(w http.ResponseWriter, r *http.Request) { respond.Created(w, "/orders/17", nil) },
	"Accepted":                 func(w http.ResponseWriter, r *http.Request) { respond.Accepted(w, "/jobs/17", time.Minute, 17) },
	"NoContent":                func(w http.ResponseWriter, r *http.Request) { respond.NoContent(w) },
	"ResetContent":             func(w http.ResponseWriter, r *http.Request) { respond.ResetContent(w) },
	"NotModified":              func(w http.ResponseWriter, r *http.Request) { respond.NotModified(w) },
	"Redirect":                 func(w http.ResponseWriter, r *http.Request) { respond.Redirect(w, 307, "/there") },
	"Redirector":               func(w http.ResponseWriter, r *http.Request) { respond.Redirector{}.Redirect(w, 303, "/there") },
	"Redirector that does not": func(w http.ResponseWriter, r *http.Request) { respond.Redirector{}.Redirect(w, 303, "//there") },
	"MultipleChoices":          func(w http.ResponseWriter, r *http.Request) { respond.MultipleChoices(w, "/a", []string{"/a", "/b"}) },
	"Conditional":              func(w http.ResponseWriter, r *http.Request) { unchanged(w, r) },
	"EarlyHints": func(w http.ResponseWriter, r *http.Request) {
		respond.EarlyHints(w, r, "</a.css>; rel=preload")
		respond.Text(w, 200, "x")
	},
	"Pages": respond.Pages().ServeHTTP,
}

var hello = template.Must(template.New("").Parse("<p>{{.}}</p>"))

// unchanged responds to a client that has the current representation.
func unchanged(w http.ResponseWriter, r *http.Request) {
	r.Header.Set("If-None-Match", `"7"`)
	if !respond.Conditional(w, r, respond.Validators{Tag: "7"}) {
		panic("it is unchanged")
	}
}

func TestResponsesToHEADHaveTheHeaderOfGET(t *testing.T) {
	wiretest.DefaultLog(t)
	for name, h := range helpers {
		var bodies []string
		for _, get := range bothVersions {
			res, body := get(t, "GET", h)
			head, none := get(t, "HEAD", h)
			delete(res.Header, "Date")
			delete(head.Header, "Date")
			assert.Equal(t, res.StatusCode, head.StatusCode, name)
			assert.Equal(t, res.Header, head.Header, name)
			assert.Empty(t, none, name)
			bodies = append(bodies, body)
		}
		assert.Equal(t, bodies[0], bodies[1], name)
		old, body := do10(t, "GET", h)
		oldHead, none := do10(t, "HEAD", h)
		assert.Equal(t, bodies[0], body, name)
		assert.Empty(t, none, name)
		assert.Equal(t, withoutDate(old), withoutDate(oldHead), name)
	}
}

// withoutDate returns the lines of a head except that of the Date.
func withoutDate(head string) (lines []string) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestResponsesThatComeTooLateChangeNothing(t *testing.T) {
	wiretest.DefaultLog(t)
	for name, h := range helpers {
		if name == "Handler" {
			continue // it notices, and says nothing
		}
		res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-First", "1")
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(202)
			_, _ = w.Write([]byte("first"))
			h(w, r)
			h(w, r)
		})
		delete(res.Header, "Date")
		assert.Equal(t, 202, res.StatusCode, name)
		assert.Equal(t, "first", body, name)
		assert.Equal(t, http.Header{"X-First": {"1"}, "Content-Length": {"5"}, "Content-Type": {"text/plain; charset=utf-8"}}, res.Header, name)
	}
}

func TestResponsesToAClientThatLeftEnd(t *testing.T) {
	wiretest.DefaultLog(t)
	for name, h := range helpers {
		w := &broken{discard: discard{http.Header{}}}
		assert.NotPanics(t, func() { h(w, httptest.NewRequest("GET", "/x", nil)) }, name)
		assert.Len(t, w.codes, 1, name)
	}
}

func TestStreamEndsWhenTheClientHasGone(t *testing.T) {
	for name, send := range map[string]func(http.ResponseWriter, *http.Request, iter.Seq2[int, error]) error{
		"NDJSON":  respond.NDJSON[int],
		"JSONSeq": respond.JSONSeq[int],
		"Events": func(w http.ResponseWriter, r *http.Request, s iter.Seq2[int, error]) error {
			return respond.Events(w, r, func(yield func(respond.Event, error) bool) {
				for n, err := range s {
					if !yield(respond.Event{Data: n}, err) {
						return
					}
				}
			})
		},
	} {
		w := &broken{discard: discard{http.Header{}}}
		err := send(w, httptest.NewRequest("GET", "/x", nil), func(yield func(int, error) bool) {
			for n := range 100 {
				if !yield(n, nil) {
					return
				}
			}
		})
		assert.ErrorIs(t, err, errBroken, name)
		w = &broken{discard: discard{http.Header{}}}
		failed := errors.New("failed")
		if name == "Events" { // which sends its header first
			failed, w.codes = errBroken, nil
		}
		assert.ErrorIs(t, send(w, httptest.NewRequest("GET", "/x", nil), func(yield func(int, error) bool) { yield(0, failed) }), failed, name)
		assert.Equal(t, name == "Events", len(w.codes) > 0, name)
	}
}

func TestErrorsHaveTheFieldOfTheirStatus(t *testing.T) {
	for _, c := range []struct {
		code        int
		opt         problem.Option
		field, want string // over HTTP/1.1
		reason      string
	}{
		{401, problem.Challenge(`Bearer realm="a"`), "WWW-Authenticate", `Bearer realm="a"`, "RFC 9110, 15.5.2"},
		{405, problem.Allow("GET", "PUT"), "Allow", "GET, PUT", "RFC 9110, 15.5.6"},
		{405, problem.Allow(), "Allow", "", "RFC 9110, 10.2.1: an empty list is a list"},
		{407, problem.Challenge("Basic"), "Proxy-Authenticate", "Basic", "RFC 9110, 15.5.8"},
		{413, problem.RetryAfter(time.Minute), "Retry-After", "60", "RFC 9110, 15.5.14"},
		{416, problem.Header("Content-Range", "bytes */47"), "Content-Range", "bytes */47", "RFC 9110, 15.5.17"},
		{426, problem.Upgrade("websocket"), "Upgrade", "websocket", "RFC 9110, 15.5.22"},
		{429, problem.RetryAfter(time.Minute), "Retry-After", "60", "RFC 6585, 4"},
		{503, problem.RetryAfter(time.Minute), "Retry-After", "60", "RFC 9110, 15.6.4"},
	} {
		for name, h := range map[string]http.HandlerFunc{
			"Error":   func(w http.ResponseWriter, r *http.Request) { respond.Error(w, c.code, c.opt) },
			"Problem": sends(problem.New(c.code, c.opt)),
		} {
			for _, accept := range []string{"*/*", "application/xml", browser} {
				res, _ := do(t, "GET", h, "Accept", accept)
				assert.Equal(t, c.code, res.StatusCode, c.reason)
				assert.Equal(t, []string{c.want}, res.Header[http.CanonicalHeaderKey(c.field)], "%s %d: %s", name, c.code, c.reason)
				if c.code == 426 {
					continue // HTTP/2 has no such field
				}
				res, _ = do2(t, "GET", h, "Accept", accept)
				assert.Equal(t, []string{c.want}, res.Header[http.CanonicalHeaderKey(c.field)], "%s %d: %s", name, c.code, c.reason)
			}
		}
	}
}

func TestProblemHasNoBodyIfTheCodeForbidsIt(t *testing.T) {
	for _, code := range []int{204, 205, 304} {
		d := problem.New(code, problem.Extension("x", 1), problem.Header("X-Kept", "1"), problem.Header("Content-Type", "a/b"))
		for name, h := range map[string]http.HandlerFunc{
			"Error": func(w http.ResponseWriter, r *http.Request) {
				respond.Error(w, code, problem.Extension("x", 1), problem.Header("X-Kept", "1"))
			},
			"Problem": sends(d),
			"Err":     func(w http.ResponseWriter, r *http.Request) { respond.Fail(w, r, d) },
		} {
			for _, get := range bothVersions {
				for _, accept := range []string{"*/*", "application/xml", browser} {
					res, body := get(t, "GET", h, "Accept", accept)
					assert.Equal(t, code, res.StatusCode, name)
					assert.Empty(t, body, "%s %d", name, code)
					assert.Empty(t, res.Header.Get("Content-Type"), "%s %d", name, code)
					assert.Equal(t, "1", res.Header.Get("X-Kept"), "%s %d", name, code)
					length := res.Header.Get("Content-Length")
					assert.Equal(t, code == 205, length == "0", "%s %d: %q", name, code, length)
				}
			}
		}
	}
}

func TestProblemIsNeverA406(t *testing.T) {
	for _, accept := range []string{"image/png", "*/*;q=0", "application/problem+json;q=0", "text/plain", "nonsense"} {
		for _, h := range []http.HandlerFunc{sends(problem.New(404)), helpers["Error"], helpers["Handler"]} {
			res, body := do(t, "GET", h, "Accept", accept)
			assert.NotEqual(t, 406, res.StatusCode, accept)
			assert.Contains(t, []string{problem.MediaType, problem.MediaTypeXML, problem.MediaTypeHTML}, res.Header.Get("Content-Type"), accept)
			assert.NotEmpty(t, body)
		}
	}
}

func TestErrorKeepsFieldsOfNoOtherCode(t *testing.T) {
	own := map[string][]int{ // the codes that keep the field
		"ETag": {412}, "Last-Modified": {412}, "Content-Range": {416}, "Location": {},
	}
	for _, code := range []int{404, 412, 416, 500} {
		for _, opts := range [][]problem.Option{nil, {problem.Detail("d")}, {problem.Extension("x", 1)}} {
			res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
				for field := range own {
					w.Header().Set(field, "set before")
				}
				respond.Error(w, code, opts...)
			})
			for field, codes := range own {
				assert.Equal(t, slices.Contains(codes, code), res.Header.Get(field) != "", "%d: %s", code, field)
			}
		}
	}
}
