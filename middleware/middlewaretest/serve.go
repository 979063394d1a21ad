// Package middlewaretest shows tests what a client receives from a handler.
//
// Start with [Serve]. An httptest.ResponseRecorder records what a handler calls;
// Serve returns what net/http's server sends. It does not take an interim 103 for the
// status, a 204 has no body, and the response of a handler that panics is cut short.
//
// Package conformance, below this one, checks responses against the RFCs.
package middlewaretest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
)

// Response is what a client received for one request. Its Body has been read already
// and need not be closed, except for that of a 101, which is the connection.
type Response struct {
	*http.Response
	Interim []Interim // in the order of arrival
}

// Interim is a 1xx response before the final one.
type Interim struct {
	Code   int
	Header http.Header
}

// Serve sends r to h through net/http's server, over HTTP/1.1. It returns after h has
// returned, or after h has hijacked the connection. It follows no redirects and
// decompresses nothing.
//
// R may be made by httptest.NewRequest: the request of h has its RemoteAddr and the
// values of its context, and ends when that context ends. The connection is in memory,
// so that Serve works inside testing/synctest too.
//
// If no response arrives, for example because h panics, Serve returns an error and no
// response. If only a part of it arrives, Serve returns both. Serve is safe for
// concurrent use, as long as each call has a request of its own.
func Serve(h http.Handler, r *http.Request) (*Response, error) {
	server, client := net.Pipe()
	srv, released := startServer(h, context.WithoutCancel(r.Context()), peer{server, address(r.RemoteAddr)})
	res, err := roundTrip(client, r)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		client.Close()
	}
	<-released
	srv.Close()
	return res, err
}

// startServer serves one connection. The channel is closed when the server has closed
// the connection, or when h has hijacked it.
func startServer(h http.Handler, ctx context.Context, c net.Conn) (*http.Server, <-chan struct{}) {
	released := make(chan struct{})
	var once sync.Once
	srv := &http.Server{
		Handler:     h,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				once.Do(func() { close(released) })
			}
		},
	}
	l := &listener{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- c
	go srv.Serve(l)
	return srv, released
}

// roundTrip sends r over the connection. It returns no response only with an error, and
// both if a part of the body is missing.
func roundTrip(c net.Conn, r *http.Request) (*Response, error) {
	tr := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return c, nil },
		DisableCompression: true,
	}
	res := new(Response)
	var err error
	if res.Response, err = tr.RoundTrip(outgoing(r, res)); err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, err
}

// outgoing converts r, which may be a request of a server, to a request of a client,
// whose interim responses are added to res.
func outgoing(r *http.Request, res *Response) *http.Request {
	out := r.Clone(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			res.Interim = append(res.Interim, Interim{code, http.Header(h)})
			return nil
		},
	}))
	out.RequestURI = ""
	out.URL.Scheme = "http"
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if out.URL.Host == "" {
		out.URL.Host = r.Host
	}
	if out.URL.Host == "" {
		out.URL.Host = "example.com"
	}
	return out
}

// listener accepts one connection.
type listener struct {
	conn   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return address("127.0.0.1:80") }

// peer is a connection whose client has an address of the test's choice.
type peer struct {
	net.Conn
	remote net.Addr
}

func (p peer) RemoteAddr() net.Addr { return p.remote }
func (p peer) LocalAddr() net.Addr  { return address("127.0.0.1:80") }

type address string

func (a address) Network() string { return "tcp" }

// String returns the address, or that of httptest.NewRequest if it is empty.
func (a address) String() string {
	if a == "" {
		return "192.0.2.1:1234"
	}
	return string(a)
}
