package middleware_test

import (
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// protocols are the two shapes of ResponseWriter that net/http has.
var protocols = []string{"HTTP/1.1", "HTTP/2"}

// start serves h over HTTP/1.1, or over HTTP/2 and TLS. What the server logs is
// kept out of the test's output.
func start(t testing.TB, protocol string, h http.Handler) *httptest.Server {
	t.Helper()
	return startLogging(t, protocol, h, io.Discard)
}

// startLogging is start with a place for what the server logs.
func startLogging(t testing.TB, protocol string, h http.Handler, out io.Writer) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(out, "", 0)
	if protocol == "HTTP/2" {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	srv.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return srv
}

// answer is what a client got.
type answer struct {
	*http.Response
	body string
	err  error // of the request, or of reading the body
}

// get sends one request to h through a server of its own.
func get(t testing.TB, protocol string, h http.Handler, change ...func(*http.Request)) answer {
	t.Helper()
	srv := start(t, protocol, h)
	return ask(t, srv, change...)
}

func ask(t testing.TB, srv *httptest.Server, change ...func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/x", nil)
	require.NoError(t, err)
	for _, c := range change {
		c(req)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		return answer{&http.Response{Header: http.Header{}}, "", err}
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return answer{res, "", nil} // the body is the connection
	}
	body, err := io.ReadAll(res.Body)
	return answer{res, string(body), err}
}

func method(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }

func field(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// problemOf decodes a problem document, and fails if it is none.
func problemOf(t testing.TB, a answer) map[string]any {
	t.Helper()
	require.NoError(t, a.err)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), a.body)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &doc), a.body)
	require.EqualValues(t, a.StatusCode, doc["status"])
	return doc
}

// wire sends text over a connection to h and returns all that comes back until
// the server closes it.
func wire(t testing.TB, h http.Handler, text string) string {
	t.Helper()
	srv := start(t, "HTTP/1.1", h)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	all, _ := io.ReadAll(conn) // an aborted answer may end in a reset
	return string(all)
}

// request11 is the head of a request after whose answer the server closes.
func request11(line string, fields ...string) string {
	return line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// statuses returns the status codes of the answers in what came over a wire. A
// second answer may begin in the line in which the content of the first ends.
func statuses(wire string) (codes []int) {
	for _, m := range statusLine.FindAllStringSubmatch(wire, -1) {
		code, _ := strconv.Atoi(m[1])
		codes = append(codes, code)
	}
	return codes
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] (\d{3}) `)

// logged collects what is logged, one line per record.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// logger returns a logger and what it writes, without the time.
func logger() (*slog.Logger, *logged) {
	l := new(logged)
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}})), l
}

// quiet is for tests that do not look at the log.
var quiet = slog.New(slog.DiscardHandler)

var quietLog = log.New(io.Discard, "", 0)

// recorder returns what a handler needs to be called without a server.
func recorder() (*httptest.ResponseRecorder, *http.Request) {
	return httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
}

// plainWrapper is the wrapper that most tutorials show: it hides all that the
// base can do, but has Unwrap.
func plainWrapper(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrapping{w}, r) })
}

type unwrapping struct{ http.ResponseWriter }

func (u unwrapping) Unwrap() http.ResponseWriter { return u.ResponseWriter }
