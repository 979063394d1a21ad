package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"
)

// transport2 is a client over HTTP/2 without TLS, which knows its connections.
type transport2 struct {
	http.Transport
	mu    sync.Mutex
	conns []net.Conn
	downs map[string]int64 // by address: what conn.down is
}

func (w *world) newTransport2() *transport2 {
	t := &transport2{downs: make(map[string]int64)}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
	t.DisableCompression = true
	t.ExpectContinueTimeout = 5 * time.Second
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		at := slices.IndexFunc(w.servers, func(s *server) bool { return s.addr == addr })
		down := w.servers[at].down.now()
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			t.mu.Lock()
			t.conns = append(t.conns, c)
			t.downs[addr] = down
			t.mu.Unlock()
		}
		return c, err
	}
	return t
}

// downAt returns whether a server was shutting down when its connection was
// opened, or now if there is none.
func (t *transport2) downAt(s *server) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if down, ok := t.downs[s.addr]; ok {
		return down
	}
	return s.down.now()
}

// cut closes all connections in the middle of whatever they carry.
func (t *transport2) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		_ = c.Close()
	}
	t.conns = nil
}

// do sends a request and returns the response.
func (t *transport2) do(ctx context.Context, addr string, q *request) *response {
	res := new(response)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		if code != http.StatusContinue {
			res.interim = append(res.interim, code)
		}
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, q.method, "http://"+addr+q.path, t.body(q))
	if err != nil {
		res.err = err
		return res
	}
	r.Header.Set(idHeader, q.id)
	for i := 0; i+1 < len(q.fields); i += 2 {
		r.Header.Add(q.fields[i], q.fields[i+1])
	}
	if q.expectContinue {
		r.Header.Set("Expect", "100-continue")
	}
	got, err := t.RoundTrip(r)
	if err != nil {
		res.err, res.unserved = err, isUnserved(err)
		return res
	}
	res.status, res.header = got.StatusCode, got.Header
	res.body, res.err = io.ReadAll(got.Body)
	res.trailer = got.Trailer
	_ = got.Body.Close()
	return res
}

func (t *transport2) body(q *request) io.Reader {
	switch {
	case q.body == nil:
		return nil
	case q.chunked: // of unknown length
		return struct{ io.Reader }{bytes.NewReader(q.body)}
	}
	return bytes.NewReader(q.body)
}

// isUnserved reports whether a server that goes away has not begun a request.
func isUnserved(err error) bool {
	for _, sign := range []string{"connection refused", "GOAWAY", "EOF", "connection reset", "broken pipe", "client connection lost",
		"REFUSED_STREAM", "use of closed", "cannot retry err", "cannot rewind body after connection loss"} {
		if strings.Contains(err.Error(), sign) {
			return true
		}
	}
	return false
}

// orderly2 sends requests over HTTP/2, several at a time on one connection, as an
// orderly client.
func (w *world) orderly2(c *client) {
	t := w.newTransport2()
	defer t.CloseIdleConnections()
	var streams sync.WaitGroup
	for range 4 {
		stream := c.split()
		streams.Go(func() {
			for w.goesOn() {
				s := stream.server()
				q := stream.request("HTTP/2")
				makeRequest(stream.rand, q)
				w.exchange2(s, t, q)
				stream.think()
			}
		})
	}
	streams.Wait()
}

func (w *world) exchange2(s *server, t *transport2, q *request) {
	w.ledger.expect(q)
	w.note(q, nil)
	q.downAt = t.downAt(s)
	res := t.do(context.Background(), s.addr, q)
	w.conclude(s, q, res)
	if res.unserved {
		w.await(s)
	}
}

// await returns when the server accepts connections, or the round is over.
func (w *world) await(s *server) {
	for s.down.now()%2 == 1 && w.goesOn() {
		time.Sleep(5 * time.Millisecond)
	}
}

// rude2 gives streams up, and closes connections with streams on them.
func (w *world) rude2(c *client) {
	t := w.newTransport2()
	defer t.CloseIdleConnections()
	defer t.cut()
	for w.goesOn() {
		var streams sync.WaitGroup
		s := c.server()
		w.await(s)
		for range 8 {
			q := c.request("HTTP/2")
			makeRude(c.rand, q)
			q.kind = "HTTP/2 given up"
			wait := time.Duration(c.rand.IntN(60)) * time.Millisecond
			w.ledger.expect(q)
			w.note(q, nil)
			streams.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), wait)
				defer cancel()
				res := t.do(ctx, s.addr, q)
				res.left, res.unserved = res.cut(), false
				w.ledger.saw(q, res)
			})
		}
		if c.rand.IntN(3) == 0 {
			time.Sleep(time.Duration(c.rand.IntN(40)) * time.Millisecond)
			w.figures.add("faults", "HTTP/2 connections cut by the client")
			t.cut()
		}
		streams.Wait()
		c.think()
	}
}

// makeRude makes a request that is worth being left alone with.
func makeRude(r *rand.Rand, q *request) {
	q.rude = true
	switch r.IntN(9) {
	case 0:
		makeUpload(r, q)
	case 1:
		makeEcho(r, q)
	case 2:
		q.get("/live", 200)
	case 3:
		makeProxied(r, q)
	case 4:
		makeOverdue(r, q)
	case 5:
		q.get("/list?n=2000", 200)
	case 6:
		makeInFlight(r, q)
	case 7:
		makeLimited(r, q, []string{"local", "open", "cost"}[r.IntN(3)])
	default:
		makeLarge(r, q)
	}
	q.expectContinue = false
}
