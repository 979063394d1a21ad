package respond_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

var errNoRow = errors.New("sql: no rows in result set")

func TestResponderMapsErrors(t *testing.T) {
	p := respond.Responder{Map: problem.Mapping{
		func(error) *problem.Details { return nil },
		func(err error) *problem.Details {
			if errors.Is(err, errNoRow) {
				return problem.New(404, problem.Detail("no such order"))
			}
			return nil
		},
		func(err error) *problem.Details {
			if errors.Is(err, context.DeadlineExceeded) {
				return problem.New(503)
			}
			return nil
		},
	}}
	for _, c := range []struct {
		err    error
		want   int
		reason string
	}{
		{fmt.Errorf("order 17: %w", errNoRow), 404, "mapped"},
		{problem.New(418, problem.Cause(errNoRow)), 418, "a problem means what it says"},
		{context.DeadlineExceeded, 503, "mapped although it is known"},
		{problem.New(418), 418, "not mapped, but a problem"},
		{errors.New("else"), 500, "neither"},
	} {
		var log wiretest.Log
		p.Logger = log.Logger()
		res, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { p.Fail(w, r, c.err) })
		assert.Equal(t, c.want, res.StatusCode, c.reason)
		assert.NotContains(t, body, "sql", c.reason)
		assert.Equal(t, 1, strings.Count(log.String(), "\n"), "one record: %s", c.reason)
	}
}

func TestResponderLogsTheErrorThatItMaps(t *testing.T) {
	var log wiretest.Log
	p := respond.Responder{
		Logger: log.Logger(),
		Map:    problem.Mapping{func(error) *problem.Details { return problem.New(404) }},
	}
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "ID")
	p.Fail(w, httptest.NewRequest("PUT", "/orders/17", nil), errNoRow)
	assert.Equal(t, `level=INFO msg="request failed" problem.status=404 problem.title="Not Found" problem.detail="`+
		status.Nearest(404).Description+`" problem.cause="sql: no rows in result set" method=PUT path=/orders/17 request_id=ID`+"\n", log.String())
}

func TestResponderLogsByClass(t *testing.T) {
	for _, c := range []struct {
		err    error
		want   string
		reason string
	}{
		{errors.New("x"), "ERROR", "a server error"},
		{problem.New(400), "INFO", "a client error"},
		{problem.New(304), "", "no failure"},
		{nil, "ERROR", "a mistake of the caller"},
	} {
		var log wiretest.Log
		p := respond.Responder{Logger: log.Logger()}
		p.Fail(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), c.err)
		level, _, _ := strings.Cut(strings.TrimPrefix(log.String(), "level="), " ")
		assert.Equal(t, c.want, level, c.reason)
	}
}

func TestResponderLogsAClientThatLeftAtInfo(t *testing.T) {
	var log wiretest.Log
	p := respond.Responder{Logger: log.Logger()}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	p.Fail(httptest.NewRecorder(), r, fmt.Errorf("query: %w", ctx.Err()))
	assert.Contains(t, log.String(), "level=INFO")
	assert.NotContains(t, log.String(), "level=ERROR")
	p.Fail(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), context.Canceled)
	assert.Contains(t, log.String(), "level=ERROR", "canceled, but not by the client")
}

func TestResponderSetsTheInstance(t *testing.T) {
	p := respond.Responder{Instance: func(r *http.Request) string { return "urn:request:" + r.Header.Get("X-Request-Id") }}
	_, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { p.Problem(w, r, problem.New(404)) }, "X-Request-Id", "17")
	assert.Contains(t, body, `"instance":"urn:request:17"`)
	_, body = do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		p.Problem(w, r, problem.New(404, problem.Instance("/failures/1")))
	})
	assert.Contains(t, body, `"instance":"/failures/1"`, "that of the problem is kept")
}

func TestResponderTranslates(t *testing.T) {
	p := respond.Responder{Localize: func(r *http.Request, d *problem.Details) string {
		if !strings.HasPrefix(r.Header.Get("Accept-Language"), "de") {
			return ""
		}
		d.Title, d.Detail, d.Status = "Nicht gefunden", "Die Bestellung gibt es nicht.", 200
		return "de"
	}}
	h := func(w http.ResponseWriter, r *http.Request) {
		p.Problem(w, r, problem.New(404, problem.Header("X-Own", "x")))
	}
	res, body := do(t, "GET", h, "Accept-Language", "de-AT, en;q=0.5")
	assert.Equal(t, `{"type":"about:blank","title":"Nicht gefunden","status":404,"detail":"Die Bestellung gibt es nicht."}`, body)
	assert.Equal(t, 404, res.StatusCode)
	assert.Equal(t, "de", res.Header.Get("Content-Language"))
	assert.ElementsMatch(t, []string{"Accept", "Accept-Language"}, res.Header["Vary"])

	res, body = do(t, "GET", h, "Accept-Language", "fr")
	assert.Contains(t, body, "Not Found")
	assert.Empty(t, res.Header.Get("Content-Language"))
	assert.ElementsMatch(t, []string{"Accept", "Accept-Language"}, res.Header["Vary"], "another language would have had another body")

	assert.Equal(t, "x", res.Header.Get("X-Own"))

	res, body = do(t, "GET", h, "Accept-Language", "de", "Accept", browser)
	assert.Equal(t, "x", res.Header.Get("X-Own"))
	assert.Contains(t, body, `<html lang="de"`)
}

func TestResponderHeaderYieldsToTheProblem(t *testing.T) {
	p := respond.Responder{Header: http.Header{"Link": {"<https://example.com/status>; rel=status"}, "Retry-After": {"1"}}}
	res, _ := do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		p.Problem(w, r, problem.New(503, problem.Header("Retry-After", "60")))
	})
	assert.Equal(t, []string{"</a.css>; rel=preload", "<https://example.com/status>; rel=status"}, res.Header["Link"])
	assert.Equal(t, []string{"60"}, res.Header["Retry-After"])
	assert.Equal(t, http.Header{"Link": {"<https://example.com/status>; rel=status"}, "Retry-After": {"1"}}, p.Header)
}

func TestResponderSendsCausesOnlyForTheSecret(t *testing.T) {
	wiretest.DefaultLog(t)
	secret := rand.Text()
	err := fmt.Errorf("order 17: %w", errNoRow)
	for _, c := range []struct {
		configured, sent string
		want             bool
		reason           string
	}{
		{secret, secret, true, "the developer"},
		{secret, "", false, "anybody"},
		{secret, secret + "x", false, "a guess"},
		{"", "", false, "off by default"},
		{"debug", "debug", false, "a word is no secret"},
		{strings.Repeat("x", 19), strings.Repeat("x", 19), false, "one byte short"},
	} {
		p := respond.Responder{DebugSecret: c.configured}
		_, body := do(t, "GET", func(w http.ResponseWriter, r *http.Request) { p.Fail(w, r, err) }, "Debug-Secret", c.sent)
		assert.Equal(t, c.want, strings.Contains(body, `"debug":["order 17: sql: no rows in result set","sql: no rows in result set"]`), c.reason)
		assert.Equal(t, c.want, strings.Contains(body, "sql"), c.reason)
	}
}

func TestHTMLShowsTheRequestIDAndRetryAfter(t *testing.T) {
	p := &respond.Responder{Home: "/shop"}
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "ID7")
		w.Header().Set("Retry-After", "30") // by a limiter around the handler, for example
		p.Problem(w, r, problem.New(429))
	}
	_, page := do(t, "GET", h, "Accept", "text/html")
	assert.Contains(t, page, `<a href="/shop">Home</a>`)
	assert.Contains(t, page, "<code>ID7</code>")
	assert.Contains(t, page, "Try again in 30 seconds.")
	_, doc := do(t, "GET", h)
	assert.NotContains(t, doc, "ID7", "only pages have it in the body")
	assert.NotContains(t, doc, "shop")
	_, page = do(t, "GET", func(w http.ResponseWriter, r *http.Request) {
		(&respond.Responder{Header: http.Header{"Retry-After": {"7"}}}).Problem(w, r, problem.New(503))
	}, "Accept", "text/html")
	assert.Contains(t, page, "Try again in 7 seconds.")
}

// The record of a failure stays short, whatever a client or an upstream has sent.
func TestRecordsOfFailuresAreBounded(t *testing.T) {
	for _, c := range []string{"x", `"`, "\x01", "\n", "é", "\xff"} {
		long := strings.Repeat(c, 300_000)
		var number int
		tooLarge := json.Unmarshal([]byte(strings.Repeat("1", 1<<20)), &number)
		foreign := &http.Response{StatusCode: 502, Header: http.Header{"Content-Type": {strings.Repeat("x", 1<<20)}}, Body: io.NopCloser(strings.NewReader(long))}
		doc, err := problem.New(503, problem.Title(long[:20_000]), problem.Detail(long[:20_000])).AppendJSON(nil)
		require.NoError(t, err)
		remote := new(problem.Details)
		require.NoError(t, remote.UnmarshalJSON(doc))
		for why, failure := range map[string]error{
			"a message":         errors.New(long),
			"a number":          problem.BadBody(tooLarge),
			"a number, bare":    tooLarge,
			"a response":        problem.CheckResponse(foreign),
			"a remote problem":  remote,
			"a problem":         problem.New(404, problem.Detail(long), problem.Instance(long), problem.Title(long), problem.Cause(errors.New(long))),
			"a path of a file":  &fs.PathError{Op: "open", Path: long, Err: fs.ErrNotExist},
			"a wrapped problem": fmt.Errorf("%s: %w", long, problem.New(500, problem.Cause(errors.New(long)))),
		} {
			var log strings.Builder
			p := &respond.Responder{Logger: slog.New(slog.NewJSONHandler(&log, nil))}
			r := httptest.NewRequest("GET", "/", nil)
			r.Method, r.URL.Path, r.Pattern = long, "/"+long, long
			w := httptest.NewRecorder()
			w.Header().Set("X-Request-Id", long)
			p.Fail(w, r, failure)
			assert.NotEmpty(t, log.String(), why)
			assert.LessOrEqual(t, log.Len(), 8<<10, "%s of %q", why, c)
		}
	}
}

func TestDebuggedProblemsAreNeverStored(t *testing.T) {
	p := &respond.Responder{DebugSecret: strings.Repeat("s", 26), Header: http.Header{"Cache-Control": {"public, max-age=60"}}}
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public")
		p.Fail(w, r, problem.New(404, problem.Header("Cache-Control", "public, max-age=3600"), problem.Cause(errors.New("secret"))))
	}
	for _, accept := range []string{"", "text/html", "application/problem+xml"} {
		res, body := do(t, "GET", h, "Accept", accept, "Debug-Secret", p.DebugSecret)
		assert.Contains(t, body, "secret", accept)
		assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"], accept)
		res, body = do(t, "GET", h, "Accept", accept)
		assert.NotContains(t, body, "secret", accept)
		assert.Equal(t, []string{"public, max-age=3600"}, res.Header["Cache-Control"], "what the problem says: %s", accept)
	}
}
