// Package code has cases of the check code.
package code

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"

	"helpers"
)

const unset = 0

// Reported.

func zero(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(unset) // want `the client sees a closed connection, since net/http panics on the status code 0: write one from 200 to 599`
}

func negative(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "failed", -1) // want `panics on the status code -1`
}

func four(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(4040) // want `panics on the status code 4040`
}

func variable(w http.ResponseWriter, r *http.Request) {
	code := 42
	w.WriteHeader(code) // want `panics on the status code 42`
}

func redirectOK(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/", http.StatusOK) // want `the client does not follow this redirect, since 200 is not a redirect: write http.StatusFound or http.StatusSeeOther`
}

func redirectUnauthorized(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/login", http.StatusUnauthorized) // want `does not follow this redirect, since 401 `
}

func redirectNotModified(w http.ResponseWriter, r *http.Request) {
	respond.Redirect(w, 304, "/") // want `does not follow this redirect, since 304 `
}

func switching(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusSwitchingProtocols) // want `the client of this 101 is not told which protocol follows`
}

func interimError(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "wait", http.StatusProcessing) // want `the client sees 200 with this body, since 102 is not a final status code: write a final one`
}

func interimJSON(w http.ResponseWriter, r *http.Request) {
	helpers.JSON(w, 103, "hint") // want `the client sees 200 with this body, since 103`
}

func last(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PUT" {
		w.WriteHeader(100) // want `the client sees 200, since 100 is not a final status code and no other follows: write a final one`
	}
}

func viaHelper(w http.ResponseWriter, r *http.Request) {
	helpers.Error(w, 0, "failed") // want `panics on the status code 0`
}

type server struct{ w http.ResponseWriter }

func (s server) field() {
	s.w.WriteHeader(99) // want `panics on the status code 99`
}

// Not reported.

func ok(w http.ResponseWriter, r *http.Request)      { w.WriteHeader(200) }
func unnamed(w http.ResponseWriter, r *http.Request) { w.WriteHeader(599) }
func private(w http.ResponseWriter, r *http.Request) { w.WriteHeader(999) }

func found(w http.ResponseWriter, r *http.Request)     { http.Redirect(w, r, "/", http.StatusFound) }
func permanent(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 308) }
func created(w http.ResponseWriter, r *http.Request)   { http.Redirect(w, r, "/1", 201) }

func unknown(w http.ResponseWriter, code int) { w.WriteHeader(code) }

func hints(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(103)
	w.Write([]byte("page"))
}

func processing(w http.ResponseWriter, next http.Handler, r *http.Request) {
	w.WriteHeader(102)
	next.ServeHTTP(w, r)
}

func upgrade(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "tcp")
	w.WriteHeader(101)
}

func maybe(w http.ResponseWriter, r *http.Request) {
	var code int
	if r.Method == "PUT" {
		code = 201
	}
	if code != 0 {
		w.WriteHeader(code)
	}
}

func defaults(w http.ResponseWriter, code int) {
	if code == 0 {
		code = 500
	}
	http.Error(w, "failed", code)
}

func usesDefault(w http.ResponseWriter, r *http.Request) { defaults(w, 0) }

type recorder struct{}

func (recorder) WriteHeader(code int) {}

func record(r recorder) { r.WriteHeader(0) }

func deferred(w http.ResponseWriter, r *http.Request) {
	defer func() { w.WriteHeader(204) }()
	w.WriteHeader(100)
}
