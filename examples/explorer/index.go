package main

import (
	"bytes"
	"html/template"
	"net/http"
	"slices"

	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

// registerIndex adds the first page, the catalogue of status codes, and the page
// of the one problem type.
func registerIndex(mux *http.ServeMux) {
	var page bytes.Buffer
	if err := index.Execute(&page, slices.Collect(status.All())); err != nil {
		panic(err) // the template is a constant
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
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

// jsonFirst is for tools: who does not ask for HTML shall not have to ask for
// JSON.
func jsonFirst(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if respond.Negotiate(r, "application/json", "text/html") == "application/json" {
			r = r.Clone(r.Context())
			r.Header.Set("Accept", "application/json")
		}
		next.ServeHTTP(w, r)
	})
}

var index = template.Must(template.New("index").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Explorer</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { text-align: left; font-weight: normal; padding: .1rem 1rem .1rem 0 } code { white-space: nowrap }
</style>
</head>
<body>
<h1>Explorer</h1>
<p>Every status code, in each of the ways in which handlers answer.</p>
<dl>
<dt><code>/error/{code}</code></dt><dd>respond.Error, with the fields that the code requires</dd>
<dt><code>/raw/{code}</code></dt><dd>http.Error with a text of the handler</dd>
<dt><code>/empty/{code}</code>, <code>/invalid/{n}</code></dt><dd>WriteHeader and nothing else, with any number</dd>
<dt><code>/json/{code}</code></dt><dd>the handler's own JSON, which passes unchanged</dd>
<dt><a href="/panic"><code>/panic</code></a>, <a href="/panic/late"><code>/panic/late</code></a></dt><dd>before and after something was sent</dd>
<dt><a href="/limited"><code>/limited</code></a></dt><dd>five requests a minute</dd>
<dt><code>POST /orders</code></dt><dd><code>{"item":"tea","quantity":2}</code>, in at most 1 KiB</dd>
<dt><a href="/buy"><code>/buy</code></a></dt><dd>a problem with a <a href="/statuses/out-of-credit">type</a> of its own</dd>
<dt><a href="/stream"><code>/stream</code></a></dt><dd>server-sent events</dd>
<dt><a href="/file"><code>/file</code></a></dt><dd>ranges and validators</dd>
<dt><a href="/upstream"><code>/upstream</code></a></dt><dd>a proxy to a server that is not there</dd>
<dt><a href="/statuses"><code>/statuses</code></a>, <a href="/statuses/404"><code>/statuses/{code}</code></a></dt><dd>the catalogue</dd>
</dl>
<table>
<thead><tr><th scope="col">Status</th><th scope="colgroup" colspan="4">as written by</th></tr></thead>
<tbody>
{{range .}}<tr>
<th scope="row"><a href="/statuses/{{.Code}}">{{.Code}} {{.Reason}}</a></th>
<td><a href="/error/{{.Code}}">respond.Error</a></td>
<td><a href="/raw/{{.Code}}">http.Error</a></td>
<td><a href="/empty/{{.Code}}">WriteHeader</a></td>
<td><a href="/json/{{.Code}}">own JSON</a></td>
</tr>
{{end}}</tbody>
</table>
</body>
</html>
`))
