package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// reportable are handlers that tell an outer layer something besides the response.
var reportable = map[string]http.Handler{
	"an error that is returned": respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return errSource }),
	"an error after the response has begun": respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		io.WriteString(w, "abc")
		return errSource
	}),
	"an error that is passed to Fail": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond.Fail(w, r, problem.New(409, problem.Cause(errSource)))
	}),
	"a problem": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404, problem.Cause(errSource)) }),
	"two statuses": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(202)
		io.WriteString(w, "abc")
	}),
	"two statuses, of an error": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		w.WriteHeader(500)
	}),
	"a status that cannot be sent": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(1000) }),
	"a status that cannot be sent, corrected": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(1000)
		w.WriteHeader(404)
	}),
	"more bytes than declared": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "abc")
	}),
	"text that is withheld": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "secret", 500) }),
	"a status of its own, and a text": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(502)
		io.WriteString(w, "secret")
		io.WriteString(w, " and more")
	}),
	"hints": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(103)
		w.WriteHeader(204)
	}),
	"a panic": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic("secret") }),
	"a panic after the response has begun": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "abc")
		_ = http.NewResponseController(w).Flush()
		panic("secret")
	}),
	"a hijack, and an error that is returned": respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		conn.Close()
		return errSource
	}),
	"a problem in an inner Normalize": normalizeQuietly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) })),
	"a route":                         mux("GET /orders/{id}"),
	"a 405":                           mux("POST /orders/{id}"),
	"a refusal":                       refusing(),
	"maintenance":                     inMaintenance(),
	"a route that a layer reports":    middleware.Route(func(*http.Request) string { return "/orders/{id}" })(http.NotFoundHandler()),
	"a write that an inner layer refuses": middleware.Chain(refusesWrites, middleware.Capture(nothing))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		io.WriteString(w, "abc")
	})),
	"nothing": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
}

// refusesWrites is a foreign layer that hands nothing on.
func refusesWrites(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(struct {
			brokenWriter
			unwrapping
		}{unwrapping: unwrapping{w}}, r)
	})
}

func mux(pattern string) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	return m
}

func refusing() http.Handler {
	nothing := func(*http.Request) ratelimit.Quota { return ratelimit.Quota{Per: time.Hour} }
	return ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), QuotaFor: nothing, Key: func(*http.Request) string { return "a" }})(mux("GET /"))
}

func inMaintenance() http.Handler {
	m := &middleware.Maintenance{}
	m.Start(time.Time{})
	return m.Wrap(mux("GET /"))
}

// described is a Result in words: two of them have different pointers.
func described(res middleware.Result) string {
	document := ""
	if res.Problem != nil {
		document = fmt.Sprint(res.Problem.Status, res.Problem.Title, res.Problem.Detail)
	}
	return fmt.Sprint(res.Status, res.HandlerStatus, res.Implicit, res.Interim, res.Bytes, " route=", res.Route, " problem=", document, " err=", res.Err,
		" replaced=", res.Replaced, " superfluous=", res.Superfluous, res.Hijacked, " aborted=", res.Aborted, " panic=", res.Panic, " gone=", res.ClientGone,
		" write=", errors.Is(res.WriteErr, http.ErrContentLength), errors.Is(res.WriteErr, errBroken))
}

// Layers outside of a Timeout get to know what they would without it.
func TestTimeoutHidesNothingFromOuterLayers(t *testing.T) {
	for why, h := range reportable {
		t.Run(why, func(t *testing.T) {
			for _, protocol := range wiretest.Protocols {
				for name, inner := range map[string]func(http.Handler) http.Handler{
					"Timeout":                             middleware.Timeout(never),
					"two Timeouts":                        middleware.Chain(middleware.Timeout(never), middleware.Timeout(never)),
					"Timeout in a Normalize in a wrapper": middleware.Chain(plainWrapper, normalizeQuietly, middleware.Timeout(never)),
				} {
					without := middleware.Chain()
					if strings.Contains(name, "wrapper") {
						without = middleware.Chain(plainWrapper, normalizeQuietly)
					}
					assert.Equal(t, observed(t, protocol, without(h)), observed(t, protocol, inner(h)), "%s, %s", protocol, name)
				}
			}
		})
	}
}

var superfluous = regexp.MustCompile("http: superfluous .*\n")

// observed returns what outer layers get to know of a handler: the Result, what
// Normalize reports, and the record of the request.
func observed(t *testing.T, protocol string, h http.Handler) []string {
	var log bytes.Buffer
	out := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "stack", "duration", "server.address", "server.port", "superfluous":
			return slog.Attr{}
		}
		return a
	}}))
	capture, results := results()
	options, reports := reports(middleware.NormalizeOptions{})
	access := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: out, Names: middleware.AttrsShort})
	var server wiretest.Log
	srv := wiretest.StartLogging(t, protocol, capture(access(middleware.NormalizeWith(options)(h))), &server)
	res := wiretest.Send(t, srv, wiretest.Path("/orders/1"), wiretest.Field("Accept", "application/json"))
	result := described(<-results) // the record is written by then
	report := ""
	if rep := reported(reports); rep != nil {
		report = fmt.Sprint(rep.Status, rep.HandlerStatus, rep.Invalid.Code, len(rep.Superfluous), rep.Withheld, rep.Dropped, rep.Missing, rep.Misused, rep.Panic)
	}
	said := superfluous.ReplaceAllString(server.String(), "") // which Normalize reports as well
	return []string{result, report, log.String(), said, fmt.Sprint(res.StatusCode, res.Header["Connection"], res.Err != nil)}
}

// Layers inside of a Timeout get to know how the response ended outside of it.
func TestResultsInsideTimeoutAreFinal(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		outer, out := results()
		middle, mid := results()
		inner, in := results()
		h := outer(normalizeQuietly(middleware.Timeout(never)(middle(inner(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "secret", 500)
		}))))))
		wiretest.Get(t, protocol, h)
		want := described(<-out)
		assert.Equal(t, want, described(<-mid))
		assert.Equal(t, want, described(<-in))
	}
}
