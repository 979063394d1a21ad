package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// conn is a connection of a client that speaks HTTP/1.1. It is written by hand,
// so that nothing is sent again or read away unseen.
type conn struct {
	net.Conn
	in   *bufio.Reader
	used bool      // for a request before this one
	idle time.Time // when the server may have begun to wait for the next request
	down int64     // whether the server was shutting down, for spell.touched
	last *request  // before this one

	sending   sync.WaitGroup
	continued bool // the body of the request is sent, or will be
}

func dial(addr string) (*conn, error) {
	began := time.Now() // since the server may serve before this goes on
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return &conn{Conn: c, in: bufio.NewReader(c), idle: began}, nil
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

// sentBody returns the body as it is sent.
func (q *request) sentBody() []byte {
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
		first = append(first, q.sentBody()...)
	}
	c.send(first)
	res := c.read(q)
	if res.cut() || res.closes() {
		_ = c.SetWriteDeadline(time.Now()) // it need not be read any more
	}
	c.sending.Wait()
	c.used, c.last, c.idle = true, q, q.sentAt
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
				c.send(q.sentBody())
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

// line is a connection to a server that is opened again when it has ended. It
// is not safe for concurrent use.
type line struct {
	world  *world
	server *server
	conn   *conn
}

// lines returns one to each of the servers.
func (w *world) lines(to []*server) (all []*line) {
	for _, s := range to {
		all = append(all, &line{world: w, server: s})
	}
	return all
}

// do sends a request and returns the response. It returns nil if the server does
// not listen and the round is over.
func (l *line) do(q *request) *response {
	if l.conn == nil {
		if l.conn = l.world.connect(l.server); l.conn == nil {
			return nil
		}
	}
	res := new(response)
	if !l.world.exchangeInto(l.server, l.conn, q, res) {
		l.close()
	}
	return res
}

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

func closeAll(lines []*line) {
	for _, l := range lines {
		l.close()
	}
}
