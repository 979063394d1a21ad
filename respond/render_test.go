package respond_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

func TestRenderSendsAnotherFormat(t *testing.T) {
	p := respond.Responder{Header: http.Header{"X-Api": {"1"}}, Render: func(r *http.Request, d *problem.Details) (string, []byte) {
		if r.Header.Get("Accept") != "text/x" {
			return "", nil
		}
		return "text/x", fmt.Appendf(nil, "%d %s", d.Status, d.Title)
	}}
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"of the success"`)
		p.Problem(w, r, problem.New(404, problem.Header("Link", "</a>")))
	}
	res, body := do(t, "GET", h, "Accept", "text/x")
	assert.Equal(t, "404 Not Found", body)
	assert.Equal(t, 404, res.StatusCode)
	assert.Equal(t, "text/x", res.Header.Get("Content-Type"))
	assert.Equal(t, int64(len(body)), res.ContentLength)
	for field, want := range map[string][]string{
		"X-Api": {"1"}, "Link": {"</a>"}, "Vary": {"Accept"}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}, "Etag": nil,
	} {
		assert.Equal(t, want, res.Header.Values(field), field)
	}

	res, body = do(t, "GET", h)
	assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"), "no body means JSON, XML or HTML")
	assert.Contains(t, body, `"status":404`)
	assert.Equal(t, []string{"</a>"}, res.Header.Values("Link"), "and sends each value once")
}

func TestRenderMayChangeTheStatus(t *testing.T) {
	var wait string
	p := &respond.Responder{Render: func(r *http.Request, d *problem.Details) (string, []byte) {
		wait = d.Header.Get("Retry-After")
		d.Header.Set("Grpc-Status", fmt.Sprint(d.Status))
		d.Status = 200
		return "application/grpc", []byte{}
	}}
	d := problem.New(503, problem.Header("X-Mine", "a"))
	var seen middleware.Result
	h := middleware.Chain(
		middleware.Capture(func(_ *http.Request, res middleware.Result) { seen = res }),
		middleware.NormalizeWith(middleware.NormalizeOptions{Responder: p}),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		respond.Problem(w, r, d)
	}))
	res, body := do(t, "POST", h.ServeHTTP)
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "503", res.Header.Get("Grpc-Status"))
	assert.Equal(t, "a", res.Header.Get("X-Mine"))
	assert.Equal(t, "0", res.Header.Get("Content-Length"))
	assert.Empty(t, body)
	assert.Equal(t, "7", wait, "the copy has the header of the response")
	assert.Equal(t, 200, seen.Status, "that was sent")
	assert.Equal(t, 503, seen.Problem.Status, "that was meant")
	assert.NotContains(t, d.Header, "Grpc-Status", "the problem stays as it is")
}

func TestRenderCannotSendAnInvalidStatus(t *testing.T) {
	for _, code := range []int{0, 103, 204, 304, 999} {
		p := respond.Responder{Render: func(_ *http.Request, d *problem.Details) (string, []byte) {
			d.Status = code
			return "text/x", []byte("x")
		}}
		res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { p.Problem(w, r, problem.New(409)) })
		assert.Equal(t, 409, res.StatusCode, "%d", code)
	}
}

func TestExtendAddsToEveryProblem(t *testing.T) {
	p := &respond.Responder{Extend: func(r *http.Request, d *problem.Details) []problem.Option {
		return []problem.Option{problem.Extension("trace_id", r.Header.Get("X-Trace")), func(d *problem.Details) { d.Status = 200 }}
	}}
	in := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: p})
	prepared := respond.Prepare(problem.New(429))
	for reason, h := range map[string]http.HandlerFunc{
		"Error":     func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 429) },
		"Problem":   func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, problem.New(429)) },
		"Prepare":   prepared.ServeHTTP,
		"Normalize": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) },
	} {
		for _, accept := range []string{"", "application/problem+xml", "text/html"} {
			res, body := do(t, "GET", in(h).ServeHTTP, "X-Trace", "4bf9", "Accept", accept)
			assert.Equal(t, 429, res.StatusCode, "%s: the status stays", reason)
			assert.Contains(t, body, "4bf9", "%s as %q", reason, accept)
		}
	}
}
