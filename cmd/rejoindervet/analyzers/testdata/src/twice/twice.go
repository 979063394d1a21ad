// Package twice has cases of the check twice.
package twice

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"

	"helpers"
)

// Reported.

func twoCodes(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusAccepted)
	w.WriteHeader(http.StatusOK) // want `the client never sees this status code, since w.WriteHeader \(line 19\) has sent the header with 202: decide on the status code first, and send one response`
}

func afterWrite(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte("done"))
	w.WriteHeader(201) // want `the client never sees this status code, since w.Write \(line 24\) has sent the header with 200`
}

func failedEncoding(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	if err := json.NewEncoder(w).Encode(r.URL); err != nil {
		http.Error(w, "failed", 500) // want `never sees this status code, since w.WriteHeader `
	}
}

func failedWrite(w http.ResponseWriter, r *http.Request) {
	if _, err := fmt.Fprintln(w, "done"); err != nil {
		http.Error(w, "failed", 500) // want `never sees this status code, since fmt.Fprintln `
	}
}

func codeThenError(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(404)
	http.NotFound(w, r) // want `never sees this status code`
}

func lateField(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	w.Header().Set("Content-Type", "text/css") // want `the client never sees this change of Content-Type, since w.WriteHeader \(line 47\) has sent the header: change it before`
}

func lateAlias(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	io.WriteString(w, "done")
	h.Add("X-Done", "yes") // want `never sees this change of X-Done`
}

func lateCookie(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	http.SetCookie(w, &http.Cookie{Name: "a"}) // want `never sees this change of Set-Cookie`
}

func bothBranches(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PUT" {
		w.WriteHeader(201)
	} else {
		w.WriteHeader(200)
	}
	w.WriteHeader(200) // want `has sent the header: decide`
}

func oneBranch(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("If-None-Match") != "" {
		w.WriteHeader(304) // want `the client sees this response followed by the body of w.WriteHeader \(line 75\), which comes too late for its status code: return after this one`
	}
	w.WriteHeader(200)
}

func viaHelper(w http.ResponseWriter, r *http.Request) {
	helpers.JSON(w, 200, "done")
	helpers.JSON(w, 500, "failed") // want `never sees this status code, since helpers.JSON `
}

func viaRespond(w http.ResponseWriter, r *http.Request) {
	respond.JSON(w, 200, "done")
	respond.NoContent(w) // want `never sees this status code, since respond.JSON `
}

func inLiteral() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("done"))
		http.Error(w, "failed", 500) // want `never sees this status code, since w.Write `
	}
}

func afterEncoding(w http.ResponseWriter, r *http.Request) {
	json.NewEncoder(w).Encode(r.URL)
	w.WriteHeader(201) // want `never sees this status code, since json.NewEncoder\(w\).Encode `
}

// Not reported.

func codeThenBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css")
	w.WriteHeader(201)
	fmt.Fprintln(w, "a")
	fmt.Fprintln(w, "b")
}

func interim(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Set("Content-Type", "text/css")
	w.WriteHeader(200)
}

func branches(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PUT" {
		w.WriteHeader(201)
	} else {
		w.WriteHeader(200)
	}
}

func encodingMayFail(w http.ResponseWriter, r *http.Request) {
	if err := json.NewEncoder(w).Encode(r.URL); err != nil {
		http.Error(w, "failed", 500)
	}
}

func copying(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(w, r.Body); err != nil {
		http.Error(w, "failed", 500)
	}
}

func trailers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	w.Write([]byte("done"))
	w.Header().Set("X-Sum", "1")
}

func prefixed(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte("done"))
	w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
}

func correlated(w http.ResponseWriter, r *http.Request) {
	created := r.Method == "PUT"
	if created {
		w.WriteHeader(201)
	}
	if !created {
		w.WriteHeader(200)
	}
}

func hijacks(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(101)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, "failed", 500)
		return
	}
	conn.Close()
}

type buffer struct{ http.ResponseWriter }

func wraps(w http.ResponseWriter, r *http.Request) {
	w = buffer{w}
	w.WriteHeader(200)
	w.WriteHeader(201)
}

func otherType(w *buffer) {
	w.WriteHeader(200)
	w.WriteHeader(201)
}

func errorPage(w http.ResponseWriter, files http.Handler, r *http.Request) {
	w.WriteHeader(404)
	files.ServeHTTP(w, r)
}

func later(w http.ResponseWriter, r *http.Request) {
	defer w.WriteHeader(200)
	w.Header().Set("X-A", "b")
	go log.Print("x")
}

func ofRequest(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	r.Header.Set("X-A", "b")
}

func parts(w http.ResponseWriter, r *http.Request) {
	head(w)
	head(w)
}

func head(w http.ResponseWriter) { io.WriteString(w, "<head>") }

func stream(w http.ResponseWriter, r *http.Request) {
	for i := range 3 {
		if i == 0 {
			w.WriteHeader(200)
		}
		fmt.Fprintln(w, i)
	}
}

func emptyWrite(w http.ResponseWriter, r *http.Request) {
	if r.Method == "HEAD" {
		w.WriteHeader(200)
		return
	}
	w.WriteHeader(202)
}

func excused(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(200)
	w.WriteHeader(201) //rejoindervet:ignore twice a fixture of what not to do
}
