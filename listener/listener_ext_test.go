package listener_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// dial connects to srv; no read or write of the test may hang.
func dial(t testing.TB, srv *httptest.Server) net.Conn {
	t.Helper()
	addr := srv.Listener.Addr()
	c, err := net.Dial(addr.Network(), addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c
}

// exchange sends raw bytes and returns everything that comes back until the
// server closes the connection.
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

// document requires that raw is one complete answer with a problem document,
// and nothing behind it, and returns it.
func document(t testing.TB, raw string) (*http.Response, map[string]any) {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(raw))
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err, "%q", raw)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err, "%q", raw)
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), "%q", raw)
	assert.Equal(t, int64(len(body)), res.ContentLength)
	assert.Zero(t, in.Buffered(), "bytes follow the answer: %q", raw)
	assert.True(t, res.Close, "Connection: close")
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	_, err = http.ParseTime(res.Header.Get("Date"))
	assert.NoError(t, err, "RFC 9110, 6.6.1: a 4xx has a Date")
	var doc map[string]any
	require.NoError(t, json.Unmarshal(body, &doc))
	assert.EqualValues(t, res.StatusCode, doc["status"])
	assert.Equal(t, "about:blank", doc["type"])
	s, known := problem.Lookup(res.StatusCode)
	require.True(t, known)
	assert.Equal(t, s.Reason, doc["title"])
	assert.Equal(t, s.String(), res.Status)
	return res, doc
}

// refused has a request for each answer that the server writes by itself.
var refused = []struct {
	name   string
	raw    string
	code   int
	detail string
}{
	// request line
	{"no HTTP at all", "hello\r\n\r\n", 400, "no well-formed HTTP"},
	{"space in the target", "GET /foo bar HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no well-formed HTTP"},
	{"half an escape", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no well-formed HTTP"},
	{"no such version", "GET / HTTP/one\r\nHost: a\r\n\r\n", 400, "no well-formed HTTP"},
	{"HTTP/2.0 on its own", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "as HTTP/1.1"},
	{"HTTP/0.9 with a version", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, "as HTTP/1.1"},
	// header
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400, "no Host field"},
	{"Host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "no host name"},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "no well-formed HTTP"},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400, "no well-formed HTTP"},
	{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400, "name of a header field"},
	{"control character", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", 400, "no well-formed HTTP"},
	{"larger than MaxHeaderBytes", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 8<<10) + "\r\n\r\n", 431, "larger than the server accepts"},
	{"unknown expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417, "100-continue"},
	{"unknown expectation, HTTP/1.0", "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", 417, "100-continue"},
	// framing
	{"bad Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "no well-formed HTTP"},
	{"unknown transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer coding"},
	{"two transfer codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501, "transfer coding"},
}

func smallHeaders(srv *httptest.Server) { srv.Config.MaxHeaderBytes = 1 } // the server adds 4 KiB

func TestEveryAnswerOfTheServerItselfIsAProblem(t *testing.T) {
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

// Without the listener the same requests get something else: if this fails,
// the version of net/http answers by itself in a way that needs a look here.
func TestTheServerItselfAnswersInPlainTextWithoutADate(t *testing.T) {
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

func TestLaterRequestsOfAConnectionAreAnsweredAlike(t *testing.T) {
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

func TestARequestLineThatNeverEndsIsCalledIncomplete(t *testing.T) {
	srv := start(t, listener.Normalize, ok, func(s *httptest.Server) { s.Config.ReadHeaderTimeout = 20 * time.Millisecond })
	res, doc := document(t, exchange(t, srv, "GET / HT"))
	assert.Equal(t, 400, res.StatusCode, "net/http's number: it does not tell a slow client from a wrong one")
	assert.Contains(t, doc["detail"], "incomplete")
	assert.Empty(t, exchange(t, srv, "GET / HTTP/1.1\r\nHost: a\r\nX: "), "later than that the server says nothing")
}

func TestHEADGetsNoContentWithAnUnknownExpectation(t *testing.T) {
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

// The next two hold the boundary that the package documents.

func TestTLSKeepsHTTP2AndTheServersOwnWords(t *testing.T) {
	srv := start(t, listener.Normalize, ok, func(s *httptest.Server) { s.TLS = new(tls.Config); s.EnableHTTP2 = true })
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	_ = res.Body.Close()
	assert.Equal(t, 2, res.ProtoMajor)

	c := tls.Client(dial(t, srv), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	assert.Contains(t, readAll(t, c), "400 Bad Request: missing required Host header")
}

func TestConnectionsOfOtherTypesPassAsTheyAre(t *testing.T) {
	// net/http speaks HTTP/2 only on a *tls.Conn itself, so wrapping one
	// would cost more than it gives.
	pair := httptest.NewUnstartedServer(nil)
	defer pair.Close()
	l := listener.Normalize(tls.NewListener(pair.Listener, &tls.Config{Certificates: []tls.Certificate{{}}}))
	go func() { // ends with the dial
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			_ = c.Close()
		}
	}()
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	assert.IsType(t, (*tls.Conn)(nil), c)
}

// own is what the server writes by itself: exactly these bytes, here sent by
// handlers. They have to arrive as they were sent.
const own = "HTTP/1.1 400 Bad Request: missing required Host header\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Connection: close\r\n\r\n400 Bad Request: missing required Host header"

func TestWhatAHandlerSendsIsNeverTouched(t *testing.T) {
	const ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	const bare = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	upstream := start(t, untouched, ok, nil)
	tests := []struct {
		name string
		raw  string
		h    http.HandlerFunc
		want string // what the client must find at the end
	}{
		{"a body with a length, flushed in between", ask, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(2*len(own)))
			for range 2 {
				_, _ = io.WriteString(w, own)
				_ = http.NewResponseController(w).Flush()
			}
		}, "\r\n\r\n" + own + own},
		{"a body with a length, header flushed before", ask, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(own)))
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, own)
		}, "\r\n\r\n" + own},
		{"a body through ReadFrom", ask, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(own)))
			_ = http.NewResponseController(w).Flush()
			_, _ = io.Copy(w, strings.NewReader(own))
		}, "\r\n\r\n" + own},
		{"a chunk", ask, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, own)
		}, fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\n\r\n", len(own), own)},
		{"an answer without Date, Content-Length and chunks", ask, func(w http.ResponseWriter, r *http.Request) {
			// As close to the server's own bytes as a handler can come:
			// these are the same.
			w.Header()["Date"] = nil
			w.Header().Set("Transfer-Encoding", "identity")
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(400)
			_, _ = io.WriteString(w, "400 Bad Request")
			_ = http.NewResponseController(w).Flush()
		}, bare},
		{"a handler's own 417", ask, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			w.WriteHeader(417)
		}, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"a hijacked connection", ask, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = fmt.Fprintf(c, "%s", own)
				_ = c.Close()
			}
		}, own},
		{"a hijacked connection, another goroutine", ask, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				go func() { // ends with the write
					_, _ = io.WriteString(c, toTLSPort)
					_ = c.Close()
				}()
			}
		}, toTLSPort},
		{"a proxy that streams", ask, func(w http.ResponseWriter, r *http.Request) {
			p := httputil.NewSingleHostReverseProxy(must(url.Parse(upstream.URL)))
			p.FlushInterval = -1
			p.ModifyResponse = func(res *http.Response) error {
				res.Body = io.NopCloser(io.MultiReader(strings.NewReader(own), strings.NewReader(own)))
				res.ContentLength = int64(2 * len(own))
				res.Header.Set("Content-Length", strconv.Itoa(2*len(own)))
				return nil
			}
			p.ServeHTTP(w, r)
		}, "\r\n\r\n" + own + own},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			told := func(net.Addr, *problem.Details) { t.Error("reported as an answer of the server itself") }
			srv := start(t, listener.Normalizer{Report: told}.Wrap, tt.h, nil)
			got := exchange(t, srv, tt.raw)
			assert.True(t, strings.HasSuffix(got, tt.want), "got %q", got)
		})
	}
}

const toTLSPort = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCleartextHTTP2StaysAsItIs(t *testing.T) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := start(t, listener.Normalize, func(w http.ResponseWriter, r *http.Request) {
		// Larger than the buffer of the framer, so that some write begins
		// inside the content.
		_, _ = io.WriteString(w, strings.Repeat(own, 500))
	}, func(s *httptest.Server) { s.Config.Protocols = &protocols })

	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &h2}}
	defer client.CloseIdleConnections()
	res, err := client.Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, 2, res.ProtoMajor)
	assert.Equal(t, strings.Repeat(own, 500), string(body))
	document(t, exchange(t, srv, "GET / HTTP/1.1\r\n\r\n"))
}

// Sendfile and splice happen in the ReadFrom of a TCP connection. The source
// of this copy looks who reads it.
func TestReadFromReachesTheTCPConnection(t *testing.T) {
	seen := make(chan string, 1)
	srv := start(t, listener.Normalize, func(w http.ResponseWriter, r *http.Request) {
		const size = 1 << 20
		w.Header().Set("Content-Length", strconv.Itoa(size))
		src := &witness{left: size}
		_, _ = io.Copy(w, src)
		seen <- src.stack
	}, nil)
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	assert.Equal(t, int64(1<<20), n)
	stack := <-seen
	assert.Contains(t, stack, "net.(*TCPConn).ReadFrom")
	assert.NotContains(t, stack, "net/http.(*chunkWriter).Write")
}

// witness is a source of zeros that remembers the stack of its last read.
type witness struct {
	left  int
	stack string
}

func (s *witness) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.stack = string(stackOf())
	n := min(len(p), s.left)
	s.left -= n
	return n, nil
}

func stackOf() []byte {
	b := make([]byte, 16<<10)
	return b[:runtime.Stack(b, false)]
}

func TestAFileArrivesWhole(t *testing.T) {
	want := bytes.Repeat([]byte(own), 10_000)
	name := filepath.Join(t.TempDir(), "f.txt")
	require.NoError(t, os.WriteFile(name, want, 0o600))
	srv := start(t, listener.Normalize, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }, nil)
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got))
}

func TestConnectionsKeepTheMethodsOfTheirType(t *testing.T) {
	got := make(chan net.Conn, 1)
	srv := start(t, listener.Normalize, ok, func(s *httptest.Server) {
		s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { got <- c; return ctx }
	})
	dial(t, srv)
	c := <-got
	assert.Implements(t, (*io.ReaderFrom)(nil), c, "sendfile, and splice into it")
	assert.Implements(t, (*io.WriterTo)(nil), c, "splice out of it")
	assert.Implements(t, (*interface{ CloseWrite() error })(nil), c, "net/http closes with it, so that a 431 is read")
	assert.Implements(t, (*interface{ SetNoDelay(bool) error })(nil), c)
	base, isBase := c.(interface{ NetConn() net.Conn })
	require.True(t, isBase)
	assert.IsType(t, (*net.TCPConn)(nil), base.NetConn())
}

func TestReportHearsOfEachAnswer(t *testing.T) {
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

// limiting is a listener around ours, whose connections count what they write.
type limiting struct{ net.Listener }

type counting struct {
	net.Conn
	written int
}

func (l limiting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &counting{Conn: c}, err
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written += n
	return n, err
}

func TestAnotherListenerMayStandAround(t *testing.T) {
	srv := start(t, func(l net.Listener) net.Listener { return limiting{listener.Normalize(l)} }, ok, nil)
	document(t, exchange(t, srv, "GET / HTTP/1.1\r\n\r\n"))
}

func TestNormalizeNeedsAListener(t *testing.T) {
	assert.PanicsWithValue(t, "listener: Wrap needs a listener", func() { listener.Normalize(nil) })
}

func TestAcceptReportsTheErrorOfTheInnerListener(t *testing.T) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	wrapped := listener.Normalize(l)
	assert.Equal(t, l.Addr(), wrapped.Addr())
	require.NoError(t, wrapped.Close())
	_, err := wrapped.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}
