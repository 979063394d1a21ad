// Package leak4xx has cases of the check leak with its flag client-errors.
package leak4xx

import "net/http"

func ofClient(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // want `the client of this 400 reads the text of err`
	}
}
