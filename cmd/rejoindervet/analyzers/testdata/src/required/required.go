// Package required has cases of the check required.
package required

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"

	"helpers"
)

// Reported.

func unauthorized(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "who are you?", http.StatusUnauthorized) // want `the client of this 401 is not told how to authenticate, since the response has no WWW-Authenticate: add w.Header\(\).Set\("WWW-Authenticate", ...\) before`
}

func method(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusMethodNotAllowed) // want `the client of this 405 is not told which methods are allowed`
}

func upgradeRequired(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(426) // want `this 426 is not told which protocol to use`
}

func moved(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(301) // want `this 301 is not told where to go, since the response has no Location: add http.Redirect before`
}

func temporary(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(307) // want `this 307 is not told where to go`
}

func partial(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(206) // want `this 206 cannot tell which part it received`
	w.Write([]byte("x"))
}

func unsatisfiable(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "bad range", 416) // want `this 416 is not told how long the representation is`
}

func otherField(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	http.Error(w, "no PUT", 405) // want `this 405 is not told`
}

func viaHelper(w http.ResponseWriter, r *http.Request) {
	helpers.JSON(w, 405, "no PUT") // want `this 405 is not told`
}

func viaRespond(w http.ResponseWriter, r *http.Request) {
	respond.Error(w, 401, problem.Detail("who?")) // want `this 401 is not told how to authenticate, since the response has no WWW-Authenticate: add problem.Challenge\(...\) as an option before`
}

func inLiteral() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method)
		w.WriteHeader(405) // want `this 405 is not told`
	})
}

// Not reported.

func challenged(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", "Basic")
	http.Error(w, "who are you?", 401)
}

func lowerCase(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("www-authenticate", "Basic")
	w.WriteHeader(401)
}

func index(w http.ResponseWriter, r *http.Request) {
	w.Header()["Allow"] = []string{"GET"}
	w.WriteHeader(405)
}

func alias(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Location", "/")
	w.WriteHeader(302)
}

func byHelper(w http.ResponseWriter, r *http.Request) {
	helpers.Challenge(w)
	w.WriteHeader(401)
}

func redirect(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) }

func notModified(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }

func choices(w http.ResponseWriter, r *http.Request) { w.WriteHeader(300) }

func copied(w http.ResponseWriter, from http.Header, r *http.Request) {
	copyHeader(w.Header(), from)
	w.WriteHeader(401)
}

func copyHeader(to, from http.Header) {
	for k, v := range from {
		to[k] = v
	}
}

type authenticator interface {
	Challenge(w http.ResponseWriter)
}

func byInterface(w http.ResponseWriter, a authenticator) {
	a.Challenge(w)
	w.WriteHeader(401)
}

func optioned(w http.ResponseWriter, r *http.Request) {
	respond.Error(w, 401, problem.Challenge("Basic"))
	respond.Error(w, 405, problem.Header("Allow", "GET"))
}

func spread(w http.ResponseWriter, opts ...problem.Option) { respond.Error(w, 405, opts...) }

func unavailable(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }

func multipart(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
	w.WriteHeader(206)
}

// refuse is no handler: what calls it may have set the field.
func refuse(w http.ResponseWriter, msg string) { http.Error(w, msg, 401) }

func variable(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set(name, "Basic")
	w.WriteHeader(401)
}

func around(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET")
	func() { w.WriteHeader(405) }()
}
