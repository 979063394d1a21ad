package middleware

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// MaxBytes bounds the content of a request to n bytes. A request that declares
// more is answered with 413 at once; one that turns out to have more fails in
// the handler's Read with an *http.MaxBytesError, which [problem.From] turns
// into a 413. Either way an HTTP/1 connection is closed after the answer, so
// that the rest is not read.
//
// Panics if n is negative.
func MaxBytes(n int64) func(http.Handler) http.Handler {
	if n < 0 {
		panic(fmt.Sprintf("middleware: MaxBytes: %d is negative", n))
	}
	return func(next http.Handler) http.Handler {
		mustHandler("MaxBytes", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > n {
				if r.ProtoMajor < 2 {
					w.Header().Set("Connection", "close")
				}
				respond.Problem(w, r, problem.New(http.StatusRequestEntityTooLarge,
					problem.Detailf("The content is %d bytes long. At most %d are accepted.", r.ContentLength, n)))
				return
			}
			// Only net/http's own writer can be told to close the connection
			// (go.dev/issue/73754). The request stays the same one: a ServeMux
			// leaves its Pattern in it for the layers around.
			r.Body = http.MaxBytesReader(innermost(w), r.Body, n)
			next.ServeHTTP(w, r)
		})
	}
}

// innermost returns the writer that all others wrap.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for range maxLayers {
		u, ok := w.(unwrapper)
		if !ok {
			break
		}
		w = u.Unwrap()
	}
	return w
}
