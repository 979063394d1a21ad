package middleware_test

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func TestRecoverSends500WithoutThePanicsText(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		log, text := wiretest.NewLogger()
		h := middleware.RecoverWith(middleware.RecoverOptions{Logger: log})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic("pq: password") }))
		srv := wiretest.Start(t, protocol, h)
		a := wiretest.Send(t, srv)
		srv.Close()
		a.Problem(t)
		assert.Equal(t, 500, a.StatusCode)
		assert.NotContains(t, a.Text, "password")
		assert.Contains(t, text.String(), `level=ERROR msg="middleware: handler panicked" method=GET path=/x status=500 panic="pq: password" stack="panic(`)
		assert.Contains(t, text.String(), "recover_test.go", "the stack leads to the handler")
	}
}

func TestRecoverCutsAResponseThatHasBegun(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		log, text := wiretest.NewLogger()
		h := middleware.RecoverWith(middleware.RecoverOptions{Logger: log})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("half"))
			w.(http.Flusher).Flush()
			panic("late")
		}))
		srv := wiretest.Start(t, protocol, h)
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Error(t, a.Err)
		assert.Equal(t, "half", a.Text)
		assert.Contains(t, text.String(), "panic=late")
	}
}

func TestRecoverPassesErrAbortHandlerUnlogged(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		log, text := wiretest.NewLogger()
		h := middleware.RecoverWith(middleware.RecoverOptions{Logger: log})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
		srv := wiretest.Start(t, protocol, h)
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Error(t, a.Err)
		assert.Empty(t, text.String())
	}
}

func TestNestedRecoversReportAPanicOnce(t *testing.T) {
	log, text := wiretest.NewLogger()
	c := middleware.RecoverOptions{Logger: log}
	srv := wiretest.Start(t, "HTTP/1.1", middleware.RecoverWith(c)(middleware.RecoverWith(c)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("half"))
		panic("late")
	}))))
	wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, 1, strings.Count(text.String(), "panic=late"))
}

func TestRecoverReportsAPanicOutsideNormalize(t *testing.T) {
	log, text := wiretest.NewLogger()
	srv := wiretest.Start(t, "HTTP/1.1", middleware.RecoverWith(middleware.RecoverOptions{Logger: log})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "pq: password", 500) // is reported
		})).ServeHTTP(w, r)
		panic("afterwards")
	})))
	wiretest.Send(t, srv)
	srv.Close()
	assert.Contains(t, text.String(), "panic=afterwards")
}

// A deep recursion with many arguments has a stack that no log should have.
func TestTheStackOfAPanicIsBounded(t *testing.T) {
	options, reports := reports(middleware.NormalizeOptions{})
	var descend func(n, b, c, d, e, f, g, h uint64)
	descend = func(n, b, c, d, e, f, g, h uint64) {
		if n == 0 {
			panic("x")
		}
		descend(n-1, b+1, c+1, d+1, e+1, f+1, g+1, h+1)
	}
	const big = math.MaxUint64 / 2
	wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(options)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		descend(200, big, big, big, big, big, big, big)
	})))
	stack := reported(reports).Stack
	assert.True(t, strings.HasPrefix(string(stack), "panic("))
	assert.Equal(t, 16<<10, len(stack))
}
