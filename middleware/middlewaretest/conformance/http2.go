package conformance

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
)

// client2 sends requests over HTTP/2. Frames and HPACK are net/http's to read:
// what it refuses is a fault, and what it passes over is not seen.
type client2 struct {
	*target
	transport *http.Transport
}

func (t *target) newClient2() *client2 {
	tr := &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return t.dialTCP(ctx) },
		TLSClientConfig:     t.options.TLS.Clone(),
		TLSHandshakeTimeout: t.options.Timeout,
		DisableCompression:  true,
		Protocols:           new(http.Protocols),
	}
	if t.secure {
		if tr.TLSClientConfig == nil {
			tr.TLSClientConfig = &tls.Config{}
		}
		tr.Protocols.SetHTTP2(true)
	} else {
		tr.Protocols.SetUnencryptedHTTP2(true)
	}
	return &client2{t, tr}
}

func (c *client2) hangUp() { c.transport.CloseIdleConnections() }

func (c *client2) do(ctx context.Context, req Request) (*exchange, error) {
	x := &exchange{request: req, protocol: HTTP2}
	within, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	res, err := c.transport.RoundTrip(c.outgoing(within, req, x))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case isTimeout(err):
		x.fault("no-response", fmt.Sprintf("nothing came within %v", c.options.Timeout))
	case err != nil && strings.Contains(err.Error(), "PROTOCOL_ERROR"):
		x.fault("malformed", withoutStream(err))
	case err != nil:
		x.fault("no-response", withoutStream(err))
	}
	if err != nil {
		return x, nil
	}
	defer res.Body.Close()
	m := &message{version: HTTP2, status: res.StatusCode, header: sorted(res.Header)}
	m.bodyless = req.Method == http.MethodHead || m.status == 204 || m.status == 304
	m.body, err = io.ReadAll(io.LimitReader(res.Body, c.options.MaxBody+1))
	m.trailer = sorted(res.Trailer)
	x.final, x.cut = m, int64(len(m.body)) > c.options.MaxBody
	switch {
	case err == nil && m.bodyless && len(m.body) > 0:
		x.stray(fmt.Sprintf("%q", m.body))
	case isTimeout(err):
		x.cut = true
	case err != nil && strings.Contains(err.Error(), "Content-Length"):
		x.fault("length-exceeded", withoutStream(err))
	case err != nil:
		x.fault("incomplete", withoutStream(err))
	}
	return x, ctx.Err()
}

// outgoing returns the request as net/http's client sends it.
func (c *client2) outgoing(ctx context.Context, req Request, x *exchange) *http.Request {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			x.interim = append(x.interim, &message{version: HTTP2, status: code, header: sorted(http.Header(h))})
			return nil
		},
	})
	scheme := "http"
	if c.secure {
		scheme = "https"
	}
	var body io.Reader
	if req.Body != "" {
		body = strings.NewReader(req.Body)
	}
	address := scheme + "://" + c.host + req.Target
	if req.Target == "*" {
		address = scheme + "://" + c.host
	}
	r, err := http.NewRequestWithContext(ctx, req.Method, address, body)
	if err != nil { // validate has looked at all of it
		panic(err)
	}
	if req.Target == "*" {
		r.URL.Path, r.URL.Opaque = "", "*"
	}
	r.Header.Set("User-Agent", userAgent)
	for name, values := range req.Header {
		if !strings.EqualFold(name, "Connection") {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return r
}

// sorted returns a header by name; the order of its lines is lost.
func sorted(h http.Header) (all fields) {
	for name, values := range h {
		for _, v := range values {
			all = append(all, field{name, v})
		}
	}
	slices.SortStableFunc(all, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return all
}

// withoutStream is the message of an error without the number of a stream.
func withoutStream(err error) string {
	_, rest, ok := strings.Cut(err.Error(), "stream ID ")
	if _, text, found := strings.Cut(rest, "; "); ok && found {
		return text
	}
	return err.Error()
}
