package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// respond.Error has no request to look at, so that its JSON changes its form on
// the way out. Nothing else may change.
func TestAProblemThatChangesItsFormStaysTheSameProblem(t *testing.T) {
	h := normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 503, problem.Detail("The press stands still."), problem.RetryAfter(time.Minute),
			problem.Instance("/presses/7"), problem.Extension("queue", []int{3, 4}))
	}))
	for _, row := range []struct{ accept, typ, queue string }{
		{"application/json", "application/problem+json", `"queue":[3,4]`},
		{"application/xml", "application/problem+xml", "<queue><i>3</i><i>4</i></queue>"},
		{"text/html", "text/html; charset=utf-8", "queue"},
	} {
		for _, protocol := range protocols {
			a := get(t, protocol, h, field("Accept", row.accept))
			assert.Equal(t, 503, a.StatusCode, row.accept)
			assert.Equal(t, row.typ, a.Header.Get("Content-Type"))
			assert.Equal(t, "60", a.Header.Get("Retry-After"))
			assert.Equal(t, "Accept", a.Header.Get("Vary"))
			assert.Contains(t, a.body, row.queue)
			assert.Contains(t, a.body, "The press stands still.")
			assert.Contains(t, a.body, "/presses/7")
			assert.NotContains(t, a.body, "Bad Gateway")
		}
	}
}
