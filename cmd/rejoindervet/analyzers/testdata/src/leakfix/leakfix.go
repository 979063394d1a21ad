// Package leakfix has cases of the fix of the check leak.
package leakfix

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"
)

func direct(w http.ResponseWriter, r *http.Request) {
	if err := errors.Join(r.Context().Err()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // want `the client of this 500 reads the text of err: log it, and write respond.Error with problem.Cause, or a sentence of your own instead`
		return
	}
	respond.NoContent(w)
}

func formatted(w http.ResponseWriter, err error) {
	http.Error(w, fmt.Sprintf("reading: %v", err), 502) // want `the client of this 502 reads the text of err`
}

func concatenated(w http.ResponseWriter, err error) {
	http.Error(w, "reading: "+err.Error(), 502) // want `the client of this 502 reads the text of err`
}

func shadowed(w http.ResponseWriter, err error) {
	problem := err.Error()
	http.Error(w, problem, 502)                // want `the client of this 502 reads the text of err`
	http.Error(w, fmt.Sprintf("%v", err), 502) // want `the client of this 502 reads the text of err`
}
