package listener_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
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
	"testing"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first two tests are about what the package documents that it does not do.

func TestTLSKeepsHTTP2AndTheServersText(t *testing.T) {
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

func TestOtherConnectionsPassUnchanged(t *testing.T) {
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

// own lists responses with exactly the bytes that the server writes by itself. Handlers send them,
// so they have to arrive unchanged.
const own = "HTTP/1.1 400 Bad Request: missing required Host header\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Connection: close\r\n\r\n400 Bad Request: missing required Host header"

func TestWhatAHandlerSendsIsNeverTouched(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	const bare = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	upstream := start(t, untouched, ok, nil)
	tests := []struct {
		name string
		raw  string
		h    http.HandlerFunc
		want string // what the client must find at the end
	}{
		{"a body with a length, flushed in between", request, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(2*len(own)))
			for range 2 {
				_, _ = io.WriteString(w, own)
				_ = http.NewResponseController(w).Flush()
			}
		}, "\r\n\r\n" + own + own},
		{"a body with a length, header flushed before", request, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(own)))
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, own)
		}, "\r\n\r\n" + own},
		{"a body through ReadFrom", request, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(own)))
			_ = http.NewResponseController(w).Flush()
			_, _ = io.Copy(w, strings.NewReader(own))
		}, "\r\n\r\n" + own},
		{"a chunk", request, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, own)
		}, fmt.Sprintf("\r\n%x\r\n%s\r\n0\r\n\r\n", len(own), own)},
		{"a response without Date, Content-Length and chunks", request, func(w http.ResponseWriter, r *http.Request) {
			// As close to the server's own bytes as a handler can come:
			// these are the same.
			w.Header()["Date"] = nil
			w.Header().Set("Transfer-Encoding", "identity")
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(400)
			_, _ = io.WriteString(w, "400 Bad Request")
			_ = http.NewResponseController(w).Flush()
		}, bare},
		{"a handler's own 417", request, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			w.WriteHeader(417)
		}, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"a hijacked connection", request, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = fmt.Fprintf(c, "%s", own)
				_ = c.Close()
			}
		}, own},
		{"a hijacked connection, another goroutine", request, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				go func() { // ends with the write
					_, _ = io.WriteString(c, toTLSPort)
					_ = c.Close()
				}()
			}
		}, toTLSPort},
		{"a proxy that streams", request, func(w http.ResponseWriter, r *http.Request) {
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
			report := func(net.Addr, *problem.Details) { t.Error("reported as a response of the server") }
			srv := start(t, listener.Normalizer{Report: report}.Wrap, tt.h, nil)
			got := exchange(t, srv, tt.raw)
			assert.True(t, strings.HasSuffix(got, tt.want), "got %q", got)
		})
	}
}

const toTLSPort = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

func TestCleartextHTTP2PassesUnchanged(t *testing.T) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := start(t, listener.Normalize, func(w http.ResponseWriter, r *http.Request) {
		// Larger than the buffer of the framer, so that some write begins
		// inside the body.
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

// The ReadFrom method of a TCP connection uses sendfile and splice. The source of this copy records
// who reads it.
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

// witness is a source of zeros that records the stack of its last read.
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

func TestAFileArrivesComplete(t *testing.T) {
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

// limiting wraps the listener of this package. Its connections count the bytes they write.
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

func TestAnotherListenerMayWrapTheResult(t *testing.T) {
	srv := start(t, func(l net.Listener) net.Listener { return limiting{listener.Normalize(l)} }, ok, nil)
	document(t, exchange(t, srv, "GET / HTTP/1.1\r\n\r\n"))
}

func TestNormalizePanicsOnNil(t *testing.T) {
	assert.PanicsWithValue(t, "listener: Wrap: the listener is nil", func() { listener.Normalize(nil) })
}

func TestAcceptReportsTheErrorOfTheInnerListener(t *testing.T) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	wrapped := listener.Normalize(l)
	assert.Equal(t, l.Addr(), wrapped.Addr())
	require.NoError(t, wrapped.Close())
	_, err := wrapped.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}
