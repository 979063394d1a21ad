package main

import (
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/didip/tollbooth/v7"
	chi "github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
	"github.com/gorilla/handlers"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
)

var loopbackSuccess = work{
	name:   "LoopbackSuccess",
	title:  "whole request, success",
	bounds: "what a client can notice at all: a kept-alive connection over loopback, one client",
	base:   "raw",
	bar:    bar{ratio: 1.05},
	field:  func() []contender { return chains(path) },
}

var loopbackError = work{
	name:   "LoopbackError",
	title:  "whole request, 404 of ServeMux",
	bounds: "the same for a path that no handler has",
	base:   "raw",
	bar:    bar{ratio: 1.05},
	field:  func() []contender { return chains(unknownPath) },
}

const unknownPath = "/nothing"

// chains is each library's way to a service with an access log, a request ID,
// recovery from panics and a rate limit, as far as the library has them.
func chains(path string) []contender {
	notFound := answer{status: 404, header: text, body: "404 page not found\n"}
	return []contender{
		chain("raw", "the handler alone", path, notFound, func(next http.Handler) http.Handler { return next }),
		chain("chi", "RequestID, Logger, Recoverer and httprate", path, notFound, func(next http.Handler) http.Handler {
			logger := chi.RequestLogger(&chi.DefaultLogFormatter{Logger: log.New(io.Discard, "", log.LstdFlags), NoColor: true})
			limit := httprate.LimitBy(generous.n, generous.per, remoteAddr)
			return chi.RequestID(logger(chi.Recoverer(limit(next))))
		}),
		chain("gorilla", "CombinedLoggingHandler, RecoveryHandler and tollbooth", path, notFound, func(next http.Handler) http.Handler {
			limited := tollbooth.LimitHandler(newTollbooth(generous).SetIPLookups([]string{"RemoteAddr"}), next)
			return handlers.CombinedLoggingHandler(io.Discard, handlers.RecoveryHandler()(limited))
		}),
		chain("otelhttp", "no-op providers, nothing else", path, notFound, func(next http.Handler) http.Handler {
			return otelhttp.NewHandler(next, "order")
		}),
		chain(ours, "the documented chain: RequestID, AccessLog, Normalize, ratelimit", path, answer{
			status:  http.StatusNotFound,
			header:  map[string]string{"Content-Type": problem.MediaType, "X-Request-Id": "*", "Ratelimit": "*"},
			members: map[string]any{"title": "Not Found", "status": 404.0},
		}, func(next http.Handler) http.Handler {
			logger := slog.New(slog.NewJSONHandler(io.Discard, nil))
			return middleware.Chain(
				middleware.RequestID,
				middleware.AccessLogger{Logger: logger}.Wrap,
				middleware.Normalizer{Logger: logger}.Wrap,
				ratelimit.New(ratelimit.Policy{
					Quota: ratelimit.Quota{N: generous.n, Per: generous.per},
					Key:   ratelimit.ByIP(clientip.Direct),
				}),
			)(next)
		}),
	}
}

func chain(name, note, path string, notFound answer, wrap func(http.Handler) http.Handler) contender {
	return contender{name, note, func() (func(*testing.B), error) {
		mux := http.NewServeMux()
		mux.Handle("GET /orders/{id}", small(http.StatusOK))
		// The server lives as long as the process: closing it belongs to nobody.
		s := httptest.NewServer(wrap(mux))
		client := s.Client()
		want := smallAnswer(http.StatusOK)
		if path == unknownPath {
			want = notFound
		}
		res, body, err := get(s, path)
		if err != nil {
			return nil, err
		}
		return func(b *testing.B) {
			for b.Loop() {
				res, err := client.Get(s.URL + path)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		}, want.compare(res, body)
	}}
}
