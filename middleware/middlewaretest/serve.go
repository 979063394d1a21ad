// Package middlewaretest shows a test what a client gets of a handler.
//
// Start with [Serve]. Where httptest.ResponseRecorder notes the calls of a
// handler, it has net/http's server answer: an interim 103 is not taken for
// the status, a 204 has no content, and a handler that panics cuts its answer
// short.
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

// Response is what a client got in answer to one request. Its Body has been
// read from the connection already and needs no Close, except that of a 101,
// which is the connection.
type Response struct {
	*http.Response
	Interim []Interim // in the order of their arrival
}

// Interim is a 1xx that came before the final status.
type Interim struct {
	Code   int
	Header http.Header
}

// Serve has net/http's server answer r with h over HTTP/1.1, and returns after
// the handler has, unless that has hijacked the connection. No redirect is
// followed and nothing decompressed.
//
// R may come from httptest.NewRequest: the handler finds its RemoteAddr and the
// values of its context, and the context ends when that of r does. The
// connection is in memory, so that Serve also works inside testing/synctest.
//
// The error says why the answer did not arrive, or not to its end, for
// instance because the handler panicked. In the latter case the response has
// what came. Serve is safe for concurrent use, with a request for each call.
func Serve(h http.Handler, r *http.Request) (*Response, error) {
	server, client := net.Pipe()
	gone := make(chan struct{}) // the server has let go of the connection
	var once sync.Once
	leave := func() { once.Do(func() { close(gone) }) }
	srv := &http.Server{
		Handler:     h,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(r.Context()) },
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				leave()
			}
		},
	}
	l := &listener{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- peer{server, address(r.RemoteAddr)}
	go srv.Serve(l)

	res := new(Response)
	tr := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return client, nil },
		DisableCompression: true,
	}
	var err error
	res.Response, err = tr.RoundTrip(outgoing(r, res))
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		var body []byte
		body, err = io.ReadAll(res.Body)
		res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(body))
	}
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		client.Close()
	}
	<-gone
	srv.Close()
	if res.Response == nil {
		return nil, err
	}
	return res, err
}

// outgoing returns r, which may be a request as a handler gets it, as a client
// sends it. Interim answers to it go to res.
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

// peer is a connection from a client of the test's choice.
type peer struct {
	net.Conn
	remote net.Addr
}

func (p peer) RemoteAddr() net.Addr { return p.remote }
func (p peer) LocalAddr() net.Addr  { return address("127.0.0.1:80") }

type address string

func (a address) Network() string { return "tcp" }

// String returns what httptest.NewRequest has where the test does not say.
func (a address) String() string {
	if a == "" {
		return "192.0.2.1:1234"
	}
	return string(a)
}
