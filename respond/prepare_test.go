package respond_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// The oracle is Problem: a client sees no difference.
func TestPrepareSendsWhatProblemSends(t *testing.T) {
	for reason, d := range map[string]*problem.Details{
		"a type with an extension":          problem.QuotaExceeded.New(problem.Extension("violated-policies", []string{"a"}), problem.Header("Retry-After", "7")),
		"a code":                            problem.New(404),
		"a header of its own":               problem.New(503, problem.Header("Cache-Control", "max-age=1"), problem.Header("Link", "</help>; rel=help")),
		"no problem":                        nil,
		"no title":                          {Status: 400},
		"no status":                         {Title: "x"},
		"a code that forbids a body":        problem.New(304),
		"a cause, which is logged":          problem.New(500, problem.Cause(errors.New("secret"))),
		"an extension that cannot be sent":  problem.New(400, problem.Extension("f", func() {})),
		"an extension of a forbidden name":  problem.New(400, problem.Extension("status", 200)),
		"a detail that needs to be escaped": problem.New(400, problem.Detail("<\"\u2028>")),
	} {
		t.Run(reason, func(t *testing.T) {
			prepared := respond.Prepare(d)
			for _, accept := range []string{"", "*/*", "application/json", "text/html", "application/problem+xml", "image/png", "application/problem+json;q=0"} {
				for _, method := range []string{"GET", "HEAD"} {
					want, got := httptest.NewRecorder(), httptest.NewRecorder()
					for w, f := range map[*httptest.ResponseRecorder]func(http.ResponseWriter, *http.Request){
						want: func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) },
						got:  prepared.ServeHTTP,
					} {
						r := httptest.NewRequest(method, "/", nil)
						if accept != "" {
							r.Header.Set("Accept", accept)
						}
						w.Header().Set("ETag", `"stale"`)
						w.Header().Set("Vary", "Origin")
						f(w, r)
					}
					assert.Equal(t, want.Code, got.Code, accept)
					assert.Equal(t, want.Header(), got.Header(), accept)
					assert.Equal(t, want.Body.String(), got.Body.String(), accept)
				}
			}
		})
	}
}

func TestPrepareCopiesTheProblem(t *testing.T) {
	d := problem.New(404, problem.Extension("n", 1))
	send := respond.Prepare(d)
	d.Title, d.Extensions["n"] = "changed", 2
	for _, accept := range []string{"*/*", "application/problem+xml"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		send.ServeHTTP(w, r)
		assert.NotContains(t, w.Body.String(), "changed")
		assert.NotContains(t, w.Body.String(), "2<")
	}
	w := httptest.NewRecorder()
	send.ServeHTTP(w, nil)
	assert.Equal(t, 404, w.Code)
}
