package main

import (
	"bytes"
	"html/template"
	"net/http"
	"slices"
	"strconv"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// registerIndex adds the first page and the catalogue of status codes.
func registerIndex(mux *http.ServeMux) {
	var page bytes.Buffer
	if err := index.Execute(&page, slices.Collect(problem.Statuses())); err != nil {
		panic(err) // the template is a constant
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write(page.Bytes())
	})

	all := []row{}
	for s := range problem.Statuses() {
		all = append(all, rowOf(s))
	}
	mux.HandleFunc("GET /statuses", func(w http.ResponseWriter, r *http.Request) {
		respond.JSON(w, http.StatusOK, all)
	})
	mux.Handle("GET /statuses/{code}", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		code, _ := strconv.Atoi(r.PathValue("code"))
		s, ok := problem.Lookup(code)
		if !ok {
			return problem.New(http.StatusNotFound, problem.Detail("The catalogue has no such status code."))
		}
		respond.JSON(w, http.StatusOK, rowOf(s))
		return nil
	}))
}

// row is a status as the catalogue endpoints show it.
type row struct {
	Code          int      `json:"code"`
	Reason        string   `json:"reason"`
	Aliases       []string `json:"aliases,omitempty"`
	Description   string   `json:"description"`
	Class         string   `json:"class"`
	Specification string   `json:"specification"`
	Link          string   `json:"link"`
}

func rowOf(s problem.Status) row {
	return row{s.Code, s.Reason, s.Aliases(), s.Description, s.Class().String(), s.Citation(), s.Link()}
}

var index = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Explorer</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { text-align: left; padding: .1rem 1rem .1rem 0 } code { white-space: nowrap }
</style>
<h1>Explorer</h1>
<p>Every status code, in each of the ways in which handlers answer.
<dl>
<dt><code>/error/{code}</code><dd>respond.Error, with the fields that the code requires
<dt><code>/raw/{code}</code><dd>http.Error with a text of the handler
<dt><code>/empty/{code}</code>, <code>/invalid/{n}</code><dd>WriteHeader and nothing else, with any number
<dt><code>/json/{code}</code><dd>the handler's own JSON, which passes unchanged
<dt><a href="/panic"><code>/panic</code></a>, <a href="/panic/late"><code>/panic/late</code></a><dd>before and after something was sent
<dt><a href="/limited"><code>/limited</code></a><dd>five requests a minute
<dt><code>POST /orders</code><dd><code>{"item":"tea","quantity":2}</code>, in at most 1 KiB
<dt><a href="/buy"><code>/buy</code></a><dd>a problem with a type of its own
<dt><a href="/stream"><code>/stream</code></a><dd>server-sent events
<dt><a href="/file"><code>/file</code></a><dd>ranges and validators
<dt><a href="/upstream"><code>/upstream</code></a><dd>a proxy to a server that is not there
<dt><a href="/statuses"><code>/statuses</code></a>, <a href="/statuses/404"><code>/statuses/{code}</code></a><dd>the catalogue
</dl>
<table>
<tr><th>Status<th colspan="4">as written by
{{range .}}<tr><td><a href="/statuses/{{.Code}}">{{.Code}} {{.Reason}}</a><td><a href="/error/{{.Code}}">respond.Error</a><td><a href="/raw/{{.Code}}">http.Error</a><td><a href="/empty/{{.Code}}">WriteHeader</a><td><a href="/json/{{.Code}}">own JSON</a>
{{end}}</table>
`))
