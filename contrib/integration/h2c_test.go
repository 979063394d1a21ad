package integration_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/middleware"
)

// h2c starts h on a server that also serves HTTP/2 without TLS, and returns a client
// that uses only that.
func h2c(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	both, only := new(http.Protocols), new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	only.SetUnencryptedHTTP2(true)
	srv := httptest.NewUnstartedServer(h)
	srv.Listener = listener.Normalize(srv.Listener)
	srv.Config.Protocols = both
	srv.Config.ErrorLog = discard
	srv.Start()
	t.Cleanup(srv.Close)
	tr := &http.Transport{Protocols: only}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}, srv.URL
}

// Cleartext HTTP/2 needs only a setting of the server. Package listener may wrap a
// listener for both protocols; it replaces the errors of HTTP/1.
func TestH2CIsServedByTheChain(t *testing.T) {
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	c, url := h2c(t, s.chain(middleware.Timeout(time.Minute)(streams())))
	do := func(path string) exchange {
		r, err := http.NewRequest("GET", url+path, nil)
		require.NoError(t, err)
		return s.send(c, r)
	}
	e := do("/orders/7")
	assert.Equal(t, "HTTP/2.0", e.Proto)
	assert.Equal(t, "an order", e.body)
	assert.Equal(t, "abc", do("/trailer").Trailer.Get("Checksum"))
	for path, code := range map[string]int{"/nowhere": 404, "/panics": 500, "/fails": 500, "/plain": 503} {
		s.isProblem(do(path), code)
	}
	e = do("/cut")
	assert.Equal(t, "begun", e.body)
	assert.Error(t, e.readErr)

	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "this is not a request\r\n\r\n")
	require.NoError(t, err)
	b, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Contains(t, string(b), "application/problem+json")
}
