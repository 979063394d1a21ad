package model_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
)

const (
	firstPath  = "/first"
	secondPath = "/second"
	secondBody = "the second response"
)

// A response is what a client received for one request.
type response struct {
	interim []int
	status  int // 0 if none came
	header  http.Header
	body    string
	trailer http.Header
	err     string // why it is not whole, or none
	raw     string // as it was on the wire; for HTTP/2 in the manner of HTTP/1
}

// whole reports whether there is a response that came to its end.
func (r *response) whole() bool { return r.err == "" && r.status != 0 }

// isDelimited reports whether the end of the body differs for a client from that of
// the connection.
func (r *response) isDelimited() bool {
	return r.status == 204 || r.status == 304 || strings.HasPrefix(r.raw, "HTTP/2") || r.header.Get("Content-Length") != "" || strings.Contains(r.raw, "\r\nTransfer-Encoding: chunked\r\n")
}

// A run is what can be observed of a scenario.
type run struct {
	first    response
	second   *response // nil if there was none
	rest     string    // what came behind the last response
	machine  machine
	tape     *tape // nil for the yardstick
	logged   string
	files    []string    // temporary ones that were left
	returned bool        // the layers returned to net/http
	served   int         // requests that the program was run for
	finished atomic.Bool // the program is over
	left     bool        // the client left before the program was over
	open     bool        // the connection, when the client has waited long enough
	sent     bool        // the body, if the client waited with it
}

// serve runs the scenario, with the yardstick's layers if t is nil. It has to
// be called in a synctest bubble.
func serve(s *scenario, t *tape) *run {
	out := &run{tape: t}
	var logged lockedBuffer
	srv := &http.Server{Handler: out.handler(s, t), ErrorLog: log.New(&logged, "", 0), Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	l := wiretest.NewPipes()
	go func() { _ = srv.Serve(l) }()
	dial := func() *conn {
		client, server := newConns()
		if s.sendfile {
			l.Pass(readerFromConn{server})
		} else {
			l.Pass(server)
		}
		return client
	}
	if s.protocol == http2 {
		out.exchange2(s, dial)
	} else {
		out.exchange1(s, dial())
	}
	synctest.Wait()
	_ = srv.Close()
	time.Sleep(time.Second) // net/http lingers for half of it
	if s.makes(opWait) {
		time.Sleep(patience)
	}
	synctest.Wait()
	out.logged = logged.String()
	out.files = leftFiles()
	return out
}

// leftFiles returns, and removes, what net/http keeps of an upload.
func leftFiles() (names []string) {
	entries, _ := os.ReadDir(os.TempDir())
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "multipart-") {
			names = append(names, e.Name())
			_ = os.Remove(os.TempDir() + "/" + e.Name())
		}
	}
	return names
}

// handler returns the program inside the layers.
func (out *run) handler(s *scenario, t *tape) http.Handler {
	program := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != firstPath {
			_, _ = io.WriteString(w, secondBody)
			return
		}
		out.served++
		out.machine.control, out.machine.strict = s.has(foreign), t != nil && s.refuses101()
		defer out.finished.Store(true)
		err := out.machine.run(w, r, s.calls)
		if t != nil {
			t.returns(err)
		}
	})
	h := around(s.layers, t, program)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		if r.URL.Path == firstPath {
			out.returned = true
			if out.finished.Load() && !out.machine.after {
				out.machine.runLate()
			}
		}
	})
}

// exchange1 sends the requests over HTTP/1.
func (out *run) exchange1(s *scenario, c *conn) {
	head, content := s.lines()
	if s.request.expect {
		_, _ = io.WriteString(c, head)
		synctest.Wait()
		if !expectsBody(c) {
			out.parse(s, c)
			return
		}
		head, out.sent = "", true
	}
	_, _ = io.WriteString(c, head+string(content)+s.secondLines())
	out.parse(s, c)
}

// expectsBody reports whether the server has sent a 100, or nothing at all. If the final
// response is there instead, a client need not send its body.
func expectsBody(c *conn) bool {
	data, ended := c.in.taken()
	text := string(data)
	for strings.HasPrefix(text, "HTTP/1.1 1") && !strings.HasPrefix(text, "HTTP/1.1 101") {
		if strings.HasPrefix(text, "HTTP/1.1 100 ") {
			return true
		}
		_, text, _ = strings.Cut(text, "\r\n\r\n")
	}
	return text == "" && !ended
}

// lines returns the first request: its head, and its body as it is sent.
func (s *scenario) lines() (head string, content []byte) {
	content, contentType := s.request.body()
	version := "1.1"
	lines := []string{"Host: example.com"}
	switch s.protocol {
	case http11Close:
		lines = append(lines, "Connection: close")
	case http10:
		version = "1.0"
	case http10KeepAlive:
		version = "1.0"
		lines = append(lines, "Connection: keep-alive")
	}
	if s.accept != "" {
		lines = append(lines, "Accept: "+s.accept)
	}
	lines = append(lines, s.extra...)
	if s.request.expect {
		lines = append(lines, "Expect: 100-continue")
	}
	switch {
	case s.request.chunked:
		lines = append(lines, "Content-Type: "+contentType, "Transfer-Encoding: chunked")
		content = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(content), content)
	case len(content) > 0 || s.request.method == "POST":
		lines = append(lines, "Content-Type: "+contentType, fmt.Sprintf("Content-Length: %d", len(content)))
	}
	return fmt.Sprintf("%s %s HTTP/%s\r\n%s\r\n\r\n", s.request.method, firstPath, version, strings.Join(lines, "\r\n")), content
}

func (s *scenario) secondLines() string {
	switch s.protocol {
	case http11:
		return "GET " + secondPath + " HTTP/1.1\r\nHost: example.com\r\n\r\n"
	case http10KeepAlive:
		return "GET " + secondPath + " HTTP/1.0\r\nHost: example.com\r\nConnection: keep-alive\r\n\r\n"
	}
	return ""
}

// parse reads what the server has sent until it waits.
func (out *run) parse(s *scenario, c *conn) {
	synctest.Wait()
	if s.makes(opWait) {
		time.Sleep(patience)
		synctest.Wait()
	}
	out.goOn(s)
	data, ended := c.in.taken()
	data, out.open = bytes.Clone(data), !ended
	out.left = !out.finished.Load()
	_ = c.Close()
	var rest []byte
	out.first, rest = parseResponse(data, s.request.method)
	if out.first.whole() && len(rest) > 0 {
		second, left := parseResponse(rest, "GET")
		out.second, rest = &second, left
	}
	out.rest = string(rest)
}

// patience is how long a client waits at most, by the clock of the bubble: longer
// than any program. One of HTTP/2 that has got an error may not send the body
// that the handler reads.
const patience = 30 * 24 * time.Hour

// goOn makes the calls of a goroutine that the handler has left. With net/http
// alone they would be wrong: only what has begun, and is ours, refuses them.
func (out *run) goOn(s *scenario) {
	m := &out.machine
	if out.tape != nil && out.finished.Load() && m.after && m.began && !m.hijacked && s.has(guarding) {
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			m.runLate()
		}()
		<-done
	}
}

// parseResponse reads one response, with the interim ones before it.
func parseResponse(data []byte, method string) (res response, rest []byte) {
	src := bytes.NewReader(data)
	in := bufio.NewReader(src)
	used := func() int { return len(data) - src.Len() - in.Buffered() }
	for {
		got, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			if len(data) > 0 || err != io.ErrUnexpectedEOF {
				res.err = err.Error()
			}
			res.raw = string(data)
			return res, nil
		}
		if got.StatusCode >= 100 && got.StatusCode <= 199 && got.StatusCode != http.StatusSwitchingProtocols {
			res.interim = append(res.interim, got.StatusCode)
			continue
		}
		res.status, res.header = got.StatusCode, got.Header
		if got.StatusCode != http.StatusSwitchingProtocols {
			content, err := io.ReadAll(got.Body)
			res.body, res.trailer = string(content), got.Trailer
			if err != nil {
				res.err = err.Error()
			}
		}
		res.raw = string(data[:used()])
		return res, data[used():]
	}
}

// exchange2 sends the requests over HTTP/2.
func (out *run) exchange2(s *scenario, dial func() *conn) {
	tr := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return dial(), nil },
		DisableCompression: true, Protocols: new(http.Protocols), ExpectContinueTimeout: time.Second,
	}
	tr.Protocols.SetUnencryptedHTTP2(true)
	content, contentType := s.request.body()
	var body io.Reader
	if len(content) > 0 {
		body = bytes.NewReader(content)
	}
	if s.request.chunked {
		body = struct{ io.Reader }{bytes.NewReader(content)}
	}
	start := time.Now()
	out.first = send2(tr, s.request.method, firstPath, body, func(r *http.Request) {
		if body != nil {
			r.Header.Set("Content-Type", contentType)
		}
		for _, line := range s.extra {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		if s.accept != "" {
			r.Header.Set("Accept", s.accept)
		}
		if s.request.expect {
			r.Header.Set("Expect", "100-continue")
		}
	})
	out.left = time.Since(start) >= patience
	out.goOn(s)
	second := send2(tr, "GET", secondPath, nil, func(*http.Request) {})
	out.second = &second
	tr.CloseIdleConnections()
}

// send2 sends one request over HTTP/2.
func send2(tr *http.Transport, method, path string, body io.Reader, change func(*http.Request)) (res response) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var raw strings.Builder
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		res.interim = append(res.interim, code)
		fmt.Fprintf(&raw, "HTTP/2 %d\r\n%s\r\n", code, headerLines(http.Header(h)))
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, method, "http://example.com"+path, body)
	change(req)
	got, err := tr.RoundTrip(req)
	if err != nil {
		res.err = withoutStream(err)
		res.raw = raw.String() + "(" + res.err + ")"
		return res
	}
	content, err := io.ReadAll(got.Body)
	_ = got.Body.Close()
	res.status, res.header, res.body, res.trailer = got.StatusCode, got.Header, string(content), got.Trailer
	fmt.Fprintf(&raw, "HTTP/2 %d\r\n%s\r\n%s", res.status, headerLines(res.header), res.body)
	if len(res.trailer) > 0 {
		fmt.Fprintf(&raw, "\r\n%s", headerLines(res.trailer))
	}
	if err != nil {
		res.err = withoutStream(err)
		fmt.Fprintf(&raw, "(%s)", res.err)
	}
	res.raw = raw.String()
	return res
}

// withoutStream is the text of an error; the number of a stream may differ.
func withoutStream(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "stream ID "); ok {
		_, text, _ = strings.Cut(after, "; ")
	}
	return text
}

func headerLines(h http.Header) string {
	var lines []string
	for name, values := range h {
		for _, v := range values {
			lines = append(lines, name+": "+v+"\r\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// lockedBuffer collects what a server logs.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
