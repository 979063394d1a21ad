package middleware_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
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

// followed is a context for the life of a service. It counts what waits for its end.
type followed struct {
	context.Context
	done    chan struct{} // of its own, so that package context calls AfterFunc
	waiting *atomic.Int32
}

func (c followed) Done() <-chan struct{} { return c.done }

func (c followed) AfterFunc(func()) (stop func() bool) {
	c.waiting.Add(1)
	var once sync.Once
	return func() bool {
		once.Do(func() { c.waiting.Add(-1) })
		return true
	}
}

// A layer may give requests a context that lives for longer: nothing gathers there.
func TestTimeoutLeavesNothingInAContext(t *testing.T) {
	var waiting atomic.Int32
	h := middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.EqualValues(t, 1, waiting.Load())
	}))
	for _, protocol := range wiretest.Protocols {
		wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(followed{r.Context(), make(chan struct{}), &waiting}))
			assert.Zero(t, waiting.Load(), protocol)
		}))
	}
}
