package problem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

func TestNewUsesTheCatalogue(t *testing.T) {
	for s := range status.All() {
		d := problem.New(s.Code)
		assert.Equal(t, &problem.Details{Type: "about:blank", Title: s.Reason, Status: s.Code, Detail: s.Description}, d)
		assert.NoError(t, onlyHeaderMissing(d.Lint()), "%d", s.Code)
	}
}

// onlyHeaderMissing ignores missing header fields, which New cannot set: those of a
// 401 for instance.
func onlyHeaderMissing(err error) error {
	if err != nil && strings.Contains(err.Error(), " requires the header field ") {
		return nil
	}
	return err
}

func TestErrorShowsStatusTitleAndDetail(t *testing.T) {
	for _, tt := range []struct {
		want string
		d    *problem.Details
	}{
		{"404 Not Found: no order 17", problem.New(404, problem.Detail("no order 17"))},
		{"404 Not Found", problem.New(404, problem.Detail(""))},
		{"403 You do not have enough credit: 30 of 50.", OutOfCredit.New(problem.Detail("30 of 50."))},
		{"404 Not Found", &problem.Details{Status: 404}},
		{"a detail alone", &problem.Details{Detail: "a detail alone"}},
		{"a title alone", &problem.Details{Title: "a title alone"}},
		{"a title: a detail", &problem.Details{Title: "a title", Detail: "a detail"}},
		{"Internal Server Error", &problem.Details{}},
		{"404 Not Found: two\nlines", &problem.Details{Status: 404, Detail: "two\nlines"}},
	} {
		assert.Equal(t, tt.want, tt.d.Error())
	}
}

func TestErrorAndMembersNeverShowTheCause(t *testing.T) {
	d := problem.New(500, problem.Cause(errors.New("secret")))
	assert.NotContains(t, d.Error(), "secret")
	assert.NotContains(t, write(t, d), "secret")
	assert.NotContains(t, fmt.Sprint(d), "secret")
	assert.ErrorContains(t, d.Unwrap(), "secret")
}

func TestErrorMakesRemoteTextSafeToLog(t *testing.T) {
	d := read(t, `{"title":"a\nb","status":503,"detail":"`+strings.Repeat("x", 1000)+`","type":"https://example.com/\u001bp"}`)
	got := d.Error()
	assert.True(t, strings.HasPrefix(got, "503 a b: xxx"), got)
	assert.True(t, strings.HasSuffix(got, "xxx... (https://example.com/ p)"), got)
	assert.Less(t, len(got), 700)
}

// A log record stays short even if the log handler has to escape the text of a problem.
func TestLogRecordsAreBounded(t *testing.T) {
	for name, c := range map[string]string{"letters": "x", "quotes": `"`, "backslashes": `\`, "controls": "\x01\x1b", "lines": "\n", "no UTF-8": "\xff", "wide": "\u2028é"} {
		long := strings.Repeat(c, 5_000)
		local := problem.New(400, problem.Title(long), problem.Detail(long), problem.Instance(long), problem.Cause(errors.New(long)))
		local.Type = long
		remote := read(t, write(t, local))
		for _, d := range []*problem.Details{local, remote, remote.With(problem.Cause(local))} {
			for format, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
				"JSON": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
				"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
			} {
				var log strings.Builder
				slog.New(handler(&log, nil)).Info("request failed", "problem", d)
				assert.Less(t, log.Len(), 8<<10, "%s in %s", name, format)
			}
			assert.LessOrEqual(t, len(d.Error()), 3<<10, name)
		}
	}
	res := &http.Response{StatusCode: 502, Header: http.Header{"Content-Type": {strings.Repeat("x", 1<<20)}}, Body: io.NopCloser(strings.NewReader("body"))}
	d := problem.From(problem.CheckResponse(res))
	assert.Less(t, len(d.Unwrap().Error()), 4<<10, "the media type is another server's")
}

func TestIsComparesTypesByURI(t *testing.T) {
	other := problem.Define(OutOfCredit.URI, "Another title", 402, "")
	for _, tt := range []struct {
		why    string
		err    error
		target error
		want   bool
	}{
		{"a problem of the type", OutOfCredit.New(), OutOfCredit, true},
		{"another title and status", OutOfCredit.New(), other, true},
		{"wrapped", fmt.Errorf("x: %w", OutOfCredit.New()), OutOfCredit, true},
		{"the type itself", fmt.Errorf("x: %w", OutOfCredit), OutOfCredit, true},
		{"as a cause", problem.New(500, problem.Cause(OutOfCredit.New())), OutOfCredit, true},
		{"read", read(t, `{"type":"https://example.com/probs/out-of-credit"}`), OutOfCredit, true},
		{"another type", problem.QuotaExceeded.New(), OutOfCredit, false},
		{"no type", problem.New(403), OutOfCredit, false},
		{"another letter case", read(t, `{"type":"https://example.com/probs/Out-of-credit"}`), OutOfCredit, false},
		{"nil type", OutOfCredit.New(), (*problem.Type)(nil), false},
		{"two problems of a type", OutOfCredit.New(problem.Detail("a")), OutOfCredit.New(problem.Detail("b")), true},
		{"two of one status", problem.New(404), &problem.Details{Status: 404}, true},
		{"two of two statuses", problem.New(404), problem.New(410), false},
		{"blank against a type", problem.New(403), OutOfCredit.New(), false},
		{"a nil problem", problem.New(404), (*problem.Details)(nil), false},
		{"an error of the same text", problem.New(404, problem.Detail("")), errors.New("404 Not Found"), false},
		{"a type without a URI of its own", problem.New(404), problem.Define("about:blank", "Not Found", 404, ""), true},
		{"and another status", problem.New(410), problem.Define("about:blank", "Not Found", 404, ""), false},
		{"a cause", problem.New(502, problem.Cause(io.EOF)), io.EOF, true},
	} {
		assert.Equal(t, tt.want, errors.Is(tt.err, tt.target), tt.why)
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	d := problem.New(503, problem.Extension("a", 1), problem.Header("X", "1"), problem.Errors(problem.FieldError{Detail: "a"}))
	v := d.With(problem.Title("t"), problem.Extension("b", 2), problem.Header("X", "2"), problem.RetryAfter(1), nil,
		problem.Errors(problem.FieldError{Detail: "b"}), problem.Cause(io.EOF))
	assert.Equal(t, problem.New(503, problem.Extension("a", 1), problem.Header("X", "1"), problem.Errors(problem.FieldError{Detail: "a"})), d)
	assert.Equal(t, http.Header{"X": {"1", "2"}, "Retry-After": {"1"}}, v.Header)
	assert.Equal(t, []problem.FieldError{{Detail: "a"}, {Detail: "b"}}, v.Extensions["errors"])
	assert.ErrorIs(t, v, io.EOF)
	assert.True(t, read(t, `{}`).With().IsRemote(), "a copy of what others wrote is what others wrote")
}

func TestAnErrorThatEmbedsAProblemIsThatProblem(t *testing.T) {
	type outOfStock struct {
		*problem.Details
		sku string
	}
	err := fmt.Errorf("x: %w", outOfStock{OutOfCredit.New(problem.Detail("d"), problem.Extension("x", 1)), "secret"})
	assert.ErrorIs(t, err, OutOfCredit)
	assert.Equal(t, write(t, OutOfCredit.New(problem.Detail("d"), problem.Extension("x", 1))), write(t, problem.From(err)))
}

func TestUnwrapWithoutACauseIsNil(t *testing.T) {
	d := problem.New(500, problem.Cause(nil))
	assert.NoError(t, d.Unwrap())
	assert.NotContains(t, d.LogValue().String(), "cause")
}

func TestLogValueHasTheCauseForTheLog(t *testing.T) {
	var log bytes.Buffer
	d := OutOfCredit.New(problem.Detail("d"), problem.Instance("/i"), problem.Cause(errors.New("the cause")))
	slog.New(slog.NewTextHandler(&log, nil)).ErrorContext(context.Background(), "failed", "problem", d)
	assert.Contains(t, log.String(), `problem.status=403 problem.title="You do not have enough credit." problem.type=https://example.com/probs/out-of-credit problem.detail=d problem.instance=/i problem.cause="the cause"`)
}

func TestDetailsMayBeSharedByGoroutines(t *testing.T) {
	shared := problem.New(404, problem.Title(""), problem.Extension("x", []any{1, "a"}), problem.Header("Vary", "Origin"),
		problem.RetryAfter(1), problem.Errors(problem.FieldError{Detail: "a", Pointer: "#/a"}))
	before := shared.With()
	p := respond.Responder{Logger: slog.New(slog.DiscardHandler)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/err" {
			p.Fail(w, r, fmt.Errorf("x: %w", shared))
			return
		}
		p.Problem(w, r, shared)
	}))
	defer srv.Close()
	var all sync.WaitGroup
	for i := range 8 {
		accept := []string{"application/json", "application/problem+xml", "text/html", "*/*"}[i%4]
		all.Go(func() {
			for _, path := range []string{"/", "/err", "/", "/err", "/"} {
				req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil)
				req.Header.Set("Accept", accept)
				res, err := srv.Client().Do(req)
				if err != nil || res.StatusCode != 404 {
					t.Errorf("%v, %v", res, err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	all.Wait()
	assert.Equal(t, before, shared, "writers copy")
}
