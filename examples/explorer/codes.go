package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// registerCodes adds the endpoints that respond with the code in their path, each in a
// different way. The code may be any number.
func registerCodes(mux *http.ServeMux) {
	mux.Handle("/error/{code}", withCode(func(w http.ResponseWriter, r *http.Request, code int) {
		respond.Error(w, code, required(r, code)...)
	}))
	mux.Handle("/raw/{code}", withCode(func(w http.ResponseWriter, r *http.Request, code int) {
		http.Error(w, "raw text of the handler", code)
	}))
	mux.Handle("/json/{code}", withCode(func(w http.ResponseWriter, r *http.Request, code int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":"in the handler's own form","code":%d}`, code)
	}))
	bare := withCode(func(w http.ResponseWriter, r *http.Request, code int) { w.WriteHeader(code) })
	mux.Handle("/empty/{code}", bare)
	mux.Handle("/invalid/{code}", bare)
}

// withCode calls h with the code in the path, and responds with 404 if that is not a
// number.
func withCode(h func(w http.ResponseWriter, r *http.Request, code int)) http.Handler {
	return respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil {
			return problem.New(http.StatusNotFound, problem.Cause(err), problem.Detail("The last part of the path has to be a number, such as 503."))
		}
		h(w, r, code)
		return nil
	})
}

// required returns the header fields that a response with the code must or should
// have. A real handler knows better values.
func required(r *http.Request, code int) []problem.Option {
	switch code {
	case 201:
		return []problem.Option{problem.Header("Location", r.URL.Path)}
	case 206: // the part is the whole body
		body, _ := problem.New(code).AppendJSON(nil)
		return []problem.Option{problem.Header("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body)-1, len(body)))}
	case 300, 301, 302, 303, 305, 307, 308:
		return []problem.Option{problem.Header("Location", fmt.Sprintf("/statuses/%d", code))}
	case 405:
		if r.Method == http.MethodPost {
			return []problem.Option{problem.Allow(http.MethodGet, http.MethodHead)}
		}
		return []problem.Option{problem.Allow(http.MethodPost)}
	case 408, 426:
		if r.ProtoMajor != 1 { // HTTP/2 has no such fields (RFC 9113, section 8.2.2)
			return nil
		}
	}
	return fixed[code]
}

// fixed has the header fields that are the same for each request.
var fixed = map[int][]problem.Option{
	226: {problem.Header("IM", "identity"), problem.Header("ETag", `"explorer"`)},
	304: {problem.Header("ETag", `"explorer"`)},
	401: {problem.Challenge(`Bearer realm="explorer"`)},
	407: {problem.Challenge(`Basic realm="explorer"`)},
	408: {problem.Header("Connection", "close")},
	413: {problem.RetryAfter(30 * time.Second)},
	415: {problem.Header("Accept", "application/json")},
	416: {problem.Header("Content-Range", "bytes */1234")},
	426: {problem.Upgrade("HTTP/2.0")},
	429: {problem.RetryAfter(30 * time.Second)},
	451: {problem.Header("Link", `<https://authority.example>; rel="blocked-by"`)},
	503: {problem.RetryAfter(30 * time.Second)},
	511: {problem.Extension("login", "https://network.example/login")},
}
