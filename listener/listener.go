package listener

import (
	"net"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Normalize returns a listener whose connections answer with problem documents
// where an [net/http.Server] would answer by itself. It is a [Normalizer]
// without settings.
func Normalize(l net.Listener) net.Listener { return Normalizer{}.Wrap(l) }

// Normalizer is [Normalize], tuned. The zero value is ready to use.
type Normalizer struct {
	// Report is told of each answer, after it was sent: the address of the
	// client, and the problem, whose cause is the text that net/http would
	// have sent. No access log of a middleware has these. Any client can
	// cause as many as it can open connections. Report is called from the
	// goroutine of the connection, so from several at once. Nil means that
	// nobody is told.
	Report func(client net.Addr, d *problem.Details)
}

// Wrap returns a listener that accepts what l accepts. Connections of type
// [*net.TCPConn] and [*net.UnixConn] answer with problem documents and have a
// method NetConn that returns the connection of l; any other, such as one of
// package crypto/tls, is returned as it is. So l has to be the innermost
// listener: wrap the result to limit or count connections, not l.
//
// Panics if l is nil.
func (n Normalizer) Wrap(l net.Listener) net.Listener {
	if l == nil {
		panic("listener: Wrap needs a listener")
	}
	return &normalizing{Listener: l, settings: n}
}

type normalizing struct {
	net.Listener
	settings Normalizer
}

func (l *normalizing) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return c, err
	}
	switch c := c.(type) {
	case *net.TCPConn:
		return &tcpConn{c, &l.settings}, nil
	case *net.UnixConn:
		return &unixConn{c, &l.settings}, nil
	}
	return c, nil
}

// tcpConn embeds the very type, not an interface: only so does it have each
// method that net/http, crypto/tls and io.Copy look for, also unexported ones.
type tcpConn struct {
	*net.TCPConn
	settings *Normalizer
}

func (c *tcpConn) Write(p []byte) (int, error) { return c.settings.write(c.TCPConn, p) }

// NetConn returns the connection that the inner listener accepted.
func (c *tcpConn) NetConn() net.Conn { return c.TCPConn }

type unixConn struct {
	*net.UnixConn
	settings *Normalizer
}

func (c *unixConn) Write(p []byte) (int, error) { return c.settings.write(c.UnixConn, p) }

// NetConn returns the connection that the inner listener accepted.
func (c *unixConn) NetConn() net.Conn { return c.UnixConn }

func (n *Normalizer) write(c net.Conn, p []byte) (int, error) {
	a, ok := recognise(p)
	if !ok || calledByServe() != a.writer {
		return c.Write(p)
	}
	d := a.problem()
	if _, err := c.Write(a.encode(d)); err != nil {
		return 0, err
	}
	if n.Report != nil {
		n.Report(c.RemoteAddr(), d)
	}
	return len(p), nil // the caller counts its own bytes
}
