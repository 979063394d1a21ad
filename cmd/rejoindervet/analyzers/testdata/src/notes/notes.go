// Package notes has cases of the check required with its flag notes.
package notes

import "net/http"

func unavailable(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(503) // want `this 503 is not told when to try again`
}

func tooMany(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "slow down", 429) // want `this 429 is not told when to try again`
}

func told(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "slow down", 429)
}
