package plain

import "net/http"

func withoutImports(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no such user", http.StatusNotFound) // want `sees text/plain here`
}
