package listener

import (
	"net"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Normalize returns a listener for an [net/http.Server]. On its connections, the responses that
// the server writes by itself are replaced by problem documents. Use a [Normalizer] to be
// notified of them.
//
// Normalize panics if l is nil.
func Normalize(l net.Listener) net.Listener { return Normalizer{}.Wrap(l) }

// Normalizer is [Normalize] with settings. The zero value is ready to use.
type Normalizer struct {
	// Report, if not nil, is called after each response that was replaced, with the
	// address of the client and the problem. The cause of the problem is the text that
	// net/http would have sent. The access log of a middleware has no record of such a
	// request. Report is called concurrently, from the goroutines of the connections. A
	// client can cause a call with each connection that it opens, so bound what Report
	// logs.
	Report func(client net.Addr, d *problem.Details)
}

// Wrap returns a listener that accepts the connections of l. It wraps those of type
// [*net.TCPConn] and [*net.UnixConn], and adds a method NetConn that returns the connection
// of l. Other connections, such as those of crypto/tls, are returned unchanged. Therefore l has
// to be the innermost listener: to limit or count connections, wrap the result.
//
// Wrap panics if l is nil.
func (n Normalizer) Wrap(l net.Listener) net.Listener {
	if l == nil {
		panic("listener: Wrap: the listener is nil")
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

// tcpConn embeds the concrete type and not an interface. So it has all methods that net/http,
// crypto/tls and io.Copy look for, including the unexported ones.
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

// write writes p to c or, if p is a response of the server, a problem document.
func (n *Normalizer) write(c net.Conn, p []byte) (int, error) {
	r, ok := recognize(p)
	if !ok || calledByServe() != r.writer {
		return c.Write(p)
	}
	d := r.problem()
	if _, err := c.Write(r.encode(d)); err != nil {
		return 0, err
	}
	if n.Report != nil {
		n.Report(c.RemoteAddr(), d)
	}
	return len(p), nil // the caller compares this with the length of p
}
