package clientip

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Loopback returns the loopback addresses, 127.0.0.0/8 and ::1. Trust them for a
// proxy on the same machine.
func Loopback() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("::1/128"),
	}
}

// Private returns the private networks of RFC 1918 and the unique local addresses of
// RFC 4193. Trust them only if no client has such an address; it is better to list
// the prefixes of the proxies. Loopback addresses, link-local addresses and the
// shared addresses of RFC 6598 are not included.
func Private() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("fc00::/7"),
	}
}

// ParsePrefixes parses trusted prefixes from configuration. Each string contains any
// number of prefixes ("10.0.0.0/8") and addresses ("192.0.2.7"), separated by commas
// or whitespace. An IPv4-mapped prefix becomes the IPv4 prefix.
//
// ParsePrefixes returns an error that names the first entry that is not a prefix or
// an address, has a zone, covers every address, or has bits set beyond its length,
// since "10.1.2.3/8" may mean one address or many. It also returns an error if there
// is no entry, so that a missing setting is noticed.
func ParsePrefixes(text ...string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, t := range text {
		for _, entry := range strings.FieldsFunc(t, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
			prefix, err := parsePrefix(entry)
			if err != nil {
				return nil, err
			}
			prefixes = append(prefixes, prefix)
		}
	}
	if len(prefixes) == 0 {
		return nil, errors.New("no prefixes")
	}
	return prefixes, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("invalid prefix %q: an address and a length are required, as in 10.0.0.0/8", s)
		}
		return checkPrefix(prefix)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("invalid address %q: an IP address without a zone is required", s)
	}
	return checkPrefix(netip.PrefixFrom(addr, addr.BitLen()))
}

// checkPrefix returns p in the form in which addresses are compared, or an error if
// p must not be trusted.
func checkPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, errors.New("invalid prefix: it is the zero Prefix or its length is out of range")
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	switch {
	case p.Bits() == 0:
		return p, fmt.Errorf("prefix %q covers every address: no client would be left", p)
	case p != p.Masked():
		return p, fmt.Errorf("prefix %q has bits set beyond its length: write %q, or %q for the one address", p, p.Masked(), netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	return p, nil
}
