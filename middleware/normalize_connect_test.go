package middleware_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

// A client that gets a 2xx for its CONNECT sends the bytes of its tunnel, which
// net/http would read as a request of its own.
func TestConnectWithoutAHijackIsRefused(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, h := range map[string]http.HandlerFunc{
		"nothing":          func(w http.ResponseWriter, r *http.Request) {},
		"WriteHeader(200)": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) },
		"WriteHeader(204)": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"a body":           func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "fine") },
		"200, then a body": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); _, _ = io.WriteString(w, "fine") },
		"flush":            func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() },
		"200, flush, a body": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "x")
		},
		"a copy": func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, strings.NewReader("fine")) },
		"JSON":   func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, 1) },
		"200 with a length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(200)
		},
		"103, then nothing":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) },
		"200, then an error":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); http.Error(w, "late", 403) },
		"inside of a Timeout": middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) })).ServeHTTP,
	} {
		for _, protocol := range []string{"HTTP/1.0", "HTTP/1.1"} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				n, c := reports(middleware.NormalizeOptions{})
				inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != "CONNECT" {
						t.Errorf("the tunnel was read as %s %s", r.Method, r.URL)
					}
					h(w, r)
				})
				got := wiretest.Raw(t, tag("outer")(middleware.NormalizeWith(n)(inside)), "CONNECT a:1 "+protocol+"\r\nHost: a:1\r\n\r\n"+smuggled)
				final := got[strings.LastIndex(got, "HTTP/1."):]
				assert.Equal(t, 501, wiretest.StatusCodes(final)[0], got)
				assert.Contains(t, final, `"status":501`)
				assert.Contains(t, final, "Connection: close")
				assert.Contains(t, final, "Via: outer")
				assert.Contains(t, reported(c).Misused, "CONNECT")
			})
		}
	}
}

func TestConnectKeepsItsHandlersResponse(t *testing.T) {
	tunnel := func(status int, flush bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if status != 0 {
				w.Header().Set("X-Proxy", "here")
				w.WriteHeader(status)
			}
			if flush {
				_ = http.NewResponseController(w).Flush()
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "bytes of the tunnel")
		}
	}
	serve := func(h http.Handler) (string, middleware.Result) {
		results := make(chan middleware.Result, 1) // the client may have all before the handler returns
		captured := middleware.Capture(func(_ *http.Request, res middleware.Result) { results <- res })
		got := wiretest.Raw(t, middleware.Chain(captured, middleware.Normalize)(h), "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
		return got, <-results
	}
	t.Run("a hijack alone", func(t *testing.T) {
		got, result := serve(tunnel(0, false))
		assert.Equal(t, "bytes of the tunnel", got)
		assert.True(t, result.Hijacked)
		assert.Equal(t, 101, result.Status)
	})
	t.Run("a body, then a hijack", func(t *testing.T) {
		got, result := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "not of the tunnel")
			tunnel(0, false)(w, r)
		}))
		assert.Equal(t, []int{200}, wiretest.StatusCodes(got))
		assert.True(t, strings.HasSuffix(got, "\r\n\r\nbytes of the tunnel"), got)
		assert.Equal(t, 200, result.Status)
	})
	t.Run("an error, then another Normalize", func(t *testing.T) {
		got, _ := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "not to there", 403)
			normalizeQuietly(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		}))
		assert.Equal(t, []int{403}, wiretest.StatusCodes(got))
	})
	t.Run("200, then a hijack", func(t *testing.T) {
		got, result := serve(tunnel(200, false))
		assert.Equal(t, 200, wiretest.StatusCodes(got)[0])
		assert.Contains(t, got, "X-Proxy: here\r\n")
		assert.True(t, strings.HasSuffix(got, "\r\n\r\nbytes of the tunnel"), got)
		assert.Equal(t, 200, result.Status)
	})
	t.Run("200, a flush, then a hijack", func(t *testing.T) {
		got, _ := serve(tunnel(200, true))
		assert.Equal(t, []int{200}, wiretest.StatusCodes(got))
		assert.True(t, strings.HasSuffix(got, "\r\n\r\nbytes of the tunnel"), got)
	})
	for name, h := range map[string]http.HandlerFunc{
		"http.Error":    func(w http.ResponseWriter, r *http.Request) { http.Error(w, "not to there", 403) },
		"respond.Error": func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 403) },
		"WriteHeader":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) },
	} {
		t.Run("a refusal with "+name, func(t *testing.T) {
			got, result := serve(h)
			assert.Equal(t, 403, wiretest.StatusCodes(got)[0])
			assert.Contains(t, got, `"status":403`)
			assert.Equal(t, 403, result.Status)
		})
	}
	t.Run("a panic", func(t *testing.T) {
		n, c := reports(middleware.NormalizeOptions{})
		h := middleware.NormalizeWith(n)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }))
		assert.Contains(t, wiretest.Raw(t, h, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), `"status":500`)
		assert.Empty(t, reported(c).Misused)
	})
	t.Run("a redirect", func(t *testing.T) {
		got, _ := serve(http.RedirectHandler("/elsewhere", 307))
		require.Equal(t, 307, wiretest.StatusCodes(got)[0])
		assert.Contains(t, got, "Location: /elsewhere")
	})
}
