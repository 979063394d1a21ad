package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/problem"
)

// server is a net/http server that can shut down gracefully and come back at the
// same address.
type server struct {
	name      string
	addr      string
	normalize bool // inside package listener
	service   *service
	figures   *figures

	http    *http.Server
	down    spell // from the beginning of a shutdown until it listens again
	mu      sync.Mutex
	states  map[net.Conn]http.ConnState
	refused atomic.Int64 // requests that package listener has responded to
}

// listen starts the server at an address of its own.
func (s *server) listen() error {
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		return err
	}
	s.addr, s.states = l.Addr().String(), make(map[net.Conn]http.ConnState)
	s.start(l)
	return nil
}

func (s *server) start(l net.Listener) {
	if s.normalize {
		l = listener.Normalizer{Report: func(net.Addr, *problem.Details) { s.refused.Add(1) }}.Wrap(l)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler: s.service, Protocols: protocols, ReadHeaderTimeout: readTimeout, IdleTimeout: 3 * time.Second,
		ConnState: s.note, ErrorLog: log.New(errorLog{s.figures}, "", 0),
	}
	s.service.enter()
	s.http.RegisterOnShutdown(s.service.leave)
	go func(h *http.Server) { _ = h.Serve(l) }(s.http)
}

func (s *server) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.figures.add("connections", s.name)
		s.states[c] = state
	case http.StateClosed, http.StateHijacked:
		delete(s.states, c)
	default:
		s.states[c] = state
	}
}

// open returns how many connections the server has, by their states.
func (s *server) open() map[http.ConnState]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := make(map[http.ConnState]int)
	for _, state := range s.states {
		n[state]++
	}
	return n
}

// shutdown lets what has begun end, and cuts nothing.
func (s *server) shutdown() {
	s.down.begin()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.figures.violate("%s: Shutdown: %v; connections left: %v", s.name, err, s.open())
		_ = s.http.Close()
	}
	s.figures.longest("graceful shutdown", time.Since(began))
}

// restart shuts down, and comes back a while later.
func (s *server) restart(absent time.Duration) error {
	s.shutdown()
	time.Sleep(absent)
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.start(l)
	s.down.end()
	return nil
}

// errorLog counts what net/http logs. Some of it means that a handler did what it
// must not, or that a panic has passed the chain.
type errorLog struct{ figures *figures }

func (e errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	for _, fault := range []string{"superfluous", "panic serving", "declared Content-Length", "hijacked connection", "Unsolicited"} {
		// A ReverseProxy that could not write its 101 tries a 502 on the connection that it has taken over.
		if strings.Contains(text, fault) && !strings.Contains(text, "httputil.(*ReverseProxy)") {
			e.figures.violate("net/http has logged: %.2000s", text)
		}
	}
	e.figures.add("log lines of net/http", logRow(text))
	return len(line), nil
}

// logRow leaves out what differs in each line.
func logRow(text string) string {
	if before, after, ok := strings.Cut(text, "127.0.0.1:"); ok {
		_, after, _ = strings.Cut(after, ":")
		text = before + "…" + after
	}
	text, _, _ = strings.Cut(text, "\n")
	return text[:min(len(text), 80)]
}
