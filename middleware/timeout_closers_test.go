package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func TestEachCaptureInsideTimeoutReports(t *testing.T) {
	var order []string
	note := func(name string) func(http.Handler) http.Handler {
		return middleware.Capture(func(_ *http.Request, _ middleware.Result) { order = append(order, name) })
	}
	h := middleware.Chain(note("outer"), middleware.Timeout(time.Minute), note("one"), note("two"), note("three"))
	srv := wiretest.Start(t, "HTTP/1.1", h(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	})))
	assert.Equal(t, http.StatusAccepted, wiretest.Send(t, srv).StatusCode)
	srv.Close()
	assert.Equal(t, []string{"three", "two", "one", "outer"}, order)
}
