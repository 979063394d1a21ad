package middleware_test

import (
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failing yields one record and then fails.
func failing[T any](first T, n int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for range n {
			if !yield(first, nil) {
				return
			}
		}
		var none T
		yield(none, errSource)
	}
}

// writers are all that write problems, each with the status of its problem.
func writers() map[string]struct {
	h    http.Handler
	code int
} {
	maintenance := new(middleware.Maintenance)
	maintenance.Start(time.Time{})
	limited := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: func(*http.Request) string { return "k" }, Cost: func(*http.Request) int { return 2 }})
	busy := ratelimit.InFlight(1)
	reads := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	})
	f := func(h func(w http.ResponseWriter, r *http.Request)) http.Handler { return http.HandlerFunc(h) }
	type row = struct {
		h    http.Handler
		code int
	}
	return map[string]row{
		"respond.Error":           {f(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 409) }), 409},
		"respond.Problem":         {f(func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, problem.New(410)) }), 410},
		"respond.Problem, no r":   {f(func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, nil, problem.New(410)) }), 410},
		"respond.Fail":            {f(func(w http.ResponseWriter, r *http.Request) { respond.Fail(w, r, errSource) }), 500},
		"respond.Handler":         {respond.Handler(func(http.ResponseWriter, *http.Request) error { return errSource }), 500},
		"respond.Prepare":         {respond.Prepare(problem.New(423)), 423},
		"respond.Pages":           {respond.Pages(problem.Define("https://a.example/probs/x", "X", 400, "")), 404},
		"respond.NDJSON at once":  {respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return respond.NDJSON(w, r, failing(1, 0)) }), 500},
		"respond.JSONSeq at once": {respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return respond.JSONSeq(w, r, failing(1, 0)) }), 500},
		"respond.JSON":            {f(func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, make(chan int)) }), 500},
		"respond.Redirect":        {f(func(w http.ResponseWriter, r *http.Request) { respond.Redirect(w, 302, "") }), 500},
		"respond.Text, bad code":  {f(func(w http.ResponseWriter, r *http.Request) { respond.Text(w, 99, "x") }), 500},
		"Redirector": {f(func(w http.ResponseWriter, r *http.Request) {
			respond.Redirector{}.Redirect(w, 302, "https://evil.example")
		}), 400},
		"Conditional": {f(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("If-Match", `"other"`)
			respond.Conditional(w, r, respond.Validators{Tag: "this"})
		}), 412},
		"MaxBytes":         {middleware.MaxBytes(0)(reads), 413},
		"MaxBytes, chunks": {chunkedBody(middleware.MaxBytes(0)(reads)), 413},
		"ContentType":      {middleware.ContentType("image/*")(reads), 415},
		"Timeout": {middleware.Timeout(soon)(f(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})), 503},
		"Maintenance": {maintenance.Wrap(reads), 503},
		"a limiter":   {limited(reads), 403},
		"InFlight": {f(func(w http.ResponseWriter, r *http.Request) {
			busy(f(func(_ http.ResponseWriter, r *http.Request) {
				busy(http.NotFoundHandler()).ServeHTTP(w, r)
			})).ServeHTTP(w, r)
		}), 503},
		"an empty error":  {f(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }), 404},
		"http.Error":      {f(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 400) }), 400},
		"a panic":         {f(func(w http.ResponseWriter, r *http.Request) { panic("x") }), 500},
		"Recover":         {recovers(f(func(w http.ResponseWriter, r *http.Request) { panic("x") })), 500},
		"a code of none":  {f(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(42) }), 500},
		"ServeMux":        {http.NewServeMux(), 404},
		"a late response": {f(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, brokenSource{}); respond.Error(w, 502) }), 502},
	}
}

func chunkedBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ContentLength = -1
		next.ServeHTTP(w, r)
	})
}

func postText(r *http.Request) {
	r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader("hello")), 5
	r.Header.Set("Content-Type", "text/plain")
}

func TestOneResponderWritesAllProblems(t *testing.T) {
	responder := &respond.Responder{
		Instance: func(r *http.Request) string { return "/log/" + middleware.RequestIDFrom(r.Context()) + r.URL.Path },
		Localize: func(r *http.Request, d *problem.Details) string { d.Title = "auf deutsch"; return "de" },
		Header:   http.Header{"X-Problem": {"1"}},
		Logger:   quiet,
	}
	norm := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: responder, Logger: quiet})
	for why, row := range writers() {
		for between, mw := range map[string]func(http.Handler) http.Handler{
			"alone":                     middleware.Chain(),
			"inside Timeout":            middleware.Timeout(never),
			"inside what hides":         plainWrapper,
			"inside what hides, copied": middleware.Chain(plainWrapper, copies),
			"inside another Normalize":  middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet}),
			"inside a compressor":       compressors()[3].wrap,
		} {
			for _, protocol := range wiretest.Protocols {
				if protocol == "HTTP/2" && between != "alone" {
					continue
				}
				a := wiretest.Get(t, protocol, middleware.RequestID(norm(mw(row.h))), postText)
				where := fmt.Sprintf("%s: %s %s", protocol, why, between)
				require.NoError(t, a.Err, where)
				body, err := decoded(a.Header, []byte(a.Text))
				require.NoError(t, err, where)
				assert.Equal(t, row.code, a.StatusCode, where)
				assert.Equal(t, "1", a.Header.Get("X-Problem"), where)
				assert.Equal(t, "de", a.Header.Get("Content-Language"), where)
				assert.Contains(t, body, `"title":"auf deutsch"`, where)
				assert.Contains(t, body, `"instance":"/log/`+a.Header.Get("X-Request-Id")+`/x"`, where)
			}
		}
		a := wiretest.Get(t, "HTTP/1.1", norm(row.h), postText, wiretest.Field("Accept", "text/html"))
		assert.Equal(t, row.code, a.StatusCode, why)
		assert.Contains(t, a.Header.Get("Content-Type"), "text/html", why)
		assert.Contains(t, a.Text, "auf deutsch", why)
		a = wiretest.Get(t, "HTTP/1.1", norm(row.h), postText, wiretest.Field("Accept", "application/problem+xml"))
		assert.Contains(t, a.Header.Get("Content-Type"), "application/problem+xml", why)
		assert.Contains(t, a.Text, "auf deutsch", why)
	}
}

func TestRenderWritesAllProblems(t *testing.T) {
	responder := &respond.Responder{Logger: quiet, Render: func(r *http.Request, d *problem.Details) (string, []byte) {
		return "application/vnd.own+json", fmt.Appendf(nil, `{"own":%d}`, d.Status)
	}}
	norm := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: responder, Logger: quiet})
	for why, row := range writers() {
		for between, mw := range map[string]func(http.Handler) http.Handler{"alone": middleware.Chain(), "inside Timeout": middleware.Timeout(never)} {
			a := wiretest.Get(t, "HTTP/1.1", norm(mw(row.h)), postText)
			assert.Equal(t, row.code, a.StatusCode, why)
			assert.Equal(t, fmt.Sprintf(`{"own":%d}`, row.code), a.Text, "%s %s", why, between)
			assert.Equal(t, "application/vnd.own+json", a.Header.Get("Content-Type"), why)
		}
	}
}

// A part that has a Responder of its own uses that.
func TestAnOwnResponderComesFirst(t *testing.T) {
	named := func(name string) *respond.Responder {
		return &respond.Responder{Header: http.Header{"X-By": {name}}, Logger: quiet}
	}
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	m := &middleware.Maintenance{Responder: named("own")}
	m.Start(time.Time{})
	l := ratelimit.NewLimiter(ratelimit.Options{Responder: named("own"), Policies: []ratelimit.Policy{
		{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 2 }}}})
	for why, h := range map[string]http.Handler{
		"MaxBytes":           middleware.MaxBytesWith(middleware.MaxBytesOptions{Responder: named("own")})(reads),
		"Timeout":            middleware.TimeoutWith(middleware.TimeoutOptions{Limit: soon, Responder: named("own")})(reads),
		"Maintenance":        m.Wrap(reads),
		"a limiter":          l.Wrap(reads),
		"Recover":            middleware.RecoverWith(middleware.RecoverOptions{Responder: named("own"), Logger: quiet})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })),
		"Error":              http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { named("own").Error(w, 404) }),
		"Problem":            http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { named("own").Problem(w, r, problem.New(404)) }),
		"Fail":               http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { named("own").Fail(w, r, errSource) }),
		"Handler":            named("own").Handler(func(http.ResponseWriter, *http.Request) error { return errSource }),
		"a Normalize inside": middleware.NormalizeWith(middleware.NormalizeOptions{Responder: named("own"), Logger: quiet})(http.NotFoundHandler()),
	} {
		a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(middleware.NormalizeOptions{Responder: named("outer"), Logger: quiet})(h), postText)
		assert.Equal(t, []string{"own"}, a.Header["X-By"], why)
	}
	// Beside a Normalize with a Responder the outer one is in effect again.
	inner := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: named("inner"), Logger: quiet})
	outer := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: named("outer"), Logger: quiet})
	a := wiretest.Get(t, "HTTP/1.1", outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})).ServeHTTP(w, r)
		respond.Error(w, 404)
	})))
	assert.Equal(t, []string{"outer"}, a.Header["X-By"])
}

// Errors in a stream that has begun are written by the Responder in effect.
func TestAFailingStreamEndsWithAProblem(t *testing.T) {
	responder := &respond.Responder{Logger: quiet, Localize: func(r *http.Request, d *problem.Details) string { d.Title = "auf deutsch"; return "de" },
		Instance: func(r *http.Request) string { return "/log/1" }}
	norm := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: responder, Logger: quiet})
	for why, h := range map[string]http.Handler{
		"NDJSON":  respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return respond.NDJSON(w, r, failing(1, 2)) }),
		"JSONSeq": respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return respond.JSONSeq(w, r, failing(1, 2)) }),
		"Events": respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return respond.Events(w, r, failing(respond.Event{Data: "a"}, 2))
		}),
		"Events, empty": respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
			return respond.Events(w, r, failing(respond.Event{}, 0))
		}),
	} {
		for name, mw := range map[string]func(http.Handler) http.Handler{"alone": middleware.Chain(), "inside Timeout": middleware.Timeout(never), "inside what hides": plainWrapper} {
			a := wiretest.Get(t, "HTTP/1.1", norm(mw(h)))
			assert.NoError(t, a.Err)
			assert.Equal(t, 200, a.StatusCode, why)
			assert.Equal(t, 1, strings.Count(a.Text, `"title":"auf deutsch"`), "%s %s: %s", why, name, a.Text)
			assert.Contains(t, a.Text, `"instance":"/log/1"`, "%s %s", why, name)
			assert.NotContains(t, a.Text, "pq", why)
			assert.Equal(t, "no", a.Header.Get("X-Accel-Buffering"), why)
		}
	}
}

// A failed request has one record: that of the access log where there is one.
func TestAFailedRequestHasOneRecord(t *testing.T) {
	for why, row := range writers() {
		for name, around := range map[string]func(*slog.Logger) func(http.Handler) http.Handler{
			"AccessLog, Normalize": func(l *slog.Logger) func(http.Handler) http.Handler {
				return middleware.Chain(middleware.AccessLogWith(middleware.AccessLogOptions{Logger: l}), middleware.NormalizeWith(middleware.NormalizeOptions{Logger: l, Responder: &respond.Responder{Logger: l}}))
			},
			"AccessLog, Timeout, Normalize": func(l *slog.Logger) func(http.Handler) http.Handler {
				return middleware.Chain(middleware.AccessLogWith(middleware.AccessLogOptions{Logger: l}), middleware.Timeout(never), middleware.NormalizeWith(middleware.NormalizeOptions{Logger: l, Responder: &respond.Responder{Logger: l}}))
			},
			"AccessLog, what hides, Normalize": func(l *slog.Logger) func(http.Handler) http.Handler {
				return middleware.Chain(middleware.AccessLogWith(middleware.AccessLogOptions{Logger: l}), plainWrapper, middleware.NormalizeWith(middleware.NormalizeOptions{Logger: l, Responder: &respond.Responder{Logger: l}}))
			},
		} {
			log, text := wiretest.NewLogger()
			srv := wiretest.Start(t, "HTTP/1.1", around(log)(row.h))
			a := wiretest.Send(t, srv, postText)
			srv.Close()
			where := fmt.Sprintf("%s inside %s: %s", why, name, text)
			assert.Equal(t, row.code, a.StatusCode, where)
			failed := slices.DeleteFunc(strings.Split(text.String(), "\n"), func(line string) bool {
				// A habit of the handler is no failure of the request.
				return line == "" || strings.Contains(line, "normalize")
			})
			assert.LessOrEqual(t, len(failed), 2, where)
			assert.Equal(t, 1, strings.Count(text.String(), fmt.Sprintf("http.response.status_code=%d", row.code)), where)
			if why == "respond.Fail" || why == "respond.Handler" {
				assert.Len(t, failed, 1, where)
				assert.Equal(t, 1, strings.Count(text.String(), errSource.Error()), where)
			}
		}
	}
	log, text := wiretest.NewLogger()
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(middleware.NormalizeOptions{Logger: log, Responder: &respond.Responder{Logger: log}})(
		respond.Handler(func(http.ResponseWriter, *http.Request) error { return errSource })))
	wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, 1, strings.Count(text.String(), errSource.Error()), "without an access log: %s", text)
	assert.Equal(t, 1, strings.Count(text.String(), "\n"), text)
}

// What an inner Normalize sets ends with it: a layer around it that responds has the
// settings of the outer one, or none.
func TestSettingsEndWithTheirNormalize(t *testing.T) {
	with := func(name string) func(http.Handler) http.Handler {
		return middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Codes: map[int]int{404: 410}, Responder: &respond.Responder{
			Header: http.Header{"X-Responder": {name}},
		}})
	}
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, row := range []struct {
		why       string
		inner     http.Handler
		outer     func(http.Handler) http.Handler
		status    int
		responder string
	}{
		{"one", with("inner")(nothing), middleware.Recover, 404, ""},
		{"one in a plain one", with("inner")(nothing), normalizeQuietly, 404, ""},
		{"one in another", with("inner")(nothing), with("outer"), 410, "outer"},
		{"two in another", with("inner")(with("innermost")(nothing)), with("outer"), 410, "outer"},
		{"a plain one in another", normalizeQuietly(nothing), with("outer"), 410, "outer"},
	} {
		for _, protocol := range wiretest.Protocols {
			for how, fail := range map[string]func(http.ResponseWriter){
				"WriteHeader":   func(w http.ResponseWriter) { w.WriteHeader(404) },
				"respond.Error": func(w http.ResponseWriter) { respond.Error(w, 404) },
			} {
				res := wiretest.Get(t, protocol, row.outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					row.inner.ServeHTTP(w, r)
					fail(w)
				})))
				assert.Equal(t, row.status, res.StatusCode, "%s, %s", row.why, how)
				assert.Equal(t, row.responder, res.Header.Get("X-Responder"), "%s, %s", row.why, how)
			}
		}
	}
}
