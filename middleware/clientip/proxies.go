package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// Proxies describes the proxies in front of a server: whose word is believed.
// It is the tuned form of [Forwarded] and [Header], which set only Trusted.
//
// The zero value believes nobody and is not valid; at least one of Trusted,
// UnixSocket and InsecureAnyPeer is required.
type Proxies struct {
	// Trusted holds the addresses from which the proxies connect. They must be
	// addresses that no client has, since a client at one of them can choose
	// the answer. A prefix that covers every address is not valid.
	Trusted []netip.Prefix

	// Hops, if positive, is how many entries of the chain the proxies write,
	// counted from the end; the Hops-th is the client, whoever it claims to be.
	// Trusted then says only which peers may connect. At most 32. Zero walks
	// the chain by Trusted instead, which is to be preferred: a wrong count
	// hands the choice of the answer to the client.
	Hops int

	// UnixSocket also believes a peer on a Unix domain socket, which has no
	// address. Permissions of the socket's file then say who may connect.
	UnixSocket bool

	// InsecureAnyPeer believes every peer, so that whoever reaches the server
	// around the proxy chooses the answer. It is for a network that lets
	// nobody but the proxies connect, from addresses that cannot be listed.
	InsecureAnyPeer bool
}

// Header returns the [Source] for a proxy or a CDN that writes the client's
// address, and nothing else, into a field of its own, such as X-Real-IP or
// CF-Connecting-IP. The field is believed only if the peer is inside trusted;
// any other peer is itself the client, whatever fields it sends.
//
// The proxy must overwrite the field in every request. One that only adds it
// where it is absent lets clients choose the answer: True-Client-IP,
// Fastly-Client-IP and X-Azure-ClientIP are passed on like that unless the
// edge is configured otherwise.
//
// From a trusted peer the address is unknown if the field is absent, repeated,
// a list, anything but one address with an optional port, or an address inside
// trusted. IPv6 with a port needs brackets.
//
// Header panics if name is not a field name or names a field that holds a list, if
// trusted is empty, or if it holds a prefix that [ParsePrefixes] refuses.
func Header(name string, trusted ...netip.Prefix) Source {
	return Proxies{Trusted: trusted}.Header(name)
}

// Header is [Header] for the peers that p describes.
//
// It panics as [Header] does, if p believes nobody, or if p.Hops is not zero: a
// field with one address has no hops to count.
func (p Proxies) Header(name string) Source {
	t := p.trust()
	key := http.CanonicalHeaderKey(name)
	switch {
	case !isToken(name):
		panic("clientip: " + strconv.Quote(name) + " is not a field name")
	case key == string(XForwardedFor), key == string(RFC7239), key == "X-Original-Forwarded-For":
		panic("clientip: " + key + " holds a list of addresses: use Forwarded")
	case p.Hops != 0:
		panic("clientip: Hops has no meaning for " + key + ", which holds one address")
	}
	return func(r *http.Request) netip.Addr {
		peer, believed := t.peer(r)
		if !believed {
			return peer
		}
		lines := r.Header[key]
		if len(lines) != 1 || len(lines[0]) > maxItem {
			return netip.Addr{}
		}
		return t.outside(plainAddr(trimOWS(lines[0])))
	}
}

// trust is a validated Proxies, without Hops.
type trust struct {
	prefixes []netip.Prefix // sorted, none inside another
	unix     bool
	any      bool
}

// trust panics if p cannot work.
func (p Proxies) trust() *trust {
	if len(p.Trusted) == 0 && !p.UnixSocket && !p.InsecureAnyPeer {
		panic("clientip: no proxy is trusted: pass the prefixes of the proxies, or use Direct if there is none")
	}
	var sorted []netip.Prefix
	for _, prefix := range p.Trusted {
		prefix, err := checkPrefix(prefix)
		if err != nil {
			panic(fmt.Sprint("clientip: ", err))
		}
		sorted = append(sorted, prefix)
	}
	slices.SortFunc(sorted, netip.Prefix.Compare)
	// Of two prefixes that overlap, one contains the other, and it comes first.
	t := &trust{unix: p.UnixSocket, any: p.InsecureAnyPeer}
	for _, prefix := range sorted {
		if !t.contains(prefix.Addr()) {
			t.prefixes = append(t.prefixes, prefix)
		}
	}
	return t
}

// peer returns the address at the other end of the connection, and whether
// what it says about others is believed.
func (t *trust) peer(r *http.Request) (addr netip.Addr, believed bool) {
	addr = Direct(r)
	switch {
	case t.any:
		return addr, true
	case addr.IsValid():
		return addr, t.contains(addr)
	default:
		return addr, t.unix && isUnixPeer(r)
	}
}

// contains searches, since a CDN may have hundreds of prefixes.
func (t *trust) contains(addr netip.Addr) bool {
	i, found := slices.BinarySearchFunc(t.prefixes, addr, func(p netip.Prefix, a netip.Addr) int {
		return p.Addr().Compare(a)
	})
	return found || i > 0 && t.prefixes[i-1].Contains(addr)
}

// outside returns addr, or the zero Addr if addr is one of the proxies: a
// proxy that appears where the client should be means that the field does not
// say what the configuration assumes.
func (t *trust) outside(addr netip.Addr) netip.Addr {
	if t.contains(addr) {
		return netip.Addr{}
	}
	return addr
}

// plainAddr parses one address as proxies write it outside RFC 7239: with or
// without a port, and IPv6 with or without brackets.
func plainAddr(s string) netip.Addr {
	host, port, bracketed, ok := splitNode(s)
	if !ok || port != "" && !isPort(port) {
		return netip.Addr{}
	}
	return parseAddr(host, bracketed, false)
}
