package ratelimit

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ByIP returns the Key of a Policy with one bucket for each client address, which
// source returns. Package clientip has sources. An IPv6 client is a /64, the
// smallest block that networks assign; use [ByPrefix] for other lengths.
//
// IPv4-mapped addresses count as IPv4. So do addresses under 64:ff9b::/96, by
// which IPv4 clients reach an IPv6 server through a translator (RFC 6052, section
// 2.1). Behind a translator with a prefix of its own, all clients are one /64:
// use ByPrefix with 128 bits there. Zones are dropped.
//
// All clients for which source returns the zero netip.Addr share one bucket, with
// the key "unknown": an unknown address does not evade the limit. ByIP panics if
// source is nil.
func ByIP(source func(*http.Request) netip.Addr) func(*http.Request) string {
	return ByPrefix(source, 32, 64)
}

// ByPrefix is [ByIP] with other prefix lengths: clients whose addresses have the
// first ipv4 or ipv6 bits in common share a bucket. Two policies make tiers, such
// as 100 per minute for a /64 and 1000 for the /48 around it. ByPrefix panics if
// source is nil, if ipv4 is not from 1 to 32, or if ipv6 is not from 1 to 128.
func ByPrefix(source func(*http.Request) netip.Addr, ipv4, ipv6 int) func(*http.Request) string {
	switch {
	case source == nil:
		panic("ratelimit: source is nil: use one of package clientip, such as clientip.Direct")
	case ipv4 < 1 || ipv4 > 32:
		panic(fmt.Sprintf("ratelimit: IPv4 prefix of %d bits: 1 to 32 is required", ipv4))
	case ipv6 < 1 || ipv6 > 128:
		panic(fmt.Sprintf("ratelimit: IPv6 prefix of %d bits: 1 to 128 is required", ipv6))
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

// embedded returns the IPv4 address in a translated one, and any other address
// unchanged.
func embedded(addr netip.Addr) netip.Addr {
	if !translated.Contains(addr) {
		return addr
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// unknown is the key of all clients without an address.
const unknown = "unknown"

// Everyone is the Key of a Policy with one bucket for all requests together. A
// refusal is then not the client's fault, so it is a 503 and not a 429.
func Everyone(*http.Request) string { return everyone }

// everyone differs from the name of any user, since no header field contains a
// NUL.
const everyone = "\x00everyone"

// maxKey is the length in bytes of the longest key that is used unchanged.
const maxKey = 128

const hashed = "sha256:"

// bound returns a key of at most maxKey bytes for one of any length. A key that
// looks like the hash of another is hashed too, so that no client can pose as it.
func bound(key string) string {
	if len(key) <= maxKey && !strings.HasPrefix(key, hashed) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hashed + base64.RawURLEncoding.EncodeToString(sum[:])
}
