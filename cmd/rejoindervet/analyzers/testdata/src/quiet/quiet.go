// Package quiet supports tests: no client reads what it sends.
package quiet

import (
	"net/http"
	"net/http/httptest"
)

func server(err error) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, err.Error(), 500)
		w.WriteHeader(0)
	}))
}
