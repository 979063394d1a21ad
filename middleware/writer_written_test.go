package middleware_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestAReturnedErrorMeetsABegunResponse(t *testing.T) {
	for _, c := range []struct {
		reason string
		begin  func(http.ResponseWriter)
		want   int
	}{
		{"nothing was said", func(http.ResponseWriter) {}, 500},
		{"an interim response is not the final one", func(w http.ResponseWriter) { w.WriteHeader(103) }, 500},
		{"a success went out", func(w http.ResponseWriter) { w.WriteHeader(202) }, 202},
		{"a status that cannot be sent", func(w http.ResponseWriter) { w.WriteHeader(1000) }, 410},
		{"an error is held", func(w http.ResponseWriter) { http.Error(w, "taken", http.StatusConflict) }, 409},
	} {
		log, text := wiretest.NewLogger()
		p := respond.Responder{Logger: log}
		h := middleware.Chain(middleware.Normalize)(p.Handler(func(w http.ResponseWriter, r *http.Request) error {
			assert.Implements(t, (*interface{ Written() bool })(nil), w)
			c.begin(w)
			if c.want == 410 {
				return problem.New(410, problem.Cause(errors.New("oops")))
			}
			return errors.New("oops")
		}))
		a := wiretest.Get(t, "HTTP/1.1", h)
		assert.Equal(t, c.want, a.StatusCode, c.reason)
		assert.Contains(t, text.String(), "oops", c.reason)
		assert.Equal(t, c.want == 202 || c.want == 409, strings.Contains(text.String(), "after the response had begun"), c.reason)
	}
}
