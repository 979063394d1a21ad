package middleware_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
)

// rawLog is a handler of slog that escapes nothing, as some for terminals do.
type rawLog struct {
	mu     sync.Mutex
	values []string
	late   chan struct{} // closed by the record of a late panic
}

func (l *rawLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *rawLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *rawLog) WithGroup(string) slog.Handler            { return l }

func (l *rawLog) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var add func(slog.Attr) bool
	add = func(a slog.Attr) bool {
		switch v := a.Value.Resolve(); {
		case v.Kind() == slog.KindGroup:
			for _, inner := range v.Group() {
				add(inner)
			}
		case !strings.Contains(a.Key, "stack"): // which has one call a line, and no text of a client
			l.values = append(l.values, v.String())
		}
		return true
	}
	r.Attrs(add)
	if strings.Contains(r.Message, "after its deadline") {
		close(l.late)
	}
	return nil
}

// A client chooses the path, and every failure below repeats it.
func TestNoRecordHasControlCharacters(t *testing.T) {
	failures := map[string]func(w http.ResponseWriter, r *http.Request){
		"a cause": func(w http.ResponseWriter, r *http.Request) { respond.Fail(w, r, errors.New("find "+r.URL.Path)) },
		"a problem": func(w http.ResponseWriter, r *http.Request) {
			respond.Fail(w, r, problem.New(400, problem.Detail(r.URL.Path), problem.Cause(io.EOF)))
		},
		"a wrapped one": func(w http.ResponseWriter, r *http.Request) {
			respond.Fail(w, r, problem.New(500, problem.Cause(problem.New(502, problem.Cause(errors.New(r.URL.Path))))))
		},
		"text of a 5xx":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.Path, 500) },
		"text of a 4xx":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.Path, 404) },
		"a panic":        func(w http.ResponseWriter, r *http.Request) { panic(r.URL.Path) },
		"a bad code":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(1000) },
		"a bad length":   func(w http.ResponseWriter, r *http.Request) { w.Header()["Content-Length"] = []string{"1", r.URL.Path} },
		"another method": func(w http.ResponseWriter, r *http.Request) { r.Method = r.URL.Path; respond.Fail(w, r, io.EOF) },
		"a late panic":   func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic(r.URL.Path) },
		"an extension": func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 400, problem.Extension(r.URL.Path, 1), problem.Extension("ok", errors.New(r.URL.Path)))
		},
		"an XML name": func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 400, problem.Extension("a", map[string]int{r.URL.Path: 1}))
		},
		"a long extension": func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 400, problem.Extension("a", map[string]int{strings.Repeat("x ", 1<<16): 1}))
		},
	}
	ids := middleware.RequestIDOptions{New: func(r *http.Request) string { return r.URL.Path }}
	path := "/a%0alevel=ERROR%0d%1b[2J%07%c2%9b%7f%e2%80%a8%e2%80%a9%ffz"
	for why, fail := range failures {
		for name, layers := range map[string][]func(http.Handler) http.Handler{
			"respond":   nil,
			"Normalize": {middleware.Normalize},
			"Recover":   {middleware.Recover},
			"the chain": {middleware.RequestIDWith(ids), middleware.AccessLog, middleware.Normalize},
		} {
			log := &rawLog{late: make(chan struct{})}
			before := slog.Default()
			slog.SetDefault(slog.New(log))
			h := http.Handler(http.HandlerFunc(fail))
			if why == "a late panic" {
				h = middleware.Timeout(time.Nanosecond)(h)
			}
			wiretest.Raw(t, middleware.Chain(layers...)(h), wiretest.RawRequest("GET "+path, "Accept: application/problem+xml"))
			if why == "a late panic" {
				<-log.late
			}
			slog.SetDefault(before)
			log.mu.Lock()
			for _, v := range log.values {
				assert.False(t, strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }), "%s, %s: %q", name, why, v)
				assert.LessOrEqual(t, len(v), 2<<10, "%s, %s", name, why)
			}
			log.mu.Unlock()
		}
	}
}

// Each such character becomes a space by itself, and a text is cut behind its limit.
func TestALoggedPathIsPrintableAndBounded(t *testing.T) {
	whole := "/" + strings.Repeat("a", 255)
	for path, want := range map[string]string{
		"/a%7fz":       "/a z",
		"/a%1fz":       "/a z",
		"/a%c2%85z":    "/a z",
		"/a%e2%80%a8z": "/a z",
		"/a%c3%a9z":    "/a\u00e9z",
		"/a%ffz":       "/a\ufffdz",
		"/a%20z":       "/a z",
		whole:          whole,
		whole + "a":    whole + "\u2026",
	} {
		log := &rawLog{}
		access := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: slog.New(log)})
		wiretest.Raw(t, access(http.HandlerFunc(ok)), wiretest.RawRequest("GET "+path))
		assert.Contains(t, log.values, want)
	}
}
