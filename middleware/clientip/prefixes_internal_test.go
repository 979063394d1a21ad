package clientip

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParsePrefixesReadsConfiguration(t *testing.T) {
	for _, row := range []struct {
		text   []string
		want   string // the prefixes or the error
		reason string
	}{
		{[]string{"10.0.0.0/8"}, "[10.0.0.0/8]", "a prefix"},
		{[]string{"192.0.2.7"}, "[192.0.2.7/32]", "an address"},
		{[]string{"2001:db8::7"}, "[2001:db8::7/128]", "an IPv6 address"},
		{[]string{" 10.0.0.0/8,\t192.0.2.7 ,,\r\n2001:db8::/32, "}, "[10.0.0.0/8 192.0.2.7/32 2001:db8::/32]", "one setting"},
		{[]string{"10.0.0.0/8", "", "192.0.2.7,192.0.2.8"}, "[10.0.0.0/8 192.0.2.7/32 192.0.2.8/32]", "a list of settings"},
		{[]string{"::ffff:10.0.0.0/104"}, "[10.0.0.0/8]", "mapped: would match no IPv4 address"},
		{[]string{"::ffff:192.0.2.7"}, "[192.0.2.7/32]", "mapped"},
		{[]string{"0.0.0.0/1"}, "[0.0.0.0/1]", "wide, but some clients are left"},
		{nil, "no prefixes", "nothing"},
		{[]string{""}, "no prefixes", "a setting that is not set"},
		{[]string{" , "}, "no prefixes", "separators only"},
		{[]string{"10.0.0.0/8 0.0.0.0/0"}, `prefix "0.0.0.0/0" covers every address: no client would be left`, "everybody"},
		{[]string{"::/0"}, `prefix "::/0" covers every address: no client would be left`, "everybody"},
		{[]string{"10.0.0.1/8"}, `prefix "10.0.0.1/8" has bits set beyond its length: write "10.0.0.0/8", or "10.0.0.1/32" for the one address`, "one or all"},
		{[]string{"::ffff:10.0.0.0/90"}, `prefix "::ffff:10.0.0.0/90" has bits set beyond its length: write "::ffc0:0:0/90", or "::ffff:10.0.0.0/128" for the one address`, "more than the mapped addresses"},
		{[]string{"10.0.0.0/33"}, `invalid prefix "10.0.0.0/33": an address and a length are required, as in 10.0.0.0/8`, "too long"},
		{[]string{"10/8"}, `invalid prefix "10/8": an address and a length are required, as in 10.0.0.0/8`, "abbreviated"},
		{[]string{"10.0.0.0/255.0.0.0"}, `invalid prefix "10.0.0.0/255.0.0.0": an address and a length are required, as in 10.0.0.0/8`, "a mask"},
		{[]string{"fe80::1%eth0"}, `invalid address "fe80::1%eth0": an IP address without a zone is required`, "a zone"},
		{[]string{"fe80::%eth0/64"}, `invalid prefix "fe80::%eth0/64": an address and a length are required, as in 10.0.0.0/8`, "a zone"},
		{[]string{"localhost"}, `invalid address "localhost": an IP address without a zone is required`, "a name"},
		{[]string{"10.0.0.1:80"}, `invalid address "10.0.0.1:80": an IP address without a zone is required`, "a port"},
	} {
		got, err := ParsePrefixes(row.text...)
		shown := fmt.Sprint(got)
		if err != nil {
			shown = err.Error()
			assert.Nil(t, got, "no half of a configuration")
		}
		assert.Equal(t, row.want, shown, "ParsePrefixes(%q): %s", row.text, row.reason)
	}
}

func TestNamedPrefixesHoldWhatTheirNamesSay(t *testing.T) {
	for _, row := range []struct {
		addr              string
		loopback, private bool
	}{
		{"127.0.0.1", true, false}, {"127.255.255.255", true, false}, {"128.0.0.1", false, false},
		{"::1", true, false}, {"::2", false, false},
		{"10.255.255.255", false, true}, {"172.16.0.1", false, true}, {"172.31.255.255", false, true}, {"172.32.0.0", false, false},
		{"192.168.0.1", false, true}, {"fc00::1", false, true}, {"fdff::1", false, true}, {"fe80::1", false, false},
		{"100.64.0.1", false, false}, {"169.254.1.1", false, false}, {"192.0.2.1", false, false},
	} {
		addr := netip.MustParseAddr(row.addr)
		assert.Equal(t, row.loopback, Proxies{Trusted: Loopback()}.trust().contains(addr), "Loopback and %v", addr)
		assert.Equal(t, row.private, Proxies{Trusted: Private()}.trust().contains(addr), "Private and %v", addr)
		assert.Equal(t, row.loopback, addr.IsLoopback(), "net/netip agrees about %v", addr)
		assert.Equal(t, row.private, addr.IsPrivate(), "net/netip agrees about %v", addr)
	}
}

func TestNamedPrefixesCannotBeChangedForOthers(t *testing.T) {
	Loopback()[0] = netip.MustParsePrefix("0.0.0.0/1")
	Private()[0] = netip.MustParsePrefix("0.0.0.0/1")
	assert.Equal(t, "[127.0.0.0/8 ::1/128]", fmt.Sprint(Loopback()))
	assert.Equal(t, "[10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7]", fmt.Sprint(Private()))
}

// FuzzParsePrefixes: what is accepted works as trust, and reads back the same.
func FuzzParsePrefixes(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "192.0.2.7, ::1", "::ffff:10.0.0.0/104", "::/1", "fe80::1%a", "/", "1/", ",,", "::ffff:0:0/96"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParsePrefixes(s)
		if err != nil {
			return
		}
		Forwarded(got...) // does not panic
		for _, p := range got {
			assert.True(t, p.Bits() > 0 && p == p.Masked() && !p.Addr().Is4In6(), "%q gave %v", s, p)
			again, err := ParsePrefixes(p.String())
			assert.NoError(t, err)
			assert.Equal(t, []netip.Prefix{p}, again)
		}
	})
}
