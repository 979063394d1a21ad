package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// vanisher goes away in the middle of a request or of a response, with FIN or
// RST.
func (w *world) vanisher(c *client) {
	for _, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		makeRude(c.rand, q)
		decorate(c.rand, q)
		text := append(q.head(), q.sentBody()...)
		q.kind = []string{"vanishes in its request", "vanishes in the handler", "vanishes in the response"}[c.rand.IntN(3)]
		w.ledger.expect(q)
		w.note(q, open)
		if q.kind == "vanishes in its request" {
			text = text[:c.rand.IntN(len(text))]
		}
		go func() { _, _ = open.Write(text) }()
		time.Sleep(time.Duration(c.rand.IntN(30)) * time.Millisecond)
		if q.kind == "vanishes in the response" {
			open.readUpTo(1 + c.rand.IntN(3000))
		}
		w.vanish(c, open)
		w.ledger.saw(q, &response{left: true, err: io.ErrUnexpectedEOF})
		c.think()
	}
}

// vanish closes a connection with FIN or RST.
func (w *world) vanish(c *client, open *conn) {
	if c.rand.IntN(2) == 0 {
		w.figures.add("faults", "RST by a client")
		open.reset()
		return
	}
	w.figures.add("faults", "FIN by a client")
	_ = open.Close()
}

// halfCloser closes its sending half when it has sent the request, as nc does,
// and expects the response all the same.
func (w *world) halfCloser(c *client) {
	for s, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		makeHalfClosed(c.rand, q)
		w.ledger.expect(q)
		w.note(q, open)
		sent := make(chan struct{})
		go func() {
			_, _ = open.Write(append(q.head(), q.sentBody()...))
			open.closeWrite()
			close(sent)
		}()
		w.figures.add("faults", "half-close by a client")
		open.continued = true
		res := open.read(q)
		w.conclude(s, q, res)
		if !res.cut() {
			w.expectEnd(open, q)
		}
		_ = open.Close()
		<-sent
		c.think()
	}
}

func makeHalfClosed(r *rand.Rand, q *request) {
	switch r.IntN(4) {
	case 0:
		makeEcho(r, q)
		q.expectContinue = false
	case 1:
		makeError(r, q)
	case 2:
		makeLarge(r, q)
	default:
		makeSlow(r, q)
	}
	q.kind, q.halfCloses = "half-closed", true
	decorate(r, q)
}

// slowReader reads little at a time, and in the end all of it.
func (w *world) slowReader(c *client) {
	for s, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		n := 1_000_000 + c.rand.IntN(2_000_000)
		q.get(fmt.Sprintf("/big?n=%d", n), 200)
		q.checkBody = wantBytes(pattern(n))
		q.kind = "slow reader"
		open.in.Reset(&slowly{open, time.Millisecond, 32 << 10})
		if !w.exchange(s, open, q) {
			_ = open.Close()
			continue
		}
		w.farewell(c, open)
	}
}

// slowly reads at most so many bytes at a time, with a pause before each.
type slowly struct {
	io.Reader
	pause time.Duration
	most  int
}

func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.Reader.Read(p[:min(len(p), s.most)])
}

// staller requests a large body, reads a little of it, and then nothing until the
// server closes the connection.
func (w *world) staller(c *client) {
	for _, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		q.rude = true
		q.get([]string{"/big?n=30000000", "/live", "/proxy/big?n=30000000"}[c.rand.IntN(3)], 200)
		q.kind = "stalls in the response"
		w.ledger.expect(q)
		w.note(q, open)
		w.figures.add("faults", "client that does not read")
		_, _ = open.Write(q.head())
		open.readUpTo(1000)
		w.pause(2 * readTimeout)
		_ = open.Close()
		w.ledger.saw(q, &response{left: true, err: io.ErrUnexpectedEOF})
	}
}

// slowWriter sends a body in pieces. It ends in time, or it gets the 503 of the
// Timeout around the handler.
func (w *world) slowWriter(c *client) {
	for s, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		body := pattern(1 + c.rand.IntN(maxBody))
		q.post("/echo", "application/octet-stream", body, 200)
		q.checkBody = wantPayload(payload{Size: int64(len(body)), Sum: digest(body)})
		q.kind = "slow writer"
		q.chunked = c.rand.IntN(2) == 0
		text := q.sentBody()
		if c.rand.IntN(3) == 0 {
			q.kind, q.status, q.stalls = "stalls in its request", []int{503}, true
			text = text[:len(text)/2]
		}
		w.ledger.expect(q)
		w.note(q, open)
		w.figures.add("faults", "client that writes slowly")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			open.writeSlowly(append(q.head(), text...))
		}()
		res := open.read(q)
		w.conclude(s, q, res)
		_ = open.Close()
		<-sent
	}
}

// writeSlowly writes in pieces, until there are no more or the connection ends.
func (c *conn) writeSlowly(text []byte) {
	for len(text) > 0 {
		n := min(len(text), 4000)
		if _, err := c.Write(text[:n]); err != nil {
			return
		}
		text = text[n:]
		time.Sleep(10 * time.Millisecond)
	}
}

// halfOpener holds connections on which nothing comes, or half of a header.
func (w *world) halfOpener(c *client) {
	for w.goesOn() {
		var held []*conn
		s := c.server()
		for i := range 10 {
			open := w.connect(s)
			if open == nil {
				return
			}
			w.figures.add("faults", "half-open connection")
			if i%2 == 0 {
				_, _ = io.WriteString(open, "GET /json HTTP/1.1\r\nHost: soak.exam")
			}
			held = append(held, open)
		}
		for _, open := range held {
			_ = open.SetDeadline(time.Now().Add(patience))
			if rest, err := open.rest(); err != nil {
				w.figures.violate("%s keeps a connection on which no request comes: %v", s.name, err)
			} else if strings.HasPrefix(rest, "HTTP/1.1 2") {
				w.figures.violate("half of a request has a response: %.200q", rest)
			}
			_ = open.Close()
		}
	}
}

// malformed are requests that no handler gets, and the status that net/http has
// for each.
var malformed = []struct {
	text string
	code int
}{
	{"GET / HTTP/1.1\r\n\r\n", 400}, // no Host
	{"GET /\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", 400},
	{"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
	{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20+8<<10) + "\r\n\r\n", 431},
}

// talker sends malformed requests. Behind package listener the response is a
// problem.
func (w *world) talker(c *client) {
	for w.goesOn() {
		s := c.server()
		row := malformed[c.rand.IntN(len(malformed))]
		down := s.down.now()
		open := w.connect(s)
		if open == nil {
			return
		}
		w.figures.add("faults", "malformed request")
		go func() { _, _ = io.WriteString(open, row.text) }()
		res := open.read(&request{method: http.MethodGet})
		switch {
		case res.cut() && s.down.lingers(down), res.cut() && row.code == 431: // a reset may overtake it
		case res.cut():
			w.figures.violate("no response to %.60q: %v", row.text, res.err)
		case res.status != row.code:
			w.figures.violate("status %d for %.60q, want %d", res.status, row.text, row.code)
		case s.normalize && res.header.Get("Content-Type") != problem.MediaType:
			w.figures.violate("%.60q has the Content-Type %q", row.text, res.header.Get("Content-Type"))
		default:
			w.figures.add("responses without a handler", statusRow(res.status))
		}
		_ = open.Close()
		c.think()
	}
}

// listenerTo follows a stream until the server ends it, or leaves after a while.
func (w *world) listenerTo(c *client) {
	for s, open := range w.connections(c) {
		q := c.request("HTTP/1.1")
		q.get("/live", 200)
		q.kind = "live events"
		q.checkBody = func(res *response) error {
			return q.must(strings.HasSuffix(string(res.body), "event: bye\ndata: bye\n\n"), "the stream has no end")
		}
		w.ledger.expect(q)
		w.note(q, open)
		if c.rand.IntN(2) == 0 { // leaves
			q.rude, q.kind = true, "leaves live events"
			_, _ = open.Write(q.head())
			open.readUpTo(4000)
			_ = open.Close()
			w.ledger.saw(q, &response{left: true, err: context.Canceled})
			w.pause(100 * time.Millisecond)
			continue
		}
		_, _ = open.Write(q.head())
		_ = open.SetDeadline(time.Time{}) // until the server shuts down
		w.conclude(s, q, open.read(q))
		_ = open.Close()
	}
}
