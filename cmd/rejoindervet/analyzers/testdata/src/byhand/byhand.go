// Package byhand writes problem documents without package respond.
package byhand

import (
	"encoding/json"
	"net/http"
)

func problem(w http.ResponseWriter, code int, title string) {
	b, err := json.Marshal(map[string]string{"title": title})
	if err != nil {
		http.Error(w, "failed", 500) // it cannot write one
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	w.Write(b)
}

func one(w http.ResponseWriter, r *http.Request) { problem(w, 404, "no such user") }

func other(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no such user", 404) // want `the client sees text/plain here, and a problem document where this package writes application/problem\+json itself: write one here too`
}
