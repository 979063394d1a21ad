package middleware_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How the handlers of net/http respond, inside Normalize.

func proxyTo(t testing.TB, target string) *httputil.ReverseProxy {
	u, err := url.Parse(target)
	require.NoError(t, err)
	p := httputil.NewSingleHostReverseProxy(u)
	p.ErrorLog = quietLog
	return p
}

func TestErrorsOfNetHTTPBecomeProblems(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f.txt"), []byte("hello world"), 0o600))
	files := http.FileServer(http.Dir(dir))
	cached := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=60")
		http.ServeContent(w, r, "f.txt", time.Unix(1e9, 0), strings.NewReader("hello world"))
	})
	mux := http.NewServeMux()
	mux.Handle("GET /x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	mux.Handle("POST /x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	cross := http.NewCrossOriginProtection()
	// Once its context has ended, TimeoutHandler takes a handler that returns for one in time.
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	slow := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over })
	// A port that is closed may belong to another test by the time it is dialled.
	dead := "http://" + wiretest.Listen(t, func(net.Conn) {})

	for _, row := range []struct {
		why    string
		h      http.Handler
		change func(*http.Request)
		code   int
		header map[string]string
		detail string
	}{
		{"ServeMux, unknown path", mux, func(r *http.Request) { r.URL.Path = "/unknown" }, 404, nil, ""},
		{"ServeMux, wrong method", mux, wiretest.Method("DELETE"), 405, map[string]string{"Allow": "GET, HEAD, POST"}, ""},
		{"ServeMux, OPTIONS", mux, wiretest.Method("OPTIONS"), 405, map[string]string{"Allow": "GET, HEAD, POST"}, ""},
		{"StripPrefix", http.StripPrefix("/api", mux), nil, 404, nil, ""},
		{"CrossOriginProtection", cross.Handler(mux), func(r *http.Request) { r.Method = "POST"; r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, nil, "cross-origin request detected from Sec-Fetch-Site header"},
		{"NotFoundHandler", http.NotFoundHandler(), nil, 404, nil, ""},
		{"FileServer, no such file", files, nil, 404, nil, ""},
		{"FileServer, range beyond the end", files, func(r *http.Request) { r.URL.Path = "/f.txt"; r.Header.Set("Range", "bytes=100-") }, 416, map[string]string{"Content-Range": "bytes */11"}, "invalid range: failed to overlap"},
		{"FileServer, range of unknown unit", files, func(r *http.Request) { r.URL.Path = "/f.txt"; r.Header.Set("Range", "lines=1-") }, 416, map[string]string{"Content-Range": ""}, "invalid range"},
		{"ServeContent, precondition", cached, wiretest.Field("If-Match", `"2"`), 412, map[string]string{"Etag": `"1"`, "Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT"}, ""},
		{"MaxBytesHandler", http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, err.Error(), 413)
			}
		}), 1), func(r *http.Request) { r.Method = "POST"; r.Body = io.NopCloser(strings.NewReader("too long")) }, 413, map[string]string{}, "http: request body too large"},
		{"ReverseProxy, dead upstream", proxyTo(t, dead), nil, 502, nil, ""},
		{"TimeoutHandler with its own page", http.TimeoutHandler(slow, 1, ""), nil, 503, nil, ""},
		{"TimeoutHandler with a text", http.TimeoutHandler(slow, 1, "too slow"), nil, 503, nil, ""},
		{"TimeoutHandler around a panic", http.TimeoutHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), time.Minute, ""), nil, 500, nil, ""},
		{"TimeoutHandler around an error", http.TimeoutHandler(http.NotFoundHandler(), time.Minute, ""), nil, 404, nil, ""},
	} {
		for _, protocol := range wiretest.Protocols {
			t.Run(protocol+" "+row.why, func(t *testing.T) {
				change := row.change
				if change == nil {
					change = func(*http.Request) {}
				}
				a := wiretest.Get(t, protocol, normalize(row.h), change)
				doc := a.Problem(t)
				assert.Equal(t, row.code, a.StatusCode)
				want := row.detail
				if want == "" {
					want = descriptionOf(row.code)
				}
				assert.Equal(t, want, doc["detail"])
				assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
				for f, v := range row.header {
					assert.Equal(t, v, a.Header.Get(f), f)
				}
			})
		}
	}
}

func TestNormalizeHandlesGETAsterisk(t *testing.T) {
	got := wiretest.Raw(t, normalize(http.NewServeMux()), "GET * HTTP/1.1\r\nHost: a\r\n\r\n")
	assert.Contains(t, got, `"status":400`)
	assert.Contains(t, got, "Connection: close")
}

func TestNormalizeLeavesRedirectsOfServeMuxAlone(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/x/", func(w http.ResponseWriter, r *http.Request) {})
	n, c := reports(middleware.NormalizeOptions{})
	raw, got := wiretest.Get(t, "HTTP/1.1", mux), wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(mux))
	assert.Equal(t, raw.StatusCode, got.StatusCode)
	assert.Equal(t, raw.Text, got.Text)
	assert.Equal(t, "/x/", got.Header.Get("Location"))
	assert.Nil(t, reported(c))
}

func TestTheLayersAroundServeMuxSeeItsPattern(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{name}", func(w http.ResponseWriter, r *http.Request) {})
	patterns := make(chan string, 1)
	capture := middleware.Capture(func(r *http.Request, _ middleware.Result) { patterns <- r.Pattern })
	for why, wrap := range map[string]func(http.Handler) http.Handler{
		"net/http's writer":            func(h http.Handler) http.Handler { return h },
		"a wrapper of another package": plainWrapper,
	} {
		wiretest.Get(t, "HTTP/1.1", wrap(middleware.Chain(capture, middleware.RequestID, normalize, middleware.Timeout(time.Hour), middleware.MaxBytes(10))(mux)))
		assert.Equal(t, "GET /{name}", <-patterns, why)
	}
}

func TestAnUpstreamThatDiesMidwayCutsTheResponse(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	for _, protocol := range wiretest.Protocols {
		n, c := reports(middleware.NormalizeOptions{})
		capture, got := results()
		a := wiretest.Get(t, protocol, capture(middleware.NormalizeWith(n)(proxyTo(t, upstream.URL))))
		assert.Error(t, a.Err)
		res := <-got
		assert.True(t, res.Aborted)
		assert.Nil(t, res.Panic)
		assert.Nil(t, reported(c), "ErrAbortHandler is meant, and not reported")
	}
}

func TestALargeRequestClosesTheConnection(t *testing.T) {
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, "too large", 413)
		}
	})
	post := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for why, h := range map[string]http.Handler{
		"MaxBytesHandler inside":  normalize(http.MaxBytesHandler(read, 1)),
		"MaxBytesHandler outside": http.MaxBytesHandler(normalize(read), 1),
		"MaxBytes inside":         normalize(middleware.MaxBytes(1)(read)),
		"MaxBytes alone":          middleware.MaxBytes(1)(read),
		"MaxBytes inside Capture": middleware.Capture(nothing)(middleware.MaxBytes(1)(read)),
	} {
		got := wiretest.Raw(t, h, post)
		assert.Equal(t, []int{413}, wiretest.StatusCodes(got), why)
		assert.Contains(t, got, "Connection: close", why)
	}
}

func TestCaptureUsesTheClockOfSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Nothing of the package depends on the wall clock.
		capture := make(chan middleware.Result, 1)
		h := middleware.Capture(func(_ *http.Request, res middleware.Result) { capture <- res })(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Hour) }))
		rec, r := recorder()
		h.ServeHTTP(rec, r)
		assert.Equal(t, time.Hour, (<-capture).Duration)
	})
}
