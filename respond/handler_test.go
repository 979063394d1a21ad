package respond_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shapes wrap net/http's ResponseWriter, and hide its other methods in different
// ways.
var shapes = map[string]func(http.ResponseWriter) http.ResponseWriter{
	"net/http":  func(w http.ResponseWriter) http.ResponseWriter { return w },
	"bare":      func(w http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} },
	"flushable": func(w http.ResponseWriter) http.ResponseWriter { return flushable{w, w.(http.Flusher)} },
}

type flushable struct {
	http.ResponseWriter
	http.Flusher
}

func TestHandlerSendsAnErrorUnlessItIsTooLate(t *testing.T) {
	errOops := errors.New("oops")
	for _, c := range []struct {
		name  string
		begin func(w http.ResponseWriter, r *http.Request)
		code  int
		body  string // "" means a problem
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 500, ""},
		{"header set only", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("ETag", `"1"`) }, 500, ""},
		{"interim", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) }, 500, ""},
		{"status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) }, 202, "|"},
		{"text", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("half")) }, 200, "half"},
		{"string", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "half") }, 200, "half"},
		{"copy", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, strings.NewReader("half")) }, 200, "half"},
		{"empty write", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(nil) }, 200, "|"},
		{"flush", func(w http.ResponseWriter, r *http.Request) {
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			} else {
				w.WriteHeader(200)
			}
		}, 200, "|"},
		{"another response", func(w http.ResponseWriter, r *http.Request) { respond.Text(w, 200, "half") }, 200, "half"},
	} {
		for shape, wrap := range shapes {
			for _, get := range bothVersions {
				log := wiretest.DefaultLog(t)
				h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
					c.begin(w, r)
					return errOops
				})
				res, body := get(t, "GET", func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrap(w), r) })
				assert.Equal(t, c.code, res.StatusCode, "%s, %s", c.name, shape)
				if c.body == "" {
					assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"), "%s, %s", c.name, shape)
				} else {
					assert.Equal(t, strings.Trim(c.body, "|"), body, "%s, %s", c.name, shape)
				}
				assert.Equal(t, 1, strings.Count(log.String(), "oops"), "%s, %s", c.name, shape)
			}
		}
	}
}

func TestHandlerSendsThePreferredForm(t *testing.T) {
	h := respond.Handler(func(http.ResponseWriter, *http.Request) error { return problem.New(404) })
	res, _ := do(t, "GET", h.ServeHTTP, "Accept", browser)
	assert.Equal(t, problem.MediaTypeHTML, res.Header.Get("Content-Type"))
}

func TestHandlerLeavesASuccessAlone(t *testing.T) {
	log := wiretest.DefaultLog(t)
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		respond.JSON(w, 200, []int{1})
		return nil
	})
	_, body := do(t, "GET", h.ServeHTTP)
	assert.Equal(t, "[1]\n", body)
	assert.Empty(t, log.String())
}

func TestHandlerPassesPanicsThrough(t *testing.T) {
	for _, value := range []any{http.ErrAbortHandler, "oops", errors.New("oops")} {
		h := respond.Handler(func(http.ResponseWriter, *http.Request) error { panic(value) })
		assert.PanicsWithValue(t, value, func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
	}
	assert.PanicsWithValue(t, "respond: Handler: the function is nil", func() { respond.Handler(nil) })
}

func TestHandlerRespondsAfterAnInvalidCode(t *testing.T) {
	wiretest.DefaultLog(t)
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		defer func() { _ = recover() }()
		w.WriteHeader(1000)
		return nil
	})
	inner := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return problem.New(409)
	})
	res, _ := do(t, "GET", inner.ServeHTTP)
	assert.Equal(t, 409, res.StatusCode, "nothing was sent by the invalid code")
}

func TestHandlerKeepsTheInterfacesOfTheWriter(t *testing.T) {
	names := func(w http.ResponseWriter) (have []string) {
		for name, ok := range map[string]bool{
			"Flusher":      is[http.Flusher](w),
			"FlushError":   is[interface{ FlushError() error }](w),
			"Hijacker":     is[http.Hijacker](w),
			"Pusher":       is[http.Pusher](w),
			"ReaderFrom":   is[io.ReaderFrom](w),
			"StringWriter": is[io.StringWriter](w),
			"CloseNotify":  is[interface{ CloseNotify() <-chan bool }](w),
		} {
			if ok {
				have = append(have, name)
			}
		}
		return have
	}
	for shape, wrap := range shapes {
		for _, get := range bothVersions {
			get(t, "GET", func(w http.ResponseWriter, r *http.Request) {
				w = wrap(w)
				respond.Handler(func(inner http.ResponseWriter, r *http.Request) error {
					assert.ElementsMatch(t, names(w), names(inner), shape)
					if shape == "net/http" {
						assert.NoError(t, http.NewResponseController(inner).EnableFullDuplex(), "through Unwrap")
					}
					return nil
				}).ServeHTTP(w, r)
			})
		}
	}
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

func TestHandlerLeavesAHijackedConnectionAlone(t *testing.T) {
	log := wiretest.DefaultLog(t)
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		conn, _, err := w.(http.Hijacker).Hijack()
		require.NoError(t, err)
		_, _ = conn.Write([]byte("HTTP/1.1 299 Mine\r\nContent-Length: 0\r\n\r\n"))
		_ = conn.Close()
		return errors.New("oops")
	})
	done := make(chan bool)
	srv := wiretest.Start(t, wiretest.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		h.ServeHTTP(w, r)
	}))
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	all, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 299 Mine\r\nContent-Length: 0\r\n\r\n", string(all))
	<-done // the server does not wait for hijacked connections
	assert.Contains(t, log.String(), "after the response had begun")
}

// reporting is a ResponseWriter that reports whether it has been written to.
type reporting struct {
	*httptest.ResponseRecorder
	begun bool
}

func (k *reporting) Written() bool { return k.begun }

func TestHandlerCallsWrittenOfTheWriter(t *testing.T) {
	wiretest.DefaultLog(t)
	for _, begun := range []bool{false, true} {
		w := &reporting{httptest.NewRecorder(), begun}
		respond.Handler(func(inner http.ResponseWriter, r *http.Request) error {
			assert.Equal(t, begun, inner.(interface{ Unwrap() http.ResponseWriter }).Unwrap().(*reporting).begun)
			return problem.New(409)
		}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		assert.Equal(t, begun, w.Body.Len() == 0)
	}
}

func TestHandlerAllocatesOnceForASuccess(t *testing.T) {
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(204)
		return nil
	})
	w, r := &full{}, httptest.NewRequest("GET", "/", nil)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }), 1.0)
}

// full has the methods of net/http's writer for HTTP/1, and does nothing.
type full struct{ discard }

func (*full) Flush()                                       {}
func (*full) FlushError() error                            { return nil }
func (*full) CloseNotify() <-chan bool                     { return nil }
func (*full) WriteString(s string) (int, error)            { return len(s), nil }
func (*full) ReadFrom(io.Reader) (int64, error)            { return 0, nil }
func (*full) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrHijacked }
