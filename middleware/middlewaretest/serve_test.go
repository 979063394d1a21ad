package middlewaretest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T, h http.HandlerFunc, r *http.Request) (*middlewaretest.Response, string) {
	t.Helper()
	res, err := middlewaretest.Serve(h, r)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func get() *http.Request { return httptest.NewRequest("GET", "/x?a=b", nil) }

func TestServeReturnsInterimResponsesApart(t *testing.T) {
	res, body := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(102)
		w.WriteHeader(404)
		io.WriteString(w, "no such order")
	}, get())
	assert.Equal(t, 404, res.StatusCode)
	assert.Equal(t, "no such order", body)
	require.Len(t, res.Interim, 2)
	assert.Equal(t, 103, res.Interim[0].Code)
	assert.Equal(t, "</a.css>; rel=preload", res.Interim[0].Header.Get("Link"))
	assert.Equal(t, 102, res.Interim[1].Code)
}

func TestServeRespondsAsTheServerDoes(t *testing.T) {
	res, body := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); io.WriteString(w, "x") }, get())
	assert.Equal(t, 204, res.StatusCode)
	assert.Empty(t, body, "a body that the status forbids")
	assert.NotEmpty(t, res.Header.Get("Date"))
	assert.Nil(t, res.Interim)

	res, _ = serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/y", 303) }, get())
	assert.Equal(t, 303, res.StatusCode, "no redirect is followed")
}

func TestServeReportsAResponseThatWasCut(t *testing.T) {
	res, err := middlewaretest.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }), get())
	assert.Error(t, err)
	assert.Nil(t, res, "nothing arrived")

	res, err = middlewaretest.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}), get())
	assert.Error(t, err)
	require.NotNil(t, res)
	body, _ := io.ReadAll(res.Body)
	assert.Equal(t, "half", string(body), "this part arrived")
}

func TestServePassesTheWholeRequest(t *testing.T) {
	type key struct{}
	r := httptest.NewRequest("POST", "/x?a=b", strings.NewReader("the body"))
	r.RemoteAddr = "[2001:db8::1]:5"
	r.Header.Set("X-Own", "1")
	_, body := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.Method, r.RequestURI, r.Host, r.RemoteAddr, r.Header.Get("X-Own"), string(body), r.Context().Value(key{}), r.Header.Get("Accept-Encoding"))
	}, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
	assert.Equal(t, "POST /x?a=b example.com [2001:db8::1]:5 1 the body value \n", body)
	assert.Equal(t, "/x?a=b", r.RequestURI, "the request of the test stays as it was")

	bare := &http.Request{URL: get().URL}
	_, body = serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.Method, r.Host, r.RemoteAddr) }, bare)
	assert.Equal(t, "GET example.com 192.0.2.1:1234\n", body)
}

func TestServeReturnsAfterTheHandler(t *testing.T) {
	var returned atomic.Bool
	serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1")
		io.WriteString(w, "x") // the client has the whole response
		w.(http.Flusher).Flush()
		<-r.Context().Done() // and leaves
		returned.Store(true)
	}, get())
	assert.True(t, returned.Load())
}

func TestServeEndsTheContextOfTheHandler(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := middlewaretest.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}), get().WithContext(ctx))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestServeReturnsAHijackedConnection(t *testing.T) {
	res, err := middlewaretest.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "echo")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(101)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			defer conn.Close()
			line, _ := rw.ReadString('\n')
			io.WriteString(conn, line)
		}
	}), get())
	require.NoError(t, err)
	assert.Equal(t, 101, res.StatusCode)
	conn := res.Body.(io.ReadWriteCloser)
	defer conn.Close()
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(got))
}

func TestServeWorksInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		res, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Hour) }, get())
		assert.Equal(t, 200, res.StatusCode)
		assert.Equal(t, time.Hour, time.Since(start))
	})
}

// The 103 of a handler is not its status.
func ExampleServe() {
	h := middleware.Normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</order.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		http.Error(w, "no such order", http.StatusNotFound)
	}))
	res, err := middlewaretest.Serve(h, httptest.NewRequest("GET", "/orders/17", nil))
	fmt.Println(res.Interim[0].Code, res.StatusCode, res.Header.Get("Content-Type"), err)
	// Output:
	// 103 404 application/problem+json <nil>
}
