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

// Options are the settings of [Test] and [Check]. The zero value sends only
// requests that are safe (RFC 9110, section 9.2.1).
type Options struct {
	// Requests are checked one after the other, over each protocol. To a GET
	// belong a HEAD, an OPTIONS, and, over HTTP/1.1, conditional, partial and
	// negotiated requests for the same target. A request whose method is not
	// safe is sent once over each protocol. Nil means a GET.
	Requests []Request

	// Protocols are HTTP11, HTTP10 and HTTP2. Nil means all of them; Check
	// leaves out HTTP2 where the server does not speak it.
	Protocols []string

	// Ignore has the IDs of rules that the service has a reason to break, or
	// that another part of it keeps.
	Ignore []string

	// Timeout is how long one exchange may take. A response that takes longer
	// is checked as far as it came. Zero means 10 seconds.
	Timeout time.Duration

	// MaxBody is how many bytes of a body are read. Of a longer one the header
	// is checked. Zero means 1 MiB.
	MaxBody int64

	// TLS is how Check connects to an https URL. Nil is the default of
	// crypto/tls.
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
		r := &o.Requests[i]
		r.Method, r.Target = cmp.Or(r.Method, http.MethodGet), cmp.Or(r.Target, path)
		if err := r.validate(); err != nil {
			return o, err
		}
	}
	for _, p := range o.Protocols {
		if p != HTTP10 && p != HTTP11 && p != HTTP2 {
			return o, fmt.Errorf("conformance: Protocols: %q is none of %s, %s and %s", p, HTTP10, HTTP11, HTTP2)
		}
	}
	for _, id := range o.Ignore {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
			return o, fmt.Errorf("conformance: Ignore: there is no rule %q", id)
		}
	}
	return o, nil
}

// Check sends requests to the server of a http or https URL and returns the rules
// that its responses break. The path of the URL is the target of requests that
// have none. It sends GET, HEAD and OPTIONS unless the options say otherwise.
//
// The error means that the options are wrong or that the server could not be
// reached; the findings are those up to then. That the server is right in all
// that was seen is an empty list and no error. No redirect is followed. Check is
// safe for concurrent use.
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

// target is a server, and how it is checked.
type target struct {
	options Options
	host    string // as in the Host field
	address string // to dial
	secure  bool
	speaks2 bool // a failure of HTTP/2 is one of the server
}

func (t *target) dialTCP(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: t.options.Timeout}
	return d.DialContext(ctx, "tcp", t.address)
}

// dial connects for HTTP/1.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	conn, err := t.dialTCP(ctx)
	if err != nil || !t.secure {
		return conn, err
	}
	c := t.options.TLS.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	c.NextProtos = []string{"http/1.1"}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(t.address)
	}
	_ = conn.SetDeadline(time.Now().Add(t.options.Timeout))
	secure := tls.Client(conn, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// client sends requests over one protocol.
type client interface {
	// do returns an error if there was no exchange.
	do(context.Context, Request) (*exchange, error)
	hangUp()
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
			c = t.newClient2()
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
		for _, x := range s.exchanges { // the last one may be the fault of the one before
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

// session is what is sent over one protocol.
type session struct {
	client
	protocol  string
	exchanges []*exchange
}

// request sends a request with what belongs to it.
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

// send sends one request, which is plain with another method or header.
func (s *session) send(ctx context.Context, r Request, plain *exchange) (*exchange, error) {
	x, err := s.do(ctx, r)
	if x != nil {
		x.plain = plain
		s.exchanges = append(s.exchanges, x)
	}
	return x, err
}

// head sends the HEAD that belongs to a GET. If they differ, a second GET shows
// whether the resource is one that changes from response to response.
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

// probes returns the further requests for a target of HTTP/1.1, by what a GET got.
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
