package main

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// registerFaults adds the endpoints that fail, each in a different way.
func registerFaults(mux *http.ServeMux) {
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) {
		panic("a message that no client reads")
	})
	mux.HandleFunc("/panic/late", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "The first half of a response, and then")
		_ = http.NewResponseController(w).Flush()
		panic("a message that no client reads")
	})

	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(5), Key: ratelimit.ByIP(clientip.Direct)})
	mux.Handle("/limited", limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond.JSON(w, http.StatusOK, map[string]bool{"allowed": true})
	})))

	// On most machines no server listens on port 1.
	dead := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	mux.Handle("/upstream", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(dead) }})
}
