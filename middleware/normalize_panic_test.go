package middleware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNormalizeSends500ForAPanic(t *testing.T) {
	cause := errors.New("pq: password")
	for why, h := range map[string]http.HandlerFunc{
		"nothing was written":  func(w http.ResponseWriter, r *http.Request) { panic(cause) },
		"an error is held":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404); panic(cause) },
		"an empty error waits": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); panic(cause) },
		"a hint was sent":      func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); panic(cause) },
		"fields were set": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Content-Length", "1000")
			panic(cause)
		},
		"a Capture is inside": middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(cause) })).ServeHTTP,
		"a Recover is inside": middleware.RecoverWith(middleware.RecoverOptions{Report: func(*http.Request, middleware.Report) {}})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(cause) })).ServeHTTP,
	} {
		for _, protocol := range wiretest.Protocols {
			n, c := reports(middleware.NormalizeOptions{})
			capture, got := results()
			srv := wiretest.Start(t, protocol, capture(middleware.NormalizeWith(n)(h)))
			a := wiretest.Send(t, srv)
			srv.Close()
			assert.Equal(t, descriptionOf(500), a.Problem(t)["detail"], why)
			assert.Equal(t, 500, a.StatusCode, why)
			res := <-got
			assert.Equal(t, 500, res.Status)
			assert.Equal(t, cause, res.Panic)
			assert.True(t, res.Replaced)
			assert.False(t, res.Aborted)
			if why != "a Recover is inside" { // which has reported it
				rep := reported(c)
				require.NotNil(t, rep, why)
				assert.Equal(t, cause, rep.Panic)
				assert.Contains(t, string(rep.Stack), "normalize_panic_test.go", "the stack leads to the handler")
				assert.True(t, strings.HasPrefix(string(rep.Stack), "panic("), "and begins there")
			} else {
				assert.Nil(t, reported(c), "a panic is reported once")
			}
		}
	}
}

func TestNormalizeCutsAResponseThatPanicsMidway(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"bytes that were not flushed": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); io.WriteString(w, "abc"); panic("x") },
		"bytes that were": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			panic("x")
		},
		"an error of its own": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(500)
			io.WriteString(w, "{}")
			panic("x")
		},
		"a flushed problem": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "denied", 403)
			w.(http.Flusher).Flush()
			panic("x")
		},
	} {
		for _, protocol := range wiretest.Protocols {
			n, c := reports(middleware.NormalizeOptions{})
			capture, got := results()
			srv := wiretest.Start(t, protocol, capture(middleware.NormalizeWith(n)(h)))
			a := wiretest.Send(t, srv)
			srv.Close()
			if why != "a flushed problem" { // complete by its Content-Length
				assert.Error(t, a.Err, "%s %s: the client sees it fail", protocol, why)
			}
			res := <-got
			assert.True(t, res.Aborted, why)
			assert.Equal(t, "x", res.Panic)
			assert.Equal(t, "x", reported(c).Panic)
		}
	}
}

func TestNormalizePassesErrAbortHandler(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"before anything":        func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"while an error is held": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 404); panic(http.ErrAbortHandler) },
		"in the middle":          func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc"); panic(http.ErrAbortHandler) },
	} {
		for _, protocol := range wiretest.Protocols {
			n, c := reports(middleware.NormalizeOptions{})
			passed := make(chan any, 1)
			capture, got := results()
			a := wiretest.Get(t, protocol, capture(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					v := recover()
					passed <- v
					panic(v)
				}()
				middleware.NormalizeWith(n)(h).ServeHTTP(w, r)
			})))
			assert.Error(t, a.Err, why)
			res := <-got
			assert.True(t, res.Aborted)
			if why != "in the middle" {
				assert.Zero(t, res.Status, "%s: nothing was sent, held or not", why)
				assert.Zero(t, res.Bytes, why)
			}
			assert.True(t, <-passed == http.ErrAbortHandler, "%s: net/http compares with ==", why)
			assert.Nil(t, reported(c), why)
		}
	}
}

func TestGoexitIsReportedAsAborted(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		capture, got := results()
		a := wiretest.Get(t, protocol, capture(normalize(middleware.Recover(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { runtime.Goexit() })))))
		assert.Error(t, a.Err)
		assert.Equal(t, middleware.Result{Aborted: true}, <-got)
	}
}

func TestAPanicWithNilIsAPanic(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{})
	a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(nil) })))
	assert.Equal(t, 500, a.StatusCode)
	assert.IsType(t, &runtime.PanicNilError{}, reported(c).Panic)
}

func TestNormalizeBoundsTheLogOfAPanic(t *testing.T) {
	log, text := wiretest.NewLogger()
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(middleware.NormalizeOptions{Logger: log})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var deep func(int)
		deep = func(n int) {
			if n == 0 {
				panic(strings.Repeat("x", 1<<20))
			}
			deep(n - 1)
		}
		deep(1000)
	})))
	wiretest.Send(t, srv)
	srv.Close()
	assert.Less(t, len(text.String()), 64<<10)
}

func TestResultReportsThatTheClientLeft(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		ctx, cancel := context.WithCancel(t.Context())
		capture, got := results()
		wiretest.Get(t, protocol, capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
			_, err := io.WriteString(w, "into the void")
			assert.NoError(t, err, "net/http returns none")
		}))), func(r *http.Request) { *r = *r.WithContext(ctx) })
		res := <-got
		assert.True(t, res.ClientGone, protocol)
		assert.Equal(t, 200, res.Status)
	}
}
