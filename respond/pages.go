package respond

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/typedoc"
)

// pagesMaxAge is how long a client may use a stored page without revalidating it.
const pagesMaxAge = "public, max-age=300"

// Pages returns a handler that serves the documentation of problem types: a page at
// the URI of each type, an index, and a page for each status code. Pages are HTML,
// or JSON for a client that prefers it; [typedoc.Pages] describes their paths. Mount
// the handler at the directory that the URIs share, without stripping a prefix:
//
//	mux.Handle("/probs/", respond.Pages(OutOfCredit, OrderLocked))
//
// It responds with 404 for a path without a page, and with 405 for a method other
// than GET and HEAD. All pages are rendered when Pages is called. The handler is
// safe for concurrent use.
//
// Pages panics if two types have the same URI, or if one is nil or was not made by
// [problem.Define].
func Pages(types ...*problem.Type) http.Handler {
	at := make(pages)
	for _, p := range typedoc.Pages(types...) {
		at[p.Path] = &page{newRepresentation(problem.MediaTypeHTML, p.HTML), newRepresentation("application/json", p.JSON)}
	}
	return at
}

// pages maps the path of each page to the page.
type pages map[string]*page

type page struct{ html, json representation }

// representation is a page in one media type, ready to send.
type representation struct {
	mediaType  string
	body       []byte
	validators Validators
}

func newRepresentation(mediaType string, body []byte) representation {
	sum := sha256.Sum256(body)
	return representation{mediaType, body, Validators{Tag: base64.RawURLEncoding.EncodeToString(sum[:12])}}
}

func (at pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := at[r.URL.Path]
	switch {
	case p == nil:
		Problem(w, r, problem.New(http.StatusNotFound))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		Problem(w, r, problem.New(http.StatusMethodNotAllowed, problem.Allow(http.MethodGet, http.MethodHead)))
	case Negotiate(r, problem.MediaTypeHTML, "application/json") == "application/json":
		p.json.serve(w, r)
	default: // also for a client that accepts neither: HTML is more useful to it than a 406
		p.html.serve(w, r)
	}
}

func (f *representation) serve(w http.ResponseWriter, r *http.Request) {
	Vary(w, "Accept")
	w.Header().Set("Cache-Control", pagesMaxAge)
	if Conditional(w, r, f.validators) {
		return
	}
	if f.mediaType == problem.MediaTypeHTML {
		w.Header().Set("Content-Security-Policy", problem.HTMLSecurityPolicy)
	}
	Bytes(w, http.StatusOK, f.mediaType, f.body)
}
