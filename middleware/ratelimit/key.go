package ratelimit

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ByIP is a Policy's Key: one bucket for each client address, as source finds
// it. The sources are in package clientip. An IPv6 client is one /64, since
// that is the least that a network hands out; [ByPrefix] has other lengths.
// IPv4-mapped addresses are IPv4, and so are those of clients that reach an
// IPv6 server through a translator under its well-known prefix, 64:ff9b::/96
// (RFC 6052, section 2.1). Zones are dropped. A translator with a prefix of its
// own makes all of its clients one /64: give ByPrefix 128 bits then.
//
// Where source finds no address, which is the zero netip.Addr, the client
// shares one bucket, with the key "unknown", with all others of that kind: not
// to be known is no way around a limit. ByIP panics if source is nil.
func ByIP(source func(*http.Request) netip.Addr) func(*http.Request) string {
	return ByPrefix(source, 32, 64)
}

// ByPrefix is [ByIP] with a number of leading bits that tell one client from
// another: ipv4 of 32 and ipv6 of 128. Two policies make tiers, such as 100
// per minute for a /64 and 1000 for the /48 around it. It panics if source is
// nil or if a length is below 1 or too large.
func ByPrefix(source func(*http.Request) netip.Addr, ipv4, ipv6 int) func(*http.Request) string {
	switch {
	case source == nil:
		panic("ratelimit: no source of addresses: use one of package clientip, such as clientip.Direct")
	case ipv4 < 1 || ipv4 > 32:
		panic(fmt.Sprintf("ratelimit: IPv4 prefix of %d bits: 1 to 32 are possible", ipv4))
	case ipv6 < 1 || ipv6 > 128:
		panic(fmt.Sprintf("ratelimit: IPv6 prefix of %d bits: 1 to 128 are possible", ipv6))
	}
	return func(r *http.Request) string {
		addr := embedded(source(r).Unmap().WithZone(""))
		bits := ipv6
		switch {
		case !addr.IsValid():
			return unknown
		case addr.Is4():
			bits = ipv4
		}
		if bits == addr.BitLen() {
			return addr.String()
		}
		prefix, _ := addr.Prefix(bits) // it fails for a length out of range only
		return prefix.String()
	}
}

// translated is the prefix under which a translator shows IPv4 addresses to
// IPv6 servers.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// embedded returns the IPv4 address in a translated one, and any other as it is.
func embedded(addr netip.Addr) netip.Addr {
	if !translated.Contains(addr) {
		return addr
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// unknown is the key of all clients without an address.
const unknown = "unknown"

// Everyone is a Policy's Key: one bucket for all requests together. A refusal
// is then not the client's fault: it gets 503 and not 429.
func Everyone(*http.Request) string { return everyone }

// everyone cannot be mistaken for the name of a user: no header field has a
// NUL in it.
const everyone = "\x00everyone"

// maxKey is the length in bytes up to which a key is used as it is.
const maxKey = 128

const hashed = "sha256:"

// bound makes a key of any length one of at most maxKey bytes. A key that looks
// like the hash of another is hashed too, so that no client can pose as it.
func bound(key string) string {
	if len(key) <= maxKey && !strings.HasPrefix(key, hashed) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hashed + base64.RawURLEncoding.EncodeToString(sum[:])
}
