package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// conn is a connection of a client that speaks HTTP/1.1. It is written by hand,
// so that nothing is sent again or read away unseen.
type conn struct {
	net.Conn
	in   *bufio.Reader
	used bool     // for a request before this one
	last *request // before this one

	sending   sync.WaitGroup
	continued bool // the body of the request is sent, or will be
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return &conn{Conn: c, in: bufio.NewReader(c)}, nil
}

// head returns the request line and the header.
func (q *request) head() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\nHost: soak.example\r\n%s: %s\r\n", q.method, q.path, q.proto[:len("HTTP/1.x")], idHeader, q.id)
	for i := 0; i+1 < len(q.fields); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", q.fields[i], q.fields[i+1])
	}
	if q.keepAlive {
		b.WriteString("Connection: keep-alive\r\n")
	}
	if q.close {
		b.WriteString("Connection: close\r\n")
	}
	if q.expectContinue {
		b.WriteString("Expect: 100-continue\r\n")
	}
	switch {
	case q.body != nil && q.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case q.body != nil:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// content returns the body as it is sent.
func (q *request) content() []byte {
	if !q.chunked || q.body == nil {
		return q.body
	}
	var b bytes.Buffer
	for rest := q.body; len(rest) > 0; {
		n := min(len(rest), 5000)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

// do sends a request and returns the response. It sends the body while it reads,
// since a server may respond before it has all of it.
func (c *conn) do(q *request) *response {
	_ = c.SetDeadline(time.Now().Add(patience))
	c.continued = !q.expectContinue
	first := q.head()
	if c.continued {
		first = append(first, q.content()...)
	}
	c.send(first)
	res := c.read(q)
	if res.cut() || res.closes() {
		_ = c.SetWriteDeadline(time.Now()) // it need not be read any more
	}
	c.sending.Wait()
	c.used, c.last = true, q
	return res
}

// send writes in the background what the kernel may have no room for.
func (c *conn) send(text []byte) { c.sending.Go(func() { _, _ = c.Write(text) }) }

// read reads one response, with the interim ones before it. It sends the body when
// that is requested.
func (c *conn) read(q *request) *response {
	res := new(response)
	if _, err := c.in.Peek(1); err != nil {
		res.err, res.unserved = err, !isTimeout(err)
		return res
	}
	for {
		got, err := http.ReadResponse(c.in, &http.Request{Method: q.method})
		switch {
		case err != nil:
			res.err = err
			return res
		case got.StatusCode == http.StatusContinue:
			if !c.continued && q.expectContinue {
				c.continued = true
				c.send(q.content())
			}
		case got.StatusCode < 200 && got.StatusCode != http.StatusSwitchingProtocols:
			res.interim = append(res.interim, got.StatusCode)
		default:
			res.fill(got)
			return res
		}
	}
}

// fill reads a final response to its end.
func (r *response) fill(got *http.Response) {
	r.status, r.header = got.StatusCode, got.Header
	r.closing = got.Close
	if r.upgraded = got.StatusCode == http.StatusSwitchingProtocols; r.upgraded {
		return
	}
	r.endless = got.ContentLength < 0 && len(got.TransferEncoding) == 0
	r.body, r.err = io.ReadAll(got.Body)
	r.trailer = got.Trailer
}

// closes reports whether the server closes the connection behind the response.
func (r *response) closes() bool { return r.closing || r.header.Get("Connection") == "close" }

// rest returns what comes behind the last response of a connection.
func (c *conn) rest() (string, error) {
	data, err := io.ReadAll(c.in)
	if err != nil && !isReset(err) {
		return "", err
	}
	return string(data), nil
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// isReset reports whether the other side closed a connection that had unread
// bytes in it.
func isReset(err error) bool {
	return strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "broken pipe")
}

// reset closes a connection with RST in place of FIN.
func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// readUpTo reads so much of whatever comes, or as much as comes within a while.
func (c *conn) readUpTo(n int) {
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, _ = io.ReadFull(c.in, make([]byte, n))
}

// closeWrite closes the sending half.
func (c *conn) closeWrite() { _ = c.Conn.(*net.TCPConn).CloseWrite() }

// orderly1 sends requests one after the other over HTTP/1.1, as an orderly client.
func (w *world) orderly1(c *client) {
	var open *conn
	defer func() {
		if open != nil {
			w.farewell(c, open)
		}
	}()
	for w.goesOn() {
		s := c.server()
		q := c.request("HTTP/1.1")
		makeRequest(c.rand, q)
		if open == nil || open.RemoteAddr().String() != s.addr || c.rand.IntN(30) == 0 {
			if open != nil {
				w.farewell(c, open)
			}
			open = w.connect(s)
			if open == nil {
				return
			}
		}
		if !w.exchange(s, open, q) {
			_ = open.Close()
			open = nil
		}
		c.think()
	}
}

// oldClient sends requests over HTTP/1.0, some of which keep the connection.
func (w *world) oldClient(c *client) {
	for w.goesOn() {
		s := c.server()
		open := w.connect(s)
		if open == nil {
			return
		}
		for goesOn := true; goesOn; {
			q := c.request("HTTP/1.0")
			kinds := []func(*rand.Rand, *request){makeJSON, makeError, makePlain, makeMux, makeOrder, makeFile, makeConditional}
			kinds[c.rand.IntN(len(kinds))](c.rand, q)
			decorate(c.rand, q)
			q.kind, q.chunked, q.expectContinue = "HTTP/1.0", false, false
			q.keepAlive = c.rand.IntN(3) > 0
			q.close = q.close && !q.keepAlive
			goesOn = w.exchange(s, open, q)
		}
		_ = open.Close()
		c.think()
	}
}

// connect opens a connection, as soon as the server listens.
func (w *world) connect(s *server) *conn {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		if c, err := dial(s.addr); err == nil {
			return c
		}
		if w.over.Load() {
			return nil
		}
	}
	w.figures.violate("%s has not listened for %v", s.name, patience)
	return nil
}

// exchange is exchangeInto for a caller that need not see the response.
func (w *world) exchange(s *server, c *conn, q *request) (open bool) {
	return w.exchangeInto(s, c, q, new(response))
}

// exchangeInto sends a request and fills in the response. It reports whether the
// connection can be used for another one.
func (w *world) exchangeInto(s *server, c *conn, q *request, to *response) (open bool) {
	down := s.down.now()
	used := c.used
	w.ledger.expect(q)
	w.note(q)
	res := c.do(q)
	defer func() { *to = *res }()
	w.conclude(s, q, res, down, used)
	switch {
	case res.cut() || res.upgraded:
		return false
	case c.in.Buffered() > 0:
		w.figures.violate("%v: there are bytes behind the response", q)
		return false
	case q.close && !res.closes():
		w.figures.violate("%v: the connection was to be closed", q)
		return false
	case res.closes():
		if c.continued {
			w.expectEnd(c, q)
		} // otherwise net/http waits for the body of a client that need not send it
		return false
	}
	return true
}

// conclude hands a response to the ledger. A request for which nothing came may
// be sent again if the server was about to close the connection.
func (w *world) conclude(s *server, q *request, res *response, down int64, used bool) {
	if res.unserved {
		closing := s.down.lingers(down)
		res.raced = closing && used
		if !closing && !q.cut && !q.rude {
			w.figures.violate("%v: no response, and the server was not shutting down: %v", q, res.err)
		}
	}
	w.ledger.saw(q, res)
}

// expectEnd waits until the server has closed the connection.
func (w *world) expectEnd(c *conn, q *request) {
	_ = c.SetDeadline(time.Now().Add(patience))
	switch rest, err := c.rest(); {
	case err != nil:
		w.figures.violate("%v: the connection that was to be closed stays open: %v", q, err)
	case rest != "":
		w.figures.violate("%v: behind the last response comes %.200q", q, rest)
	}
}

// farewell closes a connection that is idle, and looks whether anything came
// that was not requested.
func (w *world) farewell(c *client, open *conn) {
	open.closeWrite()
	_ = open.SetDeadline(time.Now().Add(patience))
	if rest, err := open.rest(); rest != "" || err != nil {
		w.figures.violate("an idle connection ends, behind %v, with %.200q and %v", open.last, rest, err)
	}
	_ = open.Close()
}

// pipeliner sends many requests at once, and reads the responses in their order.
func (w *world) pipeliner(c *client) {
	for w.goesOn() {
		s := c.server()
		open := w.connect(s)
		if open == nil {
			return
		}
		for range 1 + c.rand.IntN(4) {
			if !w.batch(s, open, c, 2+c.rand.IntN(30)) {
				break
			}
		}
		_ = open.Close()
		c.think()
	}
}

// batch pipelines n requests that do not close the connection.
func (w *world) batch(s *server, open *conn, c *client, n int) bool {
	down := s.down.now()
	var all []*request
	var text []byte
	for range n {
		q := c.request("HTTP/1.1, pipelined")
		switch c.rand.IntN(5) {
		case 0:
			makeError(c.rand, q)
		case 1:
			makeMux(c.rand, q)
			q.body, q.chunked = nil, false
			if q.method == http.MethodPost {
				makeJSON(c.rand, q)
			}
		case 2:
			makeLarge(c.rand, q)
		default:
			makeJSON(c.rand, q)
		}
		q.kind = "pipelined"
		q.with("X-Forwarded-For", address(c.rand))
		w.ledger.expect(q)
		w.note(q)
		all = append(all, q)
		text = append(text, q.head()...)
	}
	_ = open.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = open.Write(text) }()
	ended := false
	for _, q := range all {
		res := &response{err: io.EOF, unserved: true}
		if !ended {
			res = open.read(q)
		}
		w.conclude(s, q, res, down, true)
		ended = ended || res.cut() || res.closes()
	}
	return !ended
}

// flooder sends requests with ever new keys.
func (w *world) flooder(c *client) {
	for w.goesOn() {
		w.flood(c)
		w.pause(20 * time.Millisecond)
	}
}

// flood pipelines hundreds of requests with new keys.
func (w *world) flood(c *client) {
	s := c.server()
	open := w.connect(s)
	if open == nil {
		return
	}
	defer open.Close()
	down := s.down.now()
	_ = open.SetDeadline(time.Now().Add(patience))
	const n = 300
	var all []*request
	var text []byte
	for range n {
		q := c.request("HTTP/1.1, pipelined")
		q.wantJSON(c.rand, []string{"/json", "/limited/memory", "/limited/memory", "/limited/local"}[c.rand.IntN(4)])
		q.kind, q.status = "flood of keys", []int{200, 429, 503}
		q.with(keyHeader, strconv.FormatUint(c.rand.Uint64(), 36))
		q.with("X-Forwarded-For", address(c.rand))
		w.ledger.expect(q)
		w.note(q)
		w.figures.add("keys", "different ones")
		all = append(all, q)
		text = append(text, q.head()...)
	}
	go func() { _, _ = open.Write(text) }()
	ended := false
	for _, q := range all {
		res := &response{err: io.EOF, unserved: true}
		if !ended {
			res = open.read(q)
		}
		w.conclude(s, q, res, down, true)
		ended = ended || res.cut() || res.closes()
	}
}
