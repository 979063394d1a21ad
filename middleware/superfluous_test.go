package middleware_test

import (
	"io"
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

// responding sets a status before its handler runs, and writes the text if that panics.
func responding(code int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					io.WriteString(w, "closed until noon")
				}
			}()
			w.WriteHeader(code)
			next.ServeHTTP(unwrapping{w}, r)
		})
	}
}

// Of several errors that are held, a second status belongs to the one before it.
func TestASecondStatusReachesOneHeldError(t *testing.T) {
	begins := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			next.ServeHTTP(unwrapping{w}, r)
		})
	}
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, middleware.Chain(normalizeQuietly, responding(403), normalizeQuietly, begins, normalizeQuietly)(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(400)
				w.WriteHeader(402)
				panic(http.ErrAbortHandler)
			})))
		assert.Equal(t, 403, a.StatusCode, protocol)
		assert.Equal(t, "closed until noon", a.Problem(t)["detail"], protocol)
	}
}
