// Package noreturn has cases of the check noreturn.
package noreturn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"

	"github.com/rejoinder-go/rejoinder/respond"

	"helpers"
)

func get() (string, error) { return "", errors.New("none") }

// Reported.

func writesAgain(w http.ResponseWriter, r *http.Request) {
	s, err := get()
	if err != nil {
		http.Error(w, "failed", 500) // want `the handler goes on after http.Error and calls fmt.Fprint \(line 28\), so the client sees both in one response: return after http.Error`
	}
	fmt.Fprint(w, s)
}

func notFound(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r) // want `goes on after http.NotFound and calls w.Write `
	}
	w.Write([]byte("home"))
}

func redirect(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.Redirect(w, r, "/", http.StatusFound) // want `goes on after http.Redirect and calls w.WriteHeader `
	}
	w.WriteHeader(204)
}

func middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			http.Error(w, "who are you?", http.StatusForbidden) // want `goes on after http.Error and calls next.ServeHTTP \(line 50\), so the refused request is served`
		}
		next.ServeHTTP(w, r)
	})
}

func decodes(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		http.Error(w, "POST only", 400) // want `goes on after http.Error and calls json.NewDecoder\(r.Body\).Decode \(line 59\), so the refused request is served although`
	}
	var v any
	if json.NewDecoder(r.Body).Decode(&v) != nil {
		return
	}
	log.Print(v)
}

func parses(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		http.Error(w, "POST only", 400) // want `goes on after http.Error and calls r.ParseForm `
	}
	if r.ParseForm() != nil {
		return
	}
	log.Print(r.Form)
}

func eachBranch(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		http.Error(w, "POST only", 400) // want `goes on after http.Error and calls fmt.Fprint `
	}
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
		return
	}
	fmt.Fprint(w, "done")
}

func viaRespond(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		respond.Fail(w, r, err) // want `goes on after respond.Fail and calls respond.JSON `
	}
	respond.JSON(w, 200, "done")
}

func refuse(w http.ResponseWriter, r *http.Request, err error) {
	log.Print(err)
	if r.Header.Get("Accept") == "text/html" {
		http.NotFound(w, r)
		return
	}
	http.Error(w, "failed", 500)
}

func viaHelper(w http.ResponseWriter, r *http.Request) {
	_, err := get()
	if err != nil {
		refuse(w, r, err) // want `goes on after refuse and calls w.WriteHeader `
	}
	w.WriteHeader(204)
}

func viaOtherPackage(w http.ResponseWriter, r *http.Request) {
	_, err := get()
	if err != nil {
		helpers.Error(w, 500, "failed") // want `goes on after helpers.Error and calls w.Write `
	}
	w.Write(nil)
	w.Write([]byte("done"))
}

func caseOfSwitch(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case "GET":
		log.Print("get")
	default:
		http.Error(w, "GET only", 400) // want `goes on after http.Error and calls io.WriteString `
	}
	io.WriteString(w, "done")
}

func invalid(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open("x")
	if err != nil {
		http.Error(w, "failed", 500) // want `the client sees this response, but the handler goes on and uses f \(line 134\), which is not valid after the error: return after http.Error`
	}
	defer f.Close()
	log.Print("opened")
}

func elseIf(w http.ResponseWriter, r *http.Request) {
	if r.Method == "GET" {
		log.Print("get")
	} else if r.Method == "PUT" {
		http.Error(w, "no PUT", 400) // want `goes on after http.Error and calls fmt.Fprintln `
	}
	fmt.Fprintln(w, "done")
}

func remember(r *http.Request) error { return nil }

func works(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		http.Error(w, "POST only", 400) // want `goes on after http.Error and calls remember \(line \d+\), so the refused request is served although the client sees that it is not`
	}
	if err := remember(r); err != nil {
		log.Print(err)
	}
}

func erase(id string) error { return nil }

func worksWithValue(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if id == "" {
		http.Error(w, "which?", 400) // want `goes on after http.Error and calls erase `
	}
	_ = erase(id)
}

// Not reported.

func auditLog(r *http.Request) error { return nil }

func auditsRefused(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		http.Error(w, "POST only", 400)
	}
	_ = auditLog(r)
}

func cleansUp(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
	}
	_ = erase(r.URL.Path)
}

func drains(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" {
		http.Error(w, "POST only", 400)
	}
	_, _ = io.Copy(io.Discard, r.Body)
}

func returns(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
		return
	}
	fmt.Fprint(w, "done")
}

func otherBranch(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
	} else {
		fmt.Fprint(w, "done")
	}
}

func correlated(w http.ResponseWriter, r *http.Request) {
	s, err := get()
	if err != nil {
		http.Error(w, "failed", 500)
	}
	if err == nil {
		fmt.Fprint(w, s)
	}
}

func flagged(w http.ResponseWriter, r *http.Request) {
	ok := true
	if r.Method != "GET" {
		http.Error(w, "GET only", 400)
		ok = false
	}
	if ok {
		fmt.Fprint(w, "done")
	}
}

func onlyLogs(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
	}
	log.Print("done")
}

func audits(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, "failed", 500)
	}
	log.Printf("%d bytes", n)
}

func addsText(w http.ResponseWriter, r *http.Request) {
	if r.Method != "GET" {
		http.Error(w, "GET only", 400)
		fmt.Fprintln(w, "see the manual")
	} else {
		fmt.Fprintln(w, "done")
	}
}

func panics(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, "done")
}

func exits(w http.ResponseWriter, r *http.Request) {
	if _, err := get(); err != nil {
		http.Error(w, "failed", 500)
		log.Fatal(err)
	}
	fmt.Fprint(w, "done")
}

func mayRefuse(w http.ResponseWriter, r *http.Request) {
	if r.Method == "POST" {
		helpers.Check(w, r) // it may not have sent anything
	}
	fmt.Fprint(w, "done")
}

func checks(w http.ResponseWriter, r *http.Request) {
	if !helpers.Check(w, r) {
		return
	}
	fmt.Fprint(w, "done")
}

func inLoop(w http.ResponseWriter, r *http.Request) {
	for range 3 {
		if _, err := get(); err == nil {
			fmt.Fprint(w, "done")
			return
		}
	}
	http.Error(w, "failed", 500)
}

func breaks(w http.ResponseWriter, r *http.Request) {
	for {
		if _, err := get(); err != nil {
			http.Error(w, "failed", 500)
			break
		}
		fmt.Fprint(w, "more")
	}
}

func otherWriter(w http.ResponseWriter, other http.ResponseWriter, r *http.Request) {
	if r.Method != "GET" {
		http.Error(other, "GET only", 400)
	}
	fmt.Fprint(w, "done")
}

func deferred(w http.ResponseWriter, r *http.Request) {
	if r.Method != "GET" {
		defer http.Error(w, "GET only", 400)
		return
	}
	fmt.Fprint(w, "done")
}

func usable(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open("x")
	if err != nil {
		http.Error(w, "failed", 500)
	}
	if f != nil {
		f.Close()
	}
}

func partOfPage(w http.ResponseWriter, r *http.Request) {
	if r.Method == "GET" {
		helpers.JSON(w, 200, "header")
	}
	var mu sync.Mutex
	mu.Lock()
}
