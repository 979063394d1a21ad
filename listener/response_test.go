package listener_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refused lists requests for each response that the server writes by itself.
var refused = []struct {
	name   string
	raw    string
	code   int
	detail string
}{
	// request line
	{"no HTTP at all", "hello\r\n\r\n", 400, "not well-formed HTTP"},
	{"space in the target", "GET /foo bar HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not well-formed HTTP"},
	{"half an escape", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not well-formed HTTP"},
	{"no such version", "GET / HTTP/one\r\nHost: a\r\n\r\n", 400, "not well-formed HTTP"},
	{"HTTP/2.0 on its own", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "as HTTP/1.1"},
	{"HTTP/0.9 with a version", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, "as HTTP/1.1"},
	// header
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400, "no Host field"},
	{"Host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "not a host name"},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "not well-formed HTTP"},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400, "not well-formed HTTP"},
	{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400, "name of a header field"},
	{"control character", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", 400, "not well-formed HTTP"},
	{"larger than MaxHeaderBytes", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 8<<10) + "\r\n\r\n", 431, "larger than the server accepts"},
	{"unknown expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417, "100-continue"},
	{"unknown expectation, HTTP/1.0", "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", 417, "100-continue"},
	// framing
	{"bad Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "not well-formed HTTP"},
	{"unknown transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer coding"},
	{"two transfer codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501, "transfer coding"},
}

func smallHeaders(srv *httptest.Server) { srv.Config.MaxHeaderBytes = 1 } // the server adds 4 KiB

func TestEveryServerResponseIsAProblem(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		srv := start(t, func(l net.Listener) net.Listener {
			if network == "unix" {
				_ = l.Close()
				var err error
				l, err = net.Listen("unix", filepath.Join(t.TempDir(), "s"))
				require.NoError(t, err)
			}
			return listener.Normalize(l)
		}, ok, smallHeaders)
		for _, tt := range refused {
			t.Run(network+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				res, doc := document(t, exchange(t, srv, tt.raw))
				assert.Equal(t, tt.code, res.StatusCode)
				assert.Contains(t, doc["detail"], tt.detail)
			})
		}
	}
}

// This is what the requests get without the package. If it fails, this version of net/http responds
// in another way, and the package has to follow.
func TestServerAloneSendsPlainTextWithoutADate(t *testing.T) {
	srv := start(t, untouched, ok, smallHeaders)
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(exchange(t, srv, tt.raw))), nil)
			require.NoError(t, err)
			assert.Equal(t, tt.code, res.StatusCode)
			if tt.code == 417 {
				assert.Zero(t, res.ContentLength)
				return
			}
			assert.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
			assert.Empty(t, res.Header.Get("Date"))
			assert.Equal(t, int64(-1), res.ContentLength)
		})
	}
}

func TestLaterRequestsOfAConnectionAreTheSame(t *testing.T) {
	srv := start(t, listener.Normalize, ok, nil)
	const good, bad = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"

	t.Run("one after the other", func(t *testing.T) {
		c := dial(t, srv)
		in := bufio.NewReader(c)
		for range 3 {
			_, _ = io.WriteString(c, good)
			res, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			body, _ := io.ReadAll(res.Body)
			require.Equal(t, "fine", string(body))
		}
		_, _ = io.WriteString(c, bad)
		rest, err := io.ReadAll(in)
		require.NoError(t, err)
		_, doc := document(t, string(rest))
		assert.EqualValues(t, 400, doc["status"])
	})
	t.Run("in one packet", func(t *testing.T) {
		_, rest, found := strings.Cut(exchange(t, srv, good+bad), "\r\n\r\nfine")
		require.True(t, found)
		document(t, rest)
	})
}

func TestARequestLineWithoutAnEndIsIncomplete(t *testing.T) {
	srv := start(t, listener.Normalize, ok, func(s *httptest.Server) { s.Config.ReadHeaderTimeout = 20 * time.Millisecond })
	res, doc := document(t, exchange(t, srv, "GET / HT"))
	assert.Equal(t, 400, res.StatusCode, "net/http's status: it does not distinguish a slow client from a malformed request")
	assert.Contains(t, doc["detail"], "incomplete")
	assert.Empty(t, exchange(t, srv, "GET / HTTP/1.1\r\nHost: a\r\nX: "), "in the header the server only closes the connection")
}

func TestHEADWithAnExpectationGetsNoBody(t *testing.T) {
	srv := start(t, listener.Normalize, ok, nil)
	raw := exchange(t, srv, "HEAD / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")
	head, body, found := strings.Cut(raw, "\r\n\r\n")
	require.True(t, found)
	assert.Contains(t, head, "HTTP/1.1 417 Expectation Failed\r\n")
	assert.Contains(t, head, "Content-Type: application/problem+json")
	assert.Empty(t, body, "RFC 9110, 9.3.2")
}

func TestAClientWithoutTLSAtATLSPortGetsAProblem(t *testing.T) {
	srv := start(t, listener.Normalize, ok, func(s *httptest.Server) { s.TLS = new(tls.Config) })
	res, doc := document(t, exchange(t, srv, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	assert.Equal(t, 400, res.StatusCode)
	assert.Contains(t, doc["detail"], "HTTPS")
}

func TestReportIsCalledForEachResponse(t *testing.T) {
	type report struct {
		client net.Addr
		d      *problem.Details
	}
	reports := make(chan report, 1)
	srv := start(t, listener.Normalizer{Report: func(client net.Addr, d *problem.Details) {
		reports <- report{client, d}
	}}.Wrap, ok, nil)
	c := dial(t, srv)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	document(t, readAll(t, c))
	r := <-reports
	assert.Equal(t, c.LocalAddr().String(), r.client.String())
	assert.Equal(t, 400, r.d.Status)
	assert.EqualError(t, errors.Unwrap(r.d), "net/http: 400 Bad Request: missing required Host header")
}

func TestOneBadClientDoesNotDisturbTheOthers(t *testing.T) {
	srv := start(t, listener.Normalize, ok, nil)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if i%2 == 0 {
				raw := exchange(t, srv, "GET / HTTP/1.1\r\n\r\n")
				assert.Contains(t, raw, "no Host field")
				return
			}
			raw := exchange(t, srv, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			assert.True(t, strings.HasSuffix(raw, "\r\n\r\nfine"), "%q", raw)
		})
	}
	wg.Wait()
}
