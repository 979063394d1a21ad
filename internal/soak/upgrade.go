package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// upgrader takes the connection over, and speaks until it or the server ends.
func (w *world) upgrader(c *client) {
	for s, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		q.upgrade("/hijack")
		if c.rand.IntN(4) == 0 {
			q.fields, q.upgrades, q.status = nil, false, []int{426}
			q.kind = "upgrade refused"
		}
		w.ledger.expect(q)
		w.note(q, open)
		res := open.do(q)
		if res.upgraded {
			_ = w.speak(q, open, c.rand.IntN(20)) // the server may end it
		}
		w.conclude(s, q, res)
		_ = open.Close()
		c.think()
	}
}

// upgrade requests another protocol.
func (q *request) upgrade(path string) {
	q.get(path, 101)
	q.kind, q.upgrades = "upgrade", true
	q.with("Connection", "Upgrade")
	q.with("Upgrade", "soak")
}

// speak sends n lines, and expects each of them to come back. It returns an
// error when the connection has ended.
func (w *world) speak(q *request, open *conn, n int) error {
	for range n {
		_ = open.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(open, "line\n"); err != nil {
			return err
		}
		line, err := open.in.ReadString('\n')
		if err != nil {
			return err
		}
		if line != "line\n" {
			w.figures.violate("%v: the connection carries %q", q, line)
		}
	}
	return nil
}

// tunneler upgrades its connection to the server behind the ReverseProxy, and
// leaves in one of many ways.
func (w *world) tunneler(c *client) {
	for s, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		q.upgrade("/proxy/tunnel")
		q.kind, q.proxied = "upgrade through the proxy", true
		switch c.rand.IntN(5) {
		case 0:
			w.tunnelUnseen(c, open, q)
		case 1:
			q.path += "?as=other" // a protocol that was not requested
			q.kind, q.upgrades, q.status = "upgrade through the proxy, to another protocol", false, []int{502}
			w.exchange(s, open, q)
		default:
			w.ledger.expect(q)
			w.note(q, open)
			res := open.do(q)
			if res.upgraded {
				w.tunnel(c, open, q)
			}
			w.conclude(s, q, res)
		}
		_ = open.Close()
		c.think()
	}
}

// tunnelUnseen leaves before the upgrade, or in the middle of it.
func (w *world) tunnelUnseen(c *client, open *conn, q *request) {
	q.kind, q.rude = "upgrade through the proxy, vanishes before it", true
	w.ledger.expect(q)
	w.note(q, open)
	_, _ = open.Write(q.head())
	time.Sleep(c.upTo(10))
	w.vanish(c, open)
	w.ledger.saw(q, &response{left: true, err: io.ErrUnexpectedEOF})
}

// tunnel speaks through an upgraded connection, in some cases for longer than
// the Timeout around the proxy, and ends it.
func (w *world) tunnel(c *client, open *conn, q *request) {
	ended := w.speak(q, open, 1+c.rand.IntN(20))
	if ended == nil && c.rand.IntN(4) == 0 {
		w.pause(readTimeout + readTimeout/4)
		ended = w.speak(q, open, 1)
		q.kind += ", longer than the Timeout"
	}
	if ended != nil {
		w.figures.violate("%v: the tunnel has ended: %v", q, ended)
		return
	}
	switch c.rand.IntN(4) {
	case 0:
		q.kind += ", vanishes in the middle of a line"
		_, _ = io.WriteString(open, "li")
		w.vanish(c, open)
	case 1:
		q.kind += ", half-closes"
		open.closeWrite()
		w.expectEnd(open, q)
	case 2:
		q.kind += ", ended by the server behind it"
		_, _ = io.WriteString(open, "quit\n")
		w.expectEnd(open, q)
	default:
		q.kind += ", vanishes with a response under way"
		_, _ = io.WriteString(open, "line\nline\nline\n")
		w.vanish(c, open)
	}
}

// hijack sends back each line until the client or the server ends.
func (s *service) hijack(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.Header.Get("Upgrade") != "soak" {
		respond.Error(w, http.StatusUpgradeRequired, problem.Upgrade("soak"))
		return
	}
	ending := s.ending()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		respond.Fail(w, r, err)
		return
	}
	defer conn.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-ending:
			_ = conn.Close()
		case <-stop:
		}
	}()
	repeat(conn, rw, "soak")
}

// repeat switches to a protocol in which each line comes back, until one is to
// quit.
func repeat(conn net.Conn, rw *bufio.ReadWriter, protocol string) {
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + protocol + "\r\nConnection: Upgrade\r\n\r\n")
	for rw.Flush() == nil {
		_ = conn.SetDeadline(time.Now().Add(patience))
		line, err := rw.ReadString('\n')
		if err != nil || line == "quit\n" {
			return
		}
		_, _ = rw.WriteString(line)
	}
}

// serveTunnel upgrades to the protocol that is requested, or to another one.
func serveTunnel(w http.ResponseWriter, r *http.Request) {
	protocol := r.Header.Get("Upgrade")
	if as := r.URL.Query().Get("as"); as != "" {
		protocol = as
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "no connection to tunnel through", http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	repeat(conn, rw, protocol)
}
