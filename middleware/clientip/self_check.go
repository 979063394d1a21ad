package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
)

// SelfCheck returns a Source that returns what source returns, and reports the usual
// mistakes in its configuration. It calls report once for each [Mistake], when more
// than half of 64 requests in a row show it ([SingleClient]: all of 1024). A report
// is a suspicion: a service without public clients rightly has an [InternalClient],
// and on a quiet one the probes of a load balancer look like a [MissingField].
//
// The goroutine that serves the request calls report, so that must not block. The
// Source uses constant memory, starts no goroutine, and is safe for concurrent use.
// Each Source that SelfCheck returns counts separately, so make one and use it
// everywhere.
//
// SelfCheck panics if source or report is nil.
func SelfCheck(source Source, report func(Suspicion)) Source {
	if source == nil || report == nil {
		panic("clientip: SelfCheck: source or report is nil")
	}
	var c selfCheck
	return func(r *http.Request) netip.Addr {
		client := source(r)
		for _, s := range c.observe(diagnose(r, client)) {
			if s.Mistake != 0 {
				report(s)
			}
		}
		return client
	}
}

// A Mistake is a usual mistake in the configuration of a [Source], or of the proxies
// in front of the server.
type Mistake int

const (
	// UntrustedProxy means that forwarding fields arrive, but the peer counts as
	// the client. All clients of that proxy share one address.
	UntrustedProxy Mistake = iota + 1

	// MissingField means that the client is unknown, and no known forwarding
	// field arrives.
	MissingField

	// UnusableField means that the client is unknown although a forwarding field
	// arrives. The source may read another field, or the field may break its
	// grammar, as Forwarded does with an IPv6 address that is not quoted.
	UnusableField

	// NamelessPeer means that the client is unknown and the peer has no address.
	NamelessPeer

	// InternalClient means that the address of the client is loopback, private,
	// shared or link-local.
	InternalClient

	// SingleClient means that all requests come from one client.
	SingleClient

	mistakes = int(SingleClient) + 1
)

// String describes the mistake and where to look, in one sentence.
func (m Mistake) String() string {
	switch m {
	case UntrustedProxy:
		return "forwarding fields arrive from a peer that is not trusted: if it is your proxy, add its prefix"
	case MissingField:
		return "a trusted peer sends no known forwarding field: let the proxy set it, or trust fewer prefixes"
	case UnusableField:
		return "a forwarding field arrives, but it is not the one that is read, it breaks its grammar (IPv6 in Forwarded has to be quoted and in brackets), or it names no address outside the trusted prefixes"
	case NamelessPeer:
		return "the peer has no address: set UnixSocket for a Unix domain socket, otherwise look for middleware that overwrites RemoteAddr"
	case InternalClient:
		return "clients have internal addresses: trust the proxy at that address, or let the network preserve client addresses"
	case SingleClient:
		return "every request comes from one client: it may be a proxy that is not trusted"
	}
	return fmt.Sprintf("Mistake(%d)", int(m))
}

// A Suspicion is a mistake with its evidence: the latest request that shows it.
type Suspicion struct {
	Mistake Mistake
	Peer    netip.Addr // the peer; zero for a Unix domain socket
	Client  netip.Addr // the result of the source; zero if unknown
	Field   string     // the name of a forwarding field; empty if no known one arrived
}

// String describes s without text from a client, so it is safe to log.
func (s Suspicion) String() string {
	field := s.Field
	if field == "" {
		field = "none"
	}
	return fmt.Sprintf("%v (peer %v, client %v, field %s)", s.Mistake, s.Peer, s.Client, field)
}

const (
	checkWindow = 64   // requests that are judged together
	checkStreak = 1024 // requests from one address that are too many
)

// forwardingFields are what proxies and CDNs write, in canonical form.
var forwardingFields = [...]string{
	"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip",
	"Fastly-Client-Ip", "X-Client-Ip", "X-Azure-Clientip", "X-Azure-Socketip",
	"X-Cluster-Client-Ip", "X-Envoy-External-Address", "Cloudfront-Viewer-Address",
}

// diagnose returns what a single request suggests. Its Mistake is 0 for nothing.
func diagnose(r *http.Request, client netip.Addr) Suspicion {
	s := Suspicion{Peer: Direct(r), Client: client}
	for _, name := range forwardingFields {
		if len(r.Header[name]) > 0 {
			s.Field = name
			break
		}
	}
	switch {
	case !client.IsValid() && !s.Peer.IsValid():
		s.Mistake = NamelessPeer
	case !client.IsValid() && s.Field == "":
		s.Mistake = MissingField
	case !client.IsValid():
		s.Mistake = UnusableField
	case client == s.Peer && s.Field != "":
		s.Mistake = UntrustedProxy
	case isInternal(client):
		s.Mistake = InternalClient
	}
	return s
}

// shared is the carrier-grade NAT range of RFC 6598, which many clusters use.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func isInternal(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// selfCheck counts mistakes. Its zero value is ready to use.
type selfCheck struct {
	mu       sync.Mutex
	reported [mistakes]bool
	requests int                 // in this window
	latest   [mistakes]Suspicion // in this window, by mistake
	seen     [mistakes]int       // in this window, by mistake
	client   netip.Addr          // of the previous request
	streak   int                 // how many requests in a row had it
}

// observe counts one request and returns what is to be reported: by majority at the
// end of a window, and by streak. Elements may be zero.
func (c *selfCheck) observe(s Suspicion) (found [2]Suspicion) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if s.Client != c.client {
		c.client, c.streak = s.Client, 0
	}
	if c.streak++; c.streak >= checkStreak && s.Client.IsValid() && !c.reported[SingleClient] {
		c.reported[SingleClient] = true
		found[0] = s
		found[0].Mistake = SingleClient
	}

	c.latest[s.Mistake] = s
	c.seen[s.Mistake]++
	if c.requests++; c.requests < checkWindow {
		return found
	}
	for m, n := range c.seen {
		if m != 0 && n > checkWindow/2 && !c.reported[m] {
			c.reported[m] = true
			found[1] = c.latest[m]
		}
	}
	c.requests, c.seen = 0, [mistakes]int{}
	return found
}
