package respond_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// answer sends one request through a real server to h and returns what came
// back, with the whole body.
func answer(t *testing.T, method string, h http.HandlerFunc, fields ...string) (*http.Response, string) {
	t.Helper()
	return ask(t, serve(t, h, false), method, fields...)
}

// answer2 is answer over HTTP/2.
func answer2(t *testing.T, method string, h http.HandlerFunc, fields ...string) (*http.Response, string) {
	t.Helper()
	res, body := ask(t, serve(t, h, true), method, fields...)
	require.Equal(t, 2, res.ProtoMajor)
	return res, body
}

// answer10 is answer over HTTP/1.0, and has no response: the whole text is
// returned, up to the end of the connection.
func answer10(t *testing.T, method string, h http.HandlerFunc) (head, body string) {
	t.Helper()
	srv := serve(t, h, false)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "%s /x HTTP/1.0\r\n\r\n", method)
	all, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	head, body, _ = strings.Cut(string(all), "\r\n\r\n")
	return head, body
}

// serve starts a server that does not log what net/http thinks of a handler.
func serve(t *testing.T, h http.Handler, http2 bool) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if http2 {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	srv.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(srv.Close)
	return srv
}

func ask(t *testing.T, srv *httptest.Server, method string, fields ...string) (*http.Response, string) {
	t.Helper()
	return askFor(t, srv, method, "/x", fields...)
}

func askFor(t *testing.T, srv *httptest.Server, method, path string, fields ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

// logged makes the default logger write to the returned text for one test.
func logged(t *testing.T) fmt.Stringer {
	t.Helper()
	var b buffer
	before := slog.Default()
	slog.SetDefault(slog.New(timeless(&b)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

func timeless(w io.Writer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}

// buffer is a bytes.Buffer for a handler and its test at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// discard is a ResponseWriter that keeps nothing but the header.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// broken is a ResponseWriter whose client has gone.
type broken struct {
	discard
	codes []int
}

var errBroken = errors.New("broken pipe")

func (b *broken) WriteHeader(code int)      { b.codes = append(b.codes, code) }
func (b *broken) Write([]byte) (int, error) { return 0, errBroken }
