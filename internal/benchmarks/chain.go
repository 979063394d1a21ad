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

var chainSuccess = work{
	name:   "ChainSuccess",
	title:  "the documented chain on a writer that does nothing, success",
	bounds: "the processor time of a chain, without the network, beside which it is hard to see",
	base:   "raw",
	all:    func() []contender { return each(path, servedAt) },
}

var chainError = work{
	name:   "ChainError",
	title:  "the documented chain on a writer that does nothing, 404 of ServeMux",
	bounds: "the same for a path that no handler has",
	base:   "raw",
	all:    func() []contender { return each(unknownPath, servedAt) },
}

var loopbackSuccess = work{
	name:   "LoopbackSuccess",
	title:  "the documented chain over loopback, success",
	bounds: "what a client can notice: one client on a persistent connection, whose own work is included",
	base:   "raw",
	bar:    bar{ratio: 1.05},
	all:    func() []contender { return each(path, looped) },
}

var loopbackError = work{
	name:   "LoopbackError",
	title:  "the documented chain over loopback, 404 of ServeMux",
	bounds: "the same for a path that no handler has",
	base:   "raw",
	bar:    bar{ratio: 1.05},
	all:    func() []contender { return each(unknownPath, looped) },
}

const unknownPath = "/nothing"

// chain is the middleware of a library for an access log, a request ID, recovery from
// panics and a rate limit, as far as the library has them.
type chain struct {
	name, note string
	wrap       func(http.Handler) http.Handler
	notFound   expected
}

var plainNotFound = expected{status: 404, header: text, body: "404 page not found\n"}

// All logs are encoded, and then discarded.
var chains = []chain{
	{"raw", "the handler alone", func(next http.Handler) http.Handler { return next }, plainNotFound},
	{"chi", "RequestID, Logger, Recoverer and httprate", func(next http.Handler) http.Handler {
		logger := chi.RequestLogger(&chi.DefaultLogFormatter{Logger: log.New(io.Discard, "", log.LstdFlags), NoColor: true})
		return chi.RequestID(logger(chi.Recoverer(httprate.LimitBy(generous.n, generous.per, remoteAddr)(next))))
	}, plainNotFound},
	{"gorilla", "CombinedLoggingHandler, RecoveryHandler and tollbooth; no request ID", func(next http.Handler) http.Handler {
		limited := tollbooth.LimitHandler(newTollbooth(generous).SetIPLookups([]string{"RemoteAddr"}), next)
		return handlers.CombinedLoggingHandler(io.Discard, handlers.RecoveryHandler()(limited))
	}, plainNotFound},
	{"otelhttp", "no-op providers, nothing else", func(next http.Handler) http.Handler {
		return otelhttp.NewHandler(next, "order")
	}, plainNotFound},
	{ours, "RequestID, AccessLog (JSON), Normalize and ratelimit by address", func(next http.Handler) http.Handler {
		logger := slog.New(slog.NewJSONHandler(io.Discard, nil))
		return middleware.Chain(
			middleware.RequestID,
			middleware.AccessLogWith(middleware.AccessLogOptions{Logger: logger}),
			middleware.NormalizeWith(middleware.NormalizeOptions{Logger: logger}),
			ratelimit.New(ratelimit.Policy{
				Quota: ratelimit.Quota{N: generous.n, Per: generous.per},
				Key:   ratelimit.ByIP(clientip.Direct),
			}),
		)(next)
	}, expected{
		status:  http.StatusNotFound,
		header:  map[string]string{"Content-Type": problem.MediaType, "X-Request-Id": "*", "Ratelimit": "*", "Ratelimit-Policy": "*"},
		members: map[string]any{"title": "Not Found", "status": 404.0},
	}},
}

// each returns a contender for each chain, around a ServeMux with one route.
func each(path string, contend func(path, name, note string, want expected, h http.Handler) contender) []contender {
	var all []contender
	for _, c := range chains {
		mux := http.NewServeMux()
		mux.Handle("GET /orders/{id}", small(http.StatusOK))
		want := smallResponse(http.StatusOK)
		if path == unknownPath {
			want = c.notFound
		}
		all = append(all, contend(path, c.name, c.note, want, c.wrap(mux)))
	}
	return all
}

// looped returns a contender behind a server. The server is never closed, since it is
// timed until the process ends.
func looped(path, name, note string, want expected, h http.Handler) contender {
	return contender{name, note, func() (func(*testing.B), error) {
		s := httptest.NewServer(h)
		res, body, err := get(s, path)
		if err != nil {
			return nil, err
		}
		client := s.Client()
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
