package conformance

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Options are the settings of [Test] and [Check]. The zero value checks a GET of one
// target, and sends only requests that are safe (RFC 9110, section 9.2.1).
type Options struct {
	// Requests are sent one after the other, over each protocol. A GET is
	// followed by a HEAD, an OPTIONS and, over HTTP/1.1, conditional, partial and
	// negotiated requests for the same target. Any other request is sent once
	// over each protocol. Nil means one GET.
	Requests []Request

	// Protocols are those to use: HTTP11, HTTP10, HTTP2. Nil means all that the
	// server speaks.
	Protocols []string

	// Ignore has the IDs of rules whose findings are not reported, because the
	// service breaks them for a reason.
	Ignore []string

	// Timeout is how long one exchange may last. A response that lasts longer
	// is checked as far as it arrived. Zero means 10 seconds; a negative value
	// is an error.
	Timeout time.Duration

	// MaxBody is how many bytes of a body are read. The rules about whole bodies
	// pass over a longer one. Zero means 1 MiB; a negative value is an error.
	MaxBody int64

	// TLS configures Check for https URLs. Nil means the default of crypto/tls.
	// Test does not use it.
	TLS *tls.Config
}

// normalize fills in the defaults.
func (o Options) normalize(path string) (Options, error) {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	if o.Timeout < 0 || o.MaxBody < 0 {
		return o, fmt.Errorf("conformance: Timeout %v or MaxBody %d is negative", o.Timeout, o.MaxBody)
	}
	if len(o.Requests) == 0 {
		o.Requests = []Request{{}}
	}
	o.Requests = slices.Clone(o.Requests)
	for i := range o.Requests {
		o.Requests[i] = o.Requests[i].canonical(path)
		if err := o.Requests[i].validate(); err != nil {
			return o, err
		}
	}
	for _, p := range o.Protocols {
		if p != HTTP10 && p != HTTP11 && p != HTTP2 {
			return o, fmt.Errorf("conformance: Protocols: %q is not one of %s, %s and %s", p, HTTP10, HTTP11, HTTP2)
		}
	}
	for _, id := range o.Ignore {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
			return o, fmt.Errorf("conformance: Ignore: there is no rule %q", id)
		}
	}
	return o, nil
}

// Check sends requests to the server of an http or https URL and returns a finding
// for each rule that its responses break. Requests without a target use the path
// and query of the URL. Check sends GET, HEAD and OPTIONS unless the options name
// other methods, and follows no redirect.
//
// A service without faults gets an empty list and a nil error. An error means that
// the options are invalid, that the server could not be reached, or that ctx has
// ended; it wraps the cause, such as a [net.OpError] or [context.Canceled], and the
// list has the findings until then. Check is safe for concurrent use.
func Check(ctx context.Context, address string, o Options) ([]Finding, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("conformance: %q is not an absolute URL of http or https", address)
	}
	o, err = o.normalize(u.RequestURI())
	if err != nil {
		return nil, err
	}
	t := &target{options: o, host: u.Host, secure: u.Scheme == "https"}
	t.address = u.Host
	if u.Port() == "" {
		t.address = net.JoinHostPort(u.Hostname(), u.Scheme)
	}
	return t.check(ctx)
}

// target is a server to check.
type target struct {
	options Options
	host    string // as in the Host field
	address string // to dial
	secure  bool
	speaks2 bool // over HTTP/2 as well: if it does not, that is a fault
}

// dial connects. Over TLS the server has to choose the protocol, which is named as
// in ALPN.
func (t *target) dial(ctx context.Context, protocol string) (net.Conn, error) {
	d := net.Dialer{Timeout: t.options.Timeout}
	conn, err := d.DialContext(ctx, "tcp", t.address)
	if err != nil || !t.secure {
		return conn, err
	}
	c := t.options.TLS.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	c.NextProtos = []string{protocol}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(t.address)
	}
	_ = conn.SetDeadline(time.Now().Add(t.options.Timeout))
	secure := tls.Client(conn, c)
	err = secure.HandshakeContext(ctx)
	if chosen := secure.ConnectionState().NegotiatedProtocol; err == nil && chosen != protocol && protocol == "h2" {
		err = fmt.Errorf("the server chooses the protocol %q in place of %q", chosen, protocol)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// deadline bounds the time for one exchange.
func (t *target) deadline(ctx context.Context, conn net.Conn) {
	until := time.Now().Add(t.options.Timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	_ = conn.SetDeadline(until)
}

// client sends requests over one protocol.
type client interface {
	// do sends a request and reads the response. Faults of the server are part
	// of the exchange; an error means that there was no exchange.
	do(context.Context, Request) (*exchange, error)
	hangUp() // closes the connection, if there is one
}

func (t *target) check(ctx context.Context) ([]Finding, error) {
	var err error
	protocols := t.options.Protocols
	if protocols == nil {
		protocols = []string{HTTP11, HTTP10, HTTP2}
	}
	r := &report{ignore: t.options.Ignore}
	for _, p := range protocols {
		var c client = &client1{target: t, protocol: p}
		if p == HTTP2 {
			c = &client2{target: t}
			if t.options.Protocols == nil && !t.speaks2 && !speaks(ctx, c, t.options.Requests[0]) {
				c.hangUp()
				continue
			}
		}
		s := &session{client: c, protocol: p}
		for _, request := range t.options.Requests {
			if err = s.request(ctx, request); err != nil {
				break
			}
		}
		c.hangUp()
		for _, x := range s.exchanges { // at the end, since an exchange can reveal a fault of the one before
			r.add(x)
		}
		if err != nil {
			return r.found, fmt.Errorf("conformance: %s: %w", p, err)
		}
	}
	return r.found, nil
}

// speaks reports whether the server responds over HTTP/2 at all.
func speaks(ctx context.Context, c client, r Request) bool {
	x, err := c.do(ctx, r.with(http.MethodHead))
	return err == nil && x.final != nil
}

// session has the exchanges over one protocol.
type session struct {
	client
	protocol  string
	exchanges []*exchange
}

// request sends a request and, after a GET, those that the response is compared with.
func (s *session) request(ctx context.Context, r Request) error {
	x, err := s.send(ctx, r, nil)
	if err != nil || r.Method != http.MethodGet {
		return err
	}
	if err := s.head(ctx, x); err != nil {
		return err
	}
	probes := []Request{r.with(http.MethodOptions)}
	if s.protocol == HTTP11 {
		probes = append(probes, s.probes(x)...)
	}
	for _, p := range probes {
		if _, err := s.send(ctx, p, x); err != nil {
			return err
		}
	}
	return nil
}

// send sends one request and notes the exchange. The plain one, if any, is that of the
// same request without the header fields of a probe.
func (s *session) send(ctx context.Context, r Request, plain *exchange) (*exchange, error) {
	x, err := s.do(ctx, r)
	if x != nil {
		x.plain = plain
		s.exchanges = append(s.exchanges, x)
	}
	return x, err
}

// head sends the HEAD for the target of a GET. If the responses differ, a second GET
// shows whether the resource changes from response to response. If it does, the two
// are not compared.
func (s *session) head(ctx context.Context, get *exchange) error {
	x, err := s.send(ctx, get.request.with(http.MethodHead), nil)
	if err != nil {
		return err
	}
	x.get = get
	if len(judgeHead(x)) == 0 {
		return nil
	}
	again, err := s.send(ctx, get.request, nil)
	if err == nil && again.final != nil && get.final != nil && !agree(get.final, again.final) {
		x.get = nil
	}
	return err
}

// probes returns the requests over HTTP/1.1 that follow a GET, by its response.
func (s *session) probes(x *exchange) (all []Request) {
	r := x.request
	m := x.final
	if m == nil || r.Header.Get("Connection") != "" {
		return nil
	}
	add := func(name, value string) {
		if r.Header.Get(name) == "" {
			all = append(all, r.adding(name, value))
		}
	}
	if m.status == 200 {
		if tag := m.header.get("ETag"); entityTag.MatchString(tag) {
			add("If-None-Match", tag)
		} else if date := m.header.get("Last-Modified"); date != "" {
			add("If-Modified-Since", date)
		}
		if m.header.lists("Accept-Ranges", "bytes") && len(m.body) > 1 {
			add("Range", "bytes=0-0")
			add("Range", "bytes=0-0, -1")
			add("Range", fmt.Sprintf("bytes=%d-", len(m.body)+1<<20))
		}
	}
	add("Accept", "application/problem+xml, application/xml;q=0.9, text/html;q=0.8, */*;q=0.1")
	add("Accept-Encoding", "gzip, deflate;q=0.5")
	add("Accept-Language", "de, fr;q=0.9, *;q=0.1")
	add("Connection", "close") // last: it ends the connection
	return all
}
