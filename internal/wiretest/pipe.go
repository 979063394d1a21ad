package wiretest

import (
	"net"
	"sync"
)

// Pipes is a listener for connections in memory, which follow the clock in a bubble of
// testing/synctest. [NewPipes] returns one.
type Pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipes returns a listener without connections.
func NewPipes() *Pipes {
	return &Pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to p. Nothing is buffered: a client that does not read blocks the
// server at once.
func (p *Pipes) Dial() net.Conn {
	server, client := net.Pipe()
	p.Pass(server)
	return client
}

// Pass passes the server's end of a connection to Accept. It waits until the server
// accepts the connection or has closed p.
func (p *Pipes) Pass(server net.Conn) {
	select {
	case p.conns <- server:
	case <-p.closed:
		_ = server.Close()
	}
}

// Accept implements net.Listener.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *Pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
