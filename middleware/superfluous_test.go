package middleware_test

import (
	"net/http"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// The stack is followed up to a bound only, which handlers of net/http alone can fill.
func TestADeepSuperfluousCallHasACaller(t *testing.T) {
	deep := http.NotFoundHandler()
	for range 40 {
		mux := http.NewServeMux()
		mux.Handle("/", deep)
		deep = mux
	}
	var text wiretest.Log
	srv := wiretest.StartLogging(t, "HTTP/1.1", middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		deep.ServeHTTP(w, r)
	})), &text)
	wiretest.Send(t, srv)
	srv.Close()
	assert.Regexp(t, `^http: superfluous response.WriteHeader call from net/http\.\S+ \(\w+\.go:\d+\)\n$`, text.String())
}
