package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// Proxies are the settings of a [Source] for a server behind proxies: which peers
// are trusted. The functions [Forwarded] and [Header] set only Trusted.
//
// The zero value trusts no peer and is not valid. At least one of Trusted, UnixSocket
// and InsecureAnyPeer is required.
type Proxies struct {
	// Trusted lists the addresses from which the proxies connect. No client may
	// have such an address, since it could choose the result. A prefix that
	// covers every address is not valid.
	Trusted []netip.Prefix

	// Hops, if positive, is the number of entries that the proxies write. The
	// Hops-th entry from the end is the client, and Trusted only selects the
	// peers whose header fields are read. It is at most 32. If Hops is 0, the
	// chain is followed by Trusted, which is safer: with a wrong count a client
	// chooses the result.
	Hops int

	// UnixSocket also trusts peers on a Unix domain socket, which have no
	// address. The permissions of the socket's file then decide who may connect.
	UnixSocket bool

	// InsecureAnyPeer trusts every peer, so that a client which bypasses the
	// proxies chooses the result. It is for a network in which only the proxies
	// can connect, from addresses that cannot be listed.
	InsecureAnyPeer bool
}

// Header returns the [Source] for a proxy or a CDN that writes only the address of
// the client into a header field, such as X-Real-IP or CF-Connecting-IP. The field is
// read only if the peer is inside trusted. Any other peer is itself the client,
// whatever header fields it sends.
//
// The proxy must overwrite the header field in every request. One that only adds it
// if it is absent lets clients choose the result: True-Client-IP, Fastly-Client-IP
// and X-Azure-ClientIP are passed on like that unless the edge is configured
// otherwise.
//
// From a trusted peer the address is unknown if the header field is absent, repeated,
// a list, anything but one address with an optional port, or an address inside
// trusted. IPv6 with a port needs brackets.
//
// Header panics if name is not a field name or is that of a list, if trusted is
// empty, or if it contains a prefix that [ParsePrefixes] rejects.
func Header(name string, trusted ...netip.Prefix) Source {
	return Proxies{Trusted: trusted}.Header(name)
}

// Header is [Header] with the settings p. It panics as [Header] does, if p trusts no
// peer, or if p.Hops is not 0, since a header field with one address has no hops.
func (p Proxies) Header(name string) Source {
	t := p.trust()
	key := http.CanonicalHeaderKey(name)
	switch {
	case !isToken(name):
		panic("clientip: " + strconv.Quote(name) + " is not a field name")
	case key == string(XForwardedFor), key == string(RFC7239), key == "X-Original-Forwarded-For":
		panic("clientip: " + key + " is a list of addresses: use Forwarded")
	case p.Hops != 0:
		panic("clientip: Hops is set for " + key + ", which has one address")
	}
	return func(r *http.Request) netip.Addr {
		peer, trusted := t.peer(r)
		if !trusted {
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

// trust panics if p is invalid.
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

// peer returns the address at the other end of the connection, and whether the header
// fields that it sends are trusted.
func (t *trust) peer(r *http.Request) (addr netip.Addr, trusted bool) {
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

// contains uses a binary search, since a CDN may have hundreds of prefixes.
func (t *trust) contains(addr netip.Addr) bool {
	i, found := slices.BinarySearchFunc(t.prefixes, addr, func(p netip.Prefix, a netip.Addr) int {
		return p.Addr().Compare(a)
	})
	return found || i > 0 && t.prefixes[i-1].Contains(addr)
}

// outside returns addr, or the zero Addr if that is a proxy: a proxy in place of the
// client means that the header field is not what the configuration assumes.
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
	return parseAddr(host, bracketed)
}
