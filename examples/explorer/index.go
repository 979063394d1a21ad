package main

import (
	"bytes"
	"html/template"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

// registerIndex adds the start page, the catalogue of status codes, and the page of
// the problem type.
func registerIndex(mux *http.ServeMux) {
	var page bytes.Buffer
	if err := index.Execute(&page, slices.Collect(byClass())); err != nil {
		panic(err) // the template is a constant
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", problem.MediaTypeHTML)
		w.Header().Set("Content-Security-Policy", problem.HTMLSecurityPolicy)
		_, _ = w.Write(page.Bytes())
	})

	pages := jsonFirst(respond.Pages(outOfCredit))
	mux.Handle("GET /statuses/", pages)
	mux.HandleFunc("GET /statuses", func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path = "/statuses/"
		pages.ServeHTTP(w, r)
	})
}

// jsonFirst sends JSON to a client that does not prefer HTML, such as a tool.
func jsonFirst(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if respond.Negotiate(r, "application/json", "text/html") == "application/json" {
			r = r.Clone(r.Context())
			r.Header.Set("Accept", "application/json")
		}
		next.ServeHTTP(w, r)
	})
}

// byClass yields the rows of the catalogue, class by class.
func byClass() iter.Seq[[]status.Info] {
	all := slices.Collect(status.All())
	return func(yield func([]status.Info) bool) {
		for class := status.Informational; class <= status.ServerError; class++ {
			if !yield(slices.DeleteFunc(slices.Clone(all), func(s status.Info) bool { return s.Class() != class })) {
				return
			}
		}
	}
}

// index uses the style sheet of the pages of package problem, which their
// Content-Security-Policy allows.
var index = template.Must(template.New("index").Funcs(template.FuncMap{
	"capital": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
}).Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Explorer</title>
<style>` + problem.HTMLStyleSheet + `</style>
</head>
<body>
<main>
<h1>Explorer</h1>
<p class="lead">Every status code, in each of the ways in which handlers respond.</p>
<dl>
<div><dt>/error/{code}</dt><dd>respond.Error, with the header fields that the code requires</dd></div>
<div><dt>/raw/{code}</dt><dd>http.Error with a text of the handler</dd></div>
<div><dt>/empty/{code}</dt><dd>only WriteHeader, with any number</dd></div>
<div><dt>/json/{code}</dt><dd>the handler's own JSON, which passes unchanged</dd></div>
<div><dt>/panic</dt><dd><a href="/panic">before</a> and <a href="/panic/late">after</a> something was sent</dd></div>
<div><dt>/limited</dt><dd><a href="/limited">five requests a minute</a></dd></div>
<div><dt>POST /orders</dt><dd><code>{"item":"tea","quantity":2}</code>, in at most 1 KiB</dd></div>
<div><dt>/buy</dt><dd><a href="/buy">a problem</a> with a <a href="/statuses/out-of-credit">type</a> of its own</dd></div>
<div><dt>/stream</dt><dd><a href="/stream">server-sent events</a></dd></div>
<div><dt>/file</dt><dd><a href="/file">ranges and validators</a></dd></div>
<div><dt>/upstream</dt><dd><a href="/upstream">a proxy</a> to a server that is not there</dd></div>
<div><dt>/statuses</dt><dd><a href="/statuses">the catalogue</a>, and <a href="/statuses/404">a page for each code</a></dd></div>
</dl>
<h2>Status codes</h2>
{{range .}}<section class="c{{printf "%d" (index . 0).Class}}"><h3>{{capital (index . 0).Class.String}}</h3>
<dl>
{{range .}}<div><dt><a href="/statuses/{{.Code}}">{{.Code}}</a> {{.Reason}}</dt><dd><a href="/error/{{.Code}}">respond.Error</a> · <a href="/raw/{{.Code}}">http.Error</a> · <a href="/empty/{{.Code}}">WriteHeader</a> · <a href="/json/{{.Code}}">own JSON</a></dd></div>
{{end}}</dl></section>
{{end}}</main>
</body>
</html>
`))
