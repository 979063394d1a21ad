package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// respond.Error has no request to look at, so that its JSON changes its form on
// the way out. Nothing else may change.
func TestARenderedProblemStaysTheSameProblem(t *testing.T) {
	h := normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 503, problem.Detail("The press stands still."), problem.RetryAfter(time.Minute),
			problem.Instance("/presses/7"), problem.Extension("queue", []int{3, 4}))
	}))
	for _, row := range []struct{ accept, typ, queue string }{
		{"application/json", "application/problem+json", `"queue":[3,4]`},
		{"application/xml", "application/problem+xml", "<queue><i>3</i><i>4</i></queue>"},
		{"text/html", "text/html; charset=utf-8", "queue"},
	} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, h, wiretest.Field("Accept", row.accept))
			assert.Equal(t, 503, a.StatusCode, row.accept)
			assert.Equal(t, row.typ, a.Header.Get("Content-Type"))
			assert.Equal(t, "60", a.Header.Get("Retry-After"))
			assert.Equal(t, "Accept", a.Header.Get("Vary"))
			assert.Contains(t, a.Text, row.queue)
			assert.Contains(t, a.Text, "The press stands still.")
			assert.Contains(t, a.Text, "/presses/7")
			assert.NotContains(t, a.Text, "Bad Gateway")
		}
	}
}

// The shortcut for clients that prefer JSON must decide as a full reading of the
// field does.
func TestNormalizeNegotiatesAsProblemDoes(t *testing.T) {
	for _, h := range []http.HandlerFunc{fail404, fail503} {
		for _, accept := range []string{
			"*/*", "*", "application/json", "application/json, */*;q=0.1", "image/png",
			"application/json;q=0.1, */*", "application/problem+json;q=0, application/*", // anything rather than JSON
			"hTmL/x, TEXT/HTML", "tExT/hTmL", "TEXT/*", "application/problem+XmL", "text/html;q=0",
		} {
			want, r := recorder()
			r.Header.Set("Accept", accept)
			respond.Problem(want, r, problem.New(404))
			got := httptest.NewRecorder()
			normalize(h).ServeHTTP(got, r)
			assert.Equal(t, want.Header().Get("Content-Type"), got.Header().Get("Content-Type"), accept)
			assert.Equal(t, []string{"Accept"}, got.Header()["Vary"], accept)
		}
	}
}

func TestHTTP2DropsConnectionFieldsOfFill(t *testing.T) {
	for _, text := range []string{"", "no such order"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		w := httptest.NewRecorder()
		middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Fill: func(_ *http.Request, _ int, h http.Header) {
			h.Set("Connection", "close")
			h.Set("Retry-After", "7")
		}})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, 404) })).ServeHTTP(w, r)
		assert.Equal(t, "7", w.Header().Get("Retry-After"))
		assert.NotContains(t, w.Header(), "Connection", text)
	}
}
