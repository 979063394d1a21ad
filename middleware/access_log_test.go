package middleware_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

func TestAccessLogWritesOneRecordPerRequest(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) })
	mux.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) { panic("pq: password") })
	ids := middleware.RequestIDOptions{New: func(*http.Request) string { return "id1" }}
	for _, row := range []struct {
		why, method, want string
	}{
		{"a success, with its route", "GET", `level=INFO msg=request method=GET path=/x request_id=id1 route="GET /x" status=200 bytes=5` + "\n"},
		{"no body for HEAD", "HEAD", `level=INFO msg=request method=HEAD path=/x request_id=id1 route="GET /x" status=200 bytes=0` + "\n"},
		{"the problem that Normalize made of a panic", "POST", `level=ERROR msg=request method=POST path=/x request_id=id1 route="POST /x" status=500 bytes=N panicked=true problem=500 error="pq: password" stack=...` + "\n"},
		{"no route", "PUT", `level=INFO msg=request method=PUT path=/x request_id=id1 status=405 bytes=N problem=405` + "\n"},
	} {
		log, text := wiretest.NewLogger()
		h := middleware.Chain(middleware.RequestIDWith(ids), middleware.AccessLogWith(middleware.AccessLogOptions{Logger: log, Names: middleware.AttrsShort}), normalize)(mux)
		srv := wiretest.Start(t, "HTTP/1.1", h)
		a := wiretest.Send(t, srv, wiretest.Method(row.method))
		srv.Close()
		want := strings.Replace(row.want, "bytes=N", fmt.Sprintf("bytes=%d", len(a.Text)), 1)
		assert.Equal(t, want, withoutStack(text.String()), row.why)
	}
}

// withoutStack shortens the stack in a log.
func withoutStack(log string) string {
	return regexp.MustCompile(`stack="panic\((\\.|[^"])*"`).ReplaceAllString(log, "stack=...")
}

func TestAccessLogBoundsWhatTheClientChose(t *testing.T) {
	log, text := wiretest.NewLogger()
	h := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: log, Names: middleware.AttrsShort})(http.NotFoundHandler())
	srv := wiretest.Start(t, "HTTP/1.1", h)
	wiretest.Send(t, srv, func(r *http.Request) { r.URL.Path = "/" + strings.Repeat("a\n", 10_000) })
	srv.Close()
	assert.Less(t, len(text.String()), 1000)
	assert.Equal(t, 1, strings.Count(text.String(), "\n"))
}

func TestAccessLogBoundsTheCause(t *testing.T) {
	log, text := wiretest.NewLogger()
	h := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: log, Names: middleware.AttrsShort})(respond.Handler(func(http.ResponseWriter, *http.Request) error {
		inner := problem.New(502, problem.Cause(errors.New(strings.Repeat("b", 100_000))))
		return problem.New(500, problem.Cause(fmt.Errorf("%s: %w", strings.Repeat("a", 100_000), inner)))
	}))
	srv := wiretest.Start(t, "HTTP/1.1", h)
	wiretest.Send(t, srv)
	srv.Close()
	assert.Contains(t, text.String(), "aaa")
	assert.Less(t, len(text.String()), 2000)
}

func TestAccessLogWithUsesItsSettings(t *testing.T) {
	log, text := wiretest.NewLogger()
	h := middleware.AccessLogWith(middleware.AccessLogOptions{
		Logger: log,
		Names:  middleware.AttrsShort,
		Level: func(_ *http.Request, res middleware.Result) slog.Level {
			return map[int]slog.Level{404: slog.LevelWarn}[res.Status]
		},
		Skip:  func(r *http.Request, _ middleware.Result) bool { return r.URL.Path == "/healthz" },
		Attrs: func(r *http.Request, _ middleware.Result) []slog.Attr { return []slog.Attr{slog.Int("n", 7)} },
	})(http.NotFoundHandler())
	srv := wiretest.Start(t, "HTTP/1.1", h)
	wiretest.Send(t, srv, func(r *http.Request) { r.URL.Path = "/healthz" })
	wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, "level=WARN msg=request method=GET path=/x status=404 bytes=19 problem=404 n=7\n", text.String())
}

func TestAccessLogSeparatesErrorsFromCutSuccesses(t *testing.T) {
	log, text := wiretest.NewLogger()
	srv := wiretest.Start(t, "HTTP/1.1", middleware.AccessLogWith(middleware.AccessLogOptions{Logger: log, Names: middleware.AttrsShort})(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("half"))
		panic("late")
	}))))
	wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, "level=ERROR msg=request method=GET path=/x status=200 bytes=4 aborted=true panicked=true error=late stack=...\n", withoutStack(text.String()))
}

func TestAccessLogPrefersItsTraceSetting(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, row := range []struct{ why, trace, span, want string }{
		{"the span of this server", "a1", "b2", "trace_id=a1 span_id=b2"},
		{"no span here: that of the client", "", "", "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7"},
		{"bounded", strings.Repeat("a", 1000), "b2", "trace_id=" + strings.Repeat("a", 128) + "… span_id=b2"},
	} {
		log, text := wiretest.NewLogger()
		h := middleware.AccessLogWith(middleware.AccessLogOptions{
			Logger: log, Names: middleware.AttrsShort,
			Trace: func(*http.Request) (string, string) { return row.trace, row.span },
		})(http.NotFoundHandler())
		srv := wiretest.Start(t, "HTTP/1.1", h)
		wiretest.Send(t, srv, func(r *http.Request) { r.Header.Set("Traceparent", parent) })
		srv.Close()
		assert.Contains(t, text.String(), row.want, row.why)
		assert.Equal(t, 1, strings.Count(text.String(), "trace_id"), row.why)
	}
}

// gRPC sends each status as 200.
func TestAccessLogUsesTheStatusOfTheProblem(t *testing.T) {
	for code, want := range map[int]string{503: "level=ERROR", 404: "level=INFO"} {
		log, text := wiretest.NewLogger()
		p := &respond.Responder{Render: func(_ *http.Request, d *problem.Details) (string, []byte) {
			d.Status = 200
			return "application/grpc", []byte{}
		}}
		h := middleware.Chain(
			middleware.AccessLogWith(middleware.AccessLogOptions{Logger: log, Names: middleware.AttrsShort}),
			middleware.NormalizeWith(middleware.NormalizeOptions{Responder: p}),
		)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }))
		srv := wiretest.Start(t, "HTTP/1.1", h)
		wiretest.Send(t, srv)
		srv.Close()
		assert.Contains(t, text.String(), want)
		assert.Contains(t, text.String(), fmt.Sprintf("status=200 bytes=0 problem=%d", code))
	}
}

func TestAccessLogHasTheCauseOfAReturnedProblem(t *testing.T) {
	db := errors.New("pq: down")
	for _, row := range []struct {
		why  string
		err  error
		want string
	}{
		{"an error", db, `error="pq: down"`},
		{"a problem with a cause", problem.New(503, problem.Cause(db)), `error="pq: down"`},
		{"wrapped", fmt.Errorf("load: %w", problem.New(503, problem.Detail("d"), problem.Cause(db))), `error="load: 503 Service Unavailable: d: pq: down"`},
		{"a problem behind a problem", problem.New(502, problem.Cause(problem.New(503, problem.Cause(db)))), `error="pq: down"`},
		{"a problem without a cause", problem.New(503, problem.Detail("d")), `error="503 Service Unavailable: d"`},
	} {
		log, text := wiretest.NewLogger()
		h := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: log, Names: middleware.AttrsShort})(
			respond.Handler(func(http.ResponseWriter, *http.Request) error { return row.err }))
		srv := wiretest.Start(t, "HTTP/1.1", h)
		wiretest.Send(t, srv)
		srv.Close()
		assert.Contains(t, text.String(), row.want, row.why)
	}
}
