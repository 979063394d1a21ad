// Package body has cases of the check body.
package body

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"

	"helpers"
)

// Reported.

func noContent(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusNoContent)
	w.Write([]byte("done")) // want `the client sees no body, since a 204 has none: remove this write, or write another status code`
}

func notModified(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(304)
	fmt.Fprintln(w, "unchanged") // want `sees no body, since a 304 has none`
}

func reset(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(205)
	io.WriteString(w, "reset") // want `the client may mistake this body for the next response, since a 205 has none`
}

func switching(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(101)
	w.Write([]byte("hello")) // want `sees no body, since a 101 has none`
}

func encoded(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(204)
	json.NewEncoder(w).Encode(r.URL) // want `since a 204 has none`
}

func plainText(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "nothing", 204) // want `since a 204 has none`
}

func viaHelper(w http.ResponseWriter, r *http.Request) {
	helpers.JSON(w, 204, map[string]bool{"ok": true}) // want `since a 204 has none`
}

func viaRespond(w http.ResponseWriter, r *http.Request) {
	respond.JSON(w, 304, r.URL) // want `since a 304 has none`
}

func bothBranches(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PUT" {
		w.WriteHeader(204)
	} else {
		w.WriteHeader(204)
	}
	fmt.Fprint(w, "done") // want `since a 204 has none`
}

func copied(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(204)
	io.Copy(w, r.Body) // want `since a 204 has none`
}

func variable(w http.ResponseWriter, r *http.Request) {
	code := http.StatusNoContent
	w.WriteHeader(code)
	fmt.Fprint(w, "done") // want `since a 204 has none`
}

// Not reported.

func ok(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	fmt.Fprint(w, "done")
}

func onlyCode(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }

func nothing(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(204)
	w.Write(nil)
}

func nothingElse(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(204)
	w.Write([]byte(""))
	w.Write([]byte{})
}

func oneBranch(w http.ResponseWriter, r *http.Request) {
	if r.Method == "DELETE" {
		w.WriteHeader(204)
		return
	}
	fmt.Fprint(w, "done")
}

func otherCode(w http.ResponseWriter, r *http.Request) {
	code := 200
	if r.Method == "DELETE" {
		code = 204
	}
	w.WriteHeader(code)
	fmt.Fprint(w, "done")
}

func hint(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(103)
	fmt.Fprint(w, "page")
}

func nilJSON(w http.ResponseWriter, r *http.Request) { helpers.JSON(w, 204, nil) }

func emptyText(w http.ResponseWriter, r *http.Request) { http.Error(w, "", 204) }

func toOther(w http.ResponseWriter, log io.Writer) {
	w.WriteHeader(204)
	fmt.Fprint(log, "done")
}

func field(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(204)
	w.Header().Get("X")
}

func literal(w http.ResponseWriter, r *http.Request) {
	print := func() { fmt.Fprint(w, "done") }
	if r.Method == "GET" {
		print()
		return
	}
	w.WriteHeader(204)
}
