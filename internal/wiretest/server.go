// Package wiretest shows tests what a client receives from a handler, through a
// real server of net/http on the loopback interface.
//
// Start with [Get], or with [Start] and [Send] for more than one request to a
// server. [Raw] sends and receives bytes, without a client that would hide some.
package wiretest

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The versions of HTTP that [Start] serves. The ResponseWriters of net/http differ
// in their methods between the two.
const (
	HTTP1 = "HTTP/1.1"
	HTTP2 = "HTTP/2"
)

// Protocols are all versions that [Start] serves.
var Protocols = []string{HTTP1, HTTP2}

// Start serves h until the test ends, over TLS for HTTP/2. The client of the server
// follows no redirects. What the server logs is dropped.
func Start(t testing.TB, protocol string, h http.Handler) *httptest.Server {
	t.Helper()
	return StartLogging(t, protocol, h, io.Discard)
}

// StartLogging is [Start] for a test that reads what the server logs.
func StartLogging(t testing.TB, protocol string, h http.Handler, out io.Writer) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(out, "", 0)
	if protocol == HTTP2 {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	srv.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return srv
}

// Response is what a client received.
type Response struct {
	*http.Response        // never nil
	Text           string // the body, as far as it arrived
	Err            error  // of the request, or of reading the body
	Interim        []Interim
}

// Interim is a 1xx response before the final one.
type Interim struct {
	Code   int
	Header http.Header
}

// InterimCodes returns the status codes of the interim responses.
func (r Response) InterimCodes() (codes []int) {
	for _, i := range r.Interim {
		codes = append(codes, i.Code)
	}
	return codes
}

// Get sends a request to h, through a server of its own. It is a GET of /x without
// header fields of its own, unless change changes that.
func Get(t testing.TB, protocol string, h http.Handler, change ...func(*http.Request)) Response {
	t.Helper()
	return Send(t, Start(t, protocol, h), change...)
}

// Send is [Get] for a server that has been started.
func Send(t testing.TB, srv *httptest.Server, change ...func(*http.Request)) Response {
	t.Helper()
	return send(t, t.Context(), srv, change...)
}

func send(t testing.TB, ctx context.Context, srv *httptest.Server, change ...func(*http.Request)) Response {
	t.Helper()
	var mu sync.Mutex // a request that was given up may still receive something
	var interim []Interim
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			mu.Lock()
			defer mu.Unlock()
			interim = append(interim, Interim{code, http.Header(h)})
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	res, err := srv.Client().Do(req)
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		return Response{&http.Response{Header: http.Header{}}, "", err, interim}
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return Response{res, "", nil, interim} // the body is the connection
	}
	body, err := io.ReadAll(res.Body)
	return Response{res, string(body), err, interim}
}

// Leave sends a request to srv, and leaves before there is a response, when entered is
// closed.
func Leave(t testing.TB, srv *httptest.Server, entered <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if res := send(t, ctx, srv); res.Err == nil {
		t.Fatal("there is a response before the client left")
	}
}

// Method changes the method of a request.
func Method(method string) func(*http.Request) {
	return func(r *http.Request) { r.Method = method }
}

// Path changes the path of a request.
func Path(path string) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path = path }
}

// Field sets a header field of a request.
func Field(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Problem returns the members of the problem document in the response, as JSON. It
// fails the test if there is none, or if its status is another than that of the
// response.
func (r Response) Problem(t testing.TB) map[string]any {
	t.Helper()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type = %q, want a problem document: %s", got, r.Text)
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(r.Text), &members); err != nil {
		t.Fatalf("%v: %s", err, r.Text)
	}
	if members["status"] != float64(r.StatusCode) {
		t.Fatalf("status member = %v, want %d", members["status"], r.StatusCode)
	}
	return members
}

// Raw sends text to h over a connection of HTTP/1, and returns all that comes back
// until the server closes it. [RawRequest] makes a text.
func Raw(t testing.TB, h http.Handler, text string) string {
	t.Helper()
	return SendRaw(t, Start(t, HTTP1, h), text)
}

// SendRaw is [Raw] for a server that has been started.
func SendRaw(t testing.TB, srv *httptest.Server, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(conn) // an aborted response may end in a reset
	return string(all)
}

// Listen calls serve for each connection until the test ends, and then closes the
// connection. It returns the address.
func Listen(t testing.TB, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// RawRequest returns the head of a request over HTTP/1.1, such as "GET /x", after
// whose response the server closes the connection. Each field is a line without its
// end.
func RawRequest(line string, fields ...string) string {
	return line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// StatusCodes returns the status codes of the responses in raw, which [Raw]
// returned. A status line may follow the body of the response before it without a
// line break.
func StatusCodes(raw string) (codes []int) {
	for _, m := range statusLine.FindAllStringSubmatch(raw, -1) {
		code, _ := strconv.Atoi(m[1])
		codes = append(codes, code)
	}
	return codes
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] (\d{3}) `)
