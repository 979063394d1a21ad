package listener_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// start serves h on a loopback port until the test ends. change may be nil.
func start(t testing.TB, wrap func(net.Listener) net.Listener, h http.HandlerFunc, change func(*httptest.Server)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Listener = wrap(srv.Listener)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if change != nil {
		change(srv)
	}
	if srv.TLS == nil {
		srv.Start()
	} else {
		srv.StartTLS()
	}
	t.Cleanup(srv.Close)
	return srv
}

func untouched(l net.Listener) net.Listener { return l }

func ok(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "fine") }

// dial connects to srv with a deadline, so that a test cannot hang.
func dial(t testing.TB, srv *httptest.Server) net.Conn {
	t.Helper()
	addr := srv.Listener.Addr()
	c, err := net.Dial(addr.Network(), addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c
}

// exchange sends raw bytes and returns what it receives until the server closes the connection.
func exchange(t testing.TB, srv *httptest.Server, raw string) string {
	t.Helper()
	c := dial(t, srv)
	_, err := io.WriteString(c, raw)
	require.NoError(t, err)
	return readAll(t, c)
}

func readAll(t testing.TB, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	// A server that closes with unread bytes of the client resets the
	// connection; what it had sent before may still be read.
	var reset *net.OpError
	if !errors.As(err, &reset) || reset.Timeout() {
		require.NoError(t, err)
	}
	return string(b)
}

// document requires that raw is exactly one response with a problem document, and returns both.
func document(t testing.TB, raw string) (*http.Response, map[string]any) {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(raw))
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err, "%q", raw)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err, "%q", raw)
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), "%q", raw)
	assert.Equal(t, int64(len(body)), res.ContentLength)
	assert.Zero(t, in.Buffered(), "bytes follow the response: %q", raw)
	assert.True(t, res.Close, "Connection: close")
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	_, err = http.ParseTime(res.Header.Get("Date"))
	assert.NoError(t, err, "RFC 9110, 6.6.1: a 4xx has a Date")
	var doc map[string]any
	require.NoError(t, json.Unmarshal(body, &doc))
	assert.EqualValues(t, res.StatusCode, doc["status"])
	assert.Equal(t, "about:blank", doc["type"])
	s, known := status.Lookup(res.StatusCode)
	require.True(t, known)
	assert.Equal(t, s.Reason, doc["title"])
	assert.Equal(t, s.String(), res.Status)
	return res, doc
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
