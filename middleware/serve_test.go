package middleware_test

import (
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
)

// quiet is for tests that do not look at the log.
var quiet = slog.New(slog.DiscardHandler)

var quietLog = log.New(io.Discard, "", 0)

// recorder returns what a handler needs to be called without a server.
func recorder() (*httptest.ResponseRecorder, *http.Request) {
	return httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
}

// plainWrapper is the wrapper that most tutorials show: it hides all that the
// base can do, but has Unwrap.
func plainWrapper(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrapping{w}, r) })
}

type unwrapping struct{ http.ResponseWriter }

func (u unwrapping) Unwrap() http.ResponseWriter { return u.ResponseWriter }
