package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// forwarder is one address for whichever Redis is in charge, as a load balancer
// or a name in the DNS is.
type forwarder struct {
	addr     string
	listener net.Listener

	mu     sync.Mutex
	target string
	flows  map[*flow]struct{}
}

// flow is a connection that goes through.
type flow struct {
	in, out net.Conn
	silent  atomic.Bool // what arrives goes nowhere
}

func startForwarder(target string) (*forwarder, error) {
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		return nil, err
	}
	f := &forwarder{addr: l.Addr().String(), listener: l, target: target, flows: make(map[*flow]struct{})}
	go f.serve()
	return f, nil
}

func (f *forwarder) serve() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		target := f.target
		f.mu.Unlock()
		out, err := net.Dial("tcp", target)
		if err != nil {
			_ = in.Close()
			continue
		}
		w := &flow{in: in, out: out}
		if !f.add(w, target) {
			continue
		}
		go f.copy(w, in, out)
		go f.copy(w, out, in)
	}
}

// add notes a new flow, unless the address leads to another target meanwhile.
func (f *forwarder) add(w *flow, target string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.target != target {
		_, _ = w.in.Close(), w.out.Close()
		return false
	}
	f.flows[w] = struct{}{}
	return true
}

func (f *forwarder) copy(w *flow, to, from net.Conn) {
	defer f.end(w)
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if w.silent.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}

func (f *forwarder) end(w *flow) {
	_ = w.in.Close()
	_ = w.out.Close()
	f.mu.Lock()
	delete(f.flows, w)
	f.mu.Unlock()
}

// silence forwards nothing more, and leaves the connections open.
func (f *forwarder) silence(w *flow) { w.silent.Store(true) }

// point sends new connections to target, and calls old for those that there are.
func (f *forwarder) point(target string, old func(*forwarder, *flow)) {
	f.mu.Lock()
	f.target = target
	var flows []*flow
	for w := range f.flows {
		flows = append(flows, w)
	}
	f.mu.Unlock()
	for _, w := range flows {
		old(f, w)
	}
}

func (f *forwarder) close() {
	_ = f.listener.Close()
	f.point("", (*forwarder).end)
}
