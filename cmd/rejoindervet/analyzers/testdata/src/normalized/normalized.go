// Package normalized uses Normalize, which replaces what http.Error sends.
package normalized

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

func handler() http.Handler {
	return middleware.Normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" {
			http.Error(w, "GET only", 400)
			return
		}
		respond.NoContent(w)
	}))
}
