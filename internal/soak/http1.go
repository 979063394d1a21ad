package main

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

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
	for s, open := range w.connections(c) {
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

// connections opens connections to servers, one after another, until the round is
// over or a server does not listen.
func (w *world) connections(c *client) iter.Seq2[*server, *conn] {
	return func(yield func(*server, *conn) bool) {
		for w.goesOn() {
			s := c.server()
			if open := w.connect(s); open == nil || !yield(s, open) {
				return
			}
		}
	}
}

// connect opens a connection, as soon as the server listens.
func (w *world) connect(s *server) *conn {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		down := s.down.now()
		if c, err := dial(s.addr); err == nil {
			c.down = down
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
	w.ledger.expect(q)
	w.note(q, c)
	res := c.do(q)
	defer func() { *to = *res }()
	w.conclude(s, q, res)
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
func (w *world) conclude(s *server, q *request, res *response) {
	if res.status == http.StatusBadRequest && q.isStale() && !slices.Contains(q.status, res.status) {
		res.unserved, res.err = true, errors.New("the request line came too late")
	}
	if res.unserved {
		closing := s.down.lingers(q.downAt) || q.isStale()
		res.raced = closing && q.reused
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
	for s, open := range w.connections(c) {
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
	var all []*request
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
		all = append(all, q)
	}
	return w.pipeline(s, open, all)
}

// pipeline sends requests at once, and reads the responses in their order. It
// reports whether the connection can be used for more.
func (w *world) pipeline(s *server, open *conn, all []*request) bool {
	var text []byte
	for _, q := range all {
		w.ledger.expect(q)
		w.note(q, open)
		q.reused = true // by those before it
		text = append(text, q.head()...)
	}
	_ = open.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = open.Write(text) }()
	var ended error
	for _, q := range all {
		res := &response{err: ended, unserved: true}
		if ended == nil {
			res = open.read(q)
		}
		w.conclude(s, q, res)
		if ended == nil && (res.cut() || res.closes()) {
			ended = fmt.Errorf("the connection has ended behind %v, with %v", q, res)
		}
	}
	return ended == nil
}
