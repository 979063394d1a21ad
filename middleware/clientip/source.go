package clientip

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// A Source says which address a request comes from. The zero Addr means that
// the address is unknown; whoever asks must decide what an unknown client may
// do, and must not treat it as one that needs no limit.
//
// A valid answer is never an IPv4-mapped IPv6 address, has no zone, and is
// neither unspecified nor multicast, so equal clients compare equal with ==.
//
// The sources of this package are safe for concurrent use, change nothing in
// the request, and allocate only for input that a well-behaved proxy does not
// send.
type Source func(r *http.Request) netip.Addr

// Direct is the [Source] for a server that its clients reach without any HTTP
// proxy: the address that opened the connection. No header field is read, so
// none can change the answer. A listener that decodes the PROXY protocol
// replaces the peer's address, and is served by Direct too.
//
// The address is unknown for a Unix domain socket, and for a RemoteAddr that
// has no port: net/http always writes one, so something else has replaced the
// peer's address, usually by a field that the peer wrote.
func Direct(r *http.Request) netip.Addr {
	host, port, bracketed, ok := splitNode(r.RemoteAddr)
	if !ok || !isPort(port) {
		return netip.Addr{}
	}
	return parseAddr(host, bracketed, true)
}

// isUnixPeer reports whether r came in over a Unix domain socket. Such a peer
// is shown as "@", as nothing, or as the path or abstract name it is bound to.
func isUnixPeer(r *http.Request) bool {
	if r.RemoteAddr != "" && r.RemoteAddr[0] != '@' && r.RemoteAddr[0] != '/' {
		return false
	}
	// Anything may have emptied RemoteAddr; the listener does not lie.
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return strings.HasPrefix(local.Network(), "unix")
	}
	return true
}

// splitNode cuts the port off an address: "a", "a:port", "[a]" or "[a]:port".
// More than one colon without brackets is an IPv6 address without a port.
func splitNode(s string) (host, port string, bracketed, ok bool) {
	if strings.HasPrefix(s, "[") {
		host, port, ok = strings.Cut(s[1:], "]")
		if port == "" {
			return host, "", true, ok
		}
		return host, port[1:], true, port[0] == ':' && len(port) > 1
	}
	host, port, found := strings.Cut(s, ":")
	if !found || strings.IndexByte(port, ':') >= 0 {
		return s, "", false, true
	}
	return host, port, false, port != ""
}

// isPort reports whether s is one to five digits, as in RFC 7239, section 6.
func isPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 5
}

// parseAddr returns the address that s spells in the form that a [Source]
// promises, or the zero Addr. Brackets belong to IPv6; strict requires them.
func parseAddr(s string, bracketed, strict bool) netip.Addr {
	// Cut the zone first: netip would keep each one in a table of the process.
	s, zone, zoned := strings.Cut(s, "%")
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil,
		zoned && (zone == "" || !addr.Is6()),
		bracketed && !addr.Is6(),
		strict && !bracketed && addr.Is6():
		return netip.Addr{}
	}
	addr = addr.Unmap()
	// Some proxies write 0.0.0.0 or :: for "I do not know".
	if addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}
	}
	return addr
}

// trimOWS removes the optional whitespace of RFC 9110, section 5.6.3.
func trimOWS(s string) string { return strings.Trim(s, " \t") }
