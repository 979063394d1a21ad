// Package plain has cases of the check plain.
package plain

import (
	"errors"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Reported.

func constant(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no such user", http.StatusNotFound) // want `the client sees text/plain here, and a problem document where this package calls respond: write respond.Error instead`
}

func reason(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not found", 404) // want `sees text/plain here`
}

func statusText(w http.ResponseWriter, r *http.Request) {
	http.Error(w, http.StatusText(403), http.StatusForbidden) // want `sees text/plain here`
}

func notFound(w http.ResponseWriter, r *http.Request) {
	http.NotFound(w, r) // want `sees text/plain here`
}

func serverError(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "closed for today", 503) // want `sees text/plain here`
}

func empty(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "", 400) // want `sees text/plain here`
}

func ofClient(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), 400) // want `sees text/plain here`
		return
	}
}

func inLiteral() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "gone", 410) // want `sees text/plain here`
	})
}

func joined(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no "+r.URL.Path, 404) // want `sees text/plain here`
}

type server struct{}

func (server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not today", 501) // want `sees text/plain here`
}

func shadowed(w http.ResponseWriter, respond string) {
	http.Error(w, respond, 404) // want `sees text/plain here`
}

// Not reported.

func already(w http.ResponseWriter, r *http.Request) {
	respond.Error(w, 404, problem.Detail("no such user"))
}

func fails(w http.ResponseWriter, r *http.Request) { respond.Fail(w, r, errors.New("none")) }

func success(w http.ResponseWriter, r *http.Request) { w.Write([]byte("done")) }

func onlyCode(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }

func redirect(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) }

func unknown(w http.ResponseWriter, code int) { http.Error(w, "failed", code) }

func notAnError(w http.ResponseWriter, r *http.Request) { http.Error(w, "fine", 200) }

func leaks(w http.ResponseWriter, err error) { http.Error(w, err.Error(), 500) }

func ownError(w http.ResponseWriter, r *http.Request) { Error(w, "failed", 400) }

// Error has the name of another function.
func Error(w http.ResponseWriter, text string, code int) { w.WriteHeader(400) }

type recorder struct{ http.ResponseWriter }

func ofRecorder(rec recorder) { http.Error(rec, "failed", 400) }

func served(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "x") }

func excused(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "ok", 404) //rejoindervet:ignore plain the load balancer reads this text
}
