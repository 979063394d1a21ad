package respond

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/typedoc"
)

// pagesMaxAge is how long a client may use a page without asking again. With
// its entity tag the page need not be sent twice even then.
const pagesMaxAge = "public, max-age=300"

// Pages serves the documentation of problem types: for each the page that its
// URI leads to, an index of all, and a page for each status code. It is HTML,
// or JSON for a client that prefers that; see [typedoc.Pages] for the paths.
// Mount it at the directory that the URIs share, without stripping a prefix:
//
//	mux.Handle("/probs/", respond.Pages(OutOfCredit, OrderLocked))
//
// The response for a path without a page is a problem, 404, and for a method
// other than GET and HEAD 405. All pages are made when Pages is called. The
// handler is safe for concurrent use.
//
// Pages panics if two types have the same URI, or if one is nil or was not made by
// [problem.Define].
func Pages(types ...*problem.Type) http.Handler {
	at := make(pages)
	for _, p := range typedoc.Pages(types...) {
		at[p.Path] = &page{newForm(problem.MediaTypeHTML, p.HTML), newForm("application/json", p.JSON)}
	}
	return at
}

// pages has the pages by path.
type pages map[string]*page

type page struct{ html, json form }

// form is a page in one media type, ready to send.
type form struct {
	mediaType string
	body      []byte
	version   Validators
}

func newForm(mediaType string, body []byte) form {
	sum := sha256.Sum256(body)
	return form{mediaType, body, Validators{Tag: base64.RawURLEncoding.EncodeToString(sum[:12])}}
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
	default: // also for a client that accepts neither: a 406 would tell it less
		p.html.serve(w, r)
	}
}

func (f *form) serve(w http.ResponseWriter, r *http.Request) {
	Vary(w, "Accept")
	w.Header().Set("Cache-Control", pagesMaxAge)
	if Conditional(w, r, f.version) {
		return
	}
	if f.mediaType == problem.MediaTypeHTML {
		w.Header().Set("Content-Security-Policy", problem.HTMLPolicy)
	}
	Bytes(w, http.StatusOK, f.mediaType, f.body)
}
