package clientip

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// A Source returns the address of the client that sent a request. The zero Addr
// means that the address is unknown. The caller must decide what an unknown client
// may do, and must not exempt it from limits.
//
// A valid address has no zone and is never IPv4-mapped, unspecified or multicast,
// so addresses of the same client compare equal with ==.
//
// The sources of this package are safe for concurrent use, do not change the
// request, and allocate only for input that a correct proxy does not send.
type Source func(r *http.Request) netip.Addr

// Direct is the [Source] for a server that clients reach without an HTTP proxy. It
// returns the address that opened the connection, and reads no header field. It
// also works with a listener that decodes the PROXY protocol and replaces the
// address of the peer.
//
// The address is unknown for a Unix domain socket, and for a RemoteAddr without a
// port: net/http always writes one, so other code has replaced the address of the
// peer, usually by a header field.
func Direct(r *http.Request) netip.Addr {
	host, port, bracketed, ok := splitNode(r.RemoteAddr)
	if !ok || !isPort(port) {
		return netip.Addr{}
	}
	return parseAddr(host, bracketed) // a host before a port has no colon outside brackets
}

type contextKey struct{}

// Wrap returns a handler that calls s once per request and stores the result for
// [FromContext], so that logs, limits and handlers use the same address even if
// other middleware changes the request. Make it the outermost middleware.
//
// Wrap panics if s is nil.
func (s Source) Wrap(next http.Handler) http.Handler {
	if s == nil {
		panic("clientip: Wrap: the Source is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchange.Serve(next, w, r, NewContext(r.Context(), s(r)))
	})
}

// NewContext returns a copy of ctx that carries addr, for tests and for servers
// that find the address in another way.
func NewContext(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, contextKey{}, addr)
}

// FromContext returns the address that [Source.Wrap] or [NewContext] stored in
// ctx. It returns the zero Addr if the address is unknown or none was stored.
func FromContext(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(contextKey{}).(netip.Addr)
	return addr
}

// isUnixPeer reports whether r arrived over a Unix domain socket. The RemoteAddr of
// such a peer is "@", empty, or the path or abstract name that it is bound to.
func isUnixPeer(r *http.Request) bool {
	if r.RemoteAddr != "" && r.RemoteAddr[0] != '@' && r.RemoteAddr[0] != '/' {
		return false
	}
	// Any code may have emptied RemoteAddr; the listener is reliable.
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return strings.HasPrefix(local.Network(), "unix")
	}
	return true
}

// splitNode splits an address from its port: "a", "a:port", "[a]" or "[a]:port".
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

// parseAddr parses s into an address as a [Source] returns it, or the zero Addr.
// Only IPv6 may have brackets.
func parseAddr(s string, bracketed bool) netip.Addr {
	// Cut the zone first: netip would keep each one in a table of the process.
	s, zone, zoned := strings.Cut(s, "%")
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil,
		zoned && (zone == "" || !addr.Is6()),
		bracketed && !addr.Is6():
		return netip.Addr{}
	}
	addr = addr.Unmap()
	// Some proxies write 0.0.0.0 or :: for an unknown address.
	if addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}
	}
	return addr
}

// trimOWS removes the optional whitespace of RFC 9110, section 5.6.3.
func trimOWS(s string) string { return strings.Trim(s, " \t") }
