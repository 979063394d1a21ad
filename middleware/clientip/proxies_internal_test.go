package clientip

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHeaderBelievesOneAddressFromATrustedPeer(t *testing.T) {
	source := Header("x-real-ip", prefixes("10.0.0.0/8")...)
	for _, row := range []struct {
		peer   string
		lines  []string
		want   string
		reason string
	}{
		{proxy, []string{"192.0.2.1"}, "192.0.2.1", "what the proxy says"},
		{proxy, []string{" \t192.0.2.1 "}, "192.0.2.1", "whitespace around it"},
		{proxy, []string{"192.0.2.1:5678"}, "192.0.2.1", "with a port"},
		{proxy, []string{"2001:db8::1"}, "2001:db8::1", "IPv6"},
		{proxy, []string{"[2001:db8::1]:5678"}, "2001:db8::1", "IPv6 with a port"},
		{proxy, []string{"::ffff:192.0.2.1"}, "192.0.2.1", "mapped IPv4"},
		{proxy, []string{"fe80::1%eth0"}, "fe80::1", "zone dropped"},
		{stranger, []string{"192.0.2.66"}, "203.0.113.5", "a stranger's field changes nothing"},
		{stranger, nil, "203.0.113.5", "a stranger is the client"},
		{"@", []string{"192.0.2.66"}, "", "a Unix domain socket is not trusted by itself"},
		{"10.0.0.1", []string{"192.0.2.66"}, "", "an overwritten RemoteAddr does not prove who the peer is"},
		// doubt
		{proxy, nil, "", "absent; a client can make a proxy drop fields that it names in Connection"},
		{proxy, []string{""}, "", "empty"},
		{proxy, []string{"192.0.2.1", "192.0.2.66"}, "", "repeated: one of them is the client's"},
		{proxy, []string{"192.0.2.1", "192.0.2.1"}, "", "repeated, even if equal"},
		{proxy, []string{"", "192.0.2.1"}, "", "repeated, even if empty"},
		{proxy, []string{"192.0.2.66, 192.0.2.1"}, "", "a list"},
		{proxy, []string{"192.0.2.1,"}, "", "a list of one"},
		{proxy, []string{"192.0.2.1 192.0.2.66"}, "", "two"},
		{proxy, []string{"10.0.0.9"}, "", "the proxy sees another proxy: X-Real-IP of an inner one"},
		{proxy, []string{"::ffff:10.0.0.9"}, "", "in any spelling"},
		{proxy, []string{"unknown"}, "", "no address"},
		{proxy, []string{"unix:"}, "", "no address"},
		{proxy, []string{"for=192.0.2.1"}, "", "another field's syntax"},
		{proxy, []string{`"192.0.2.1"`}, "", "quoted"},
		{proxy, []string{"2001:0db8:0:0:0:0:0:1:46532"}, "", "IPv6 and a port without brackets"},
		{proxy, []string{strings.Repeat(" ", maxItem) + "192.0.2.1"}, "", "too long"},
	} {
		r := request(row.peer)
		if row.lines != nil {
			r.Header["X-Real-Ip"] = row.lines
		}
		assert.Equal(t, row.want, text(source(r)), "peer %q, X-Real-IP %.60q: %s", row.peer, row.lines, row.reason)
	}
}

func TestProxiesBelieveOnlyConfiguredPeers(t *testing.T) {
	for _, row := range []struct {
		p            Proxies
		remote, want string
		reason       string
	}{
		{Proxies{UnixSocket: true}, "@", "192.0.2.1", "unnamed peer of a Unix domain socket"},
		{Proxies{UnixSocket: true}, "", "192.0.2.1", "the same, as some systems show it"},
		{Proxies{UnixSocket: true}, "/run/proxy.sock", "192.0.2.1", "a peer bound to a path"},
		{Proxies{UnixSocket: true}, "@proxy", "192.0.2.1", "a peer bound to an abstract name"},
		{Proxies{UnixSocket: true}, "203.0.113.5:80", "203.0.113.5", "over TCP no peer is trusted"},
		{Proxies{UnixSocket: true}, "203.0.113.5", "", "an overwritten RemoteAddr is no Unix domain socket"},
		{Proxies{UnixSocket: true}, "localhost:80", "", "nor is a name"},
		{Proxies{UnixSocket: true, Trusted: prefixes("10.0.0.1")}, "10.0.0.1:80", "192.0.2.1", "both"},
		{Proxies{InsecureAnyPeer: true}, "203.0.113.5:80", "192.0.2.1", "any peer"},
		{Proxies{InsecureAnyPeer: true}, "@", "192.0.2.1", "any peer at all"},
		{Proxies{InsecureAnyPeer: true, Trusted: prefixes("192.0.2.1")}, "203.0.113.5:80", "", "what is trusted is still no client"},
	} {
		r := request(row.remote, "X-Forwarded-For", "192.0.2.1", "X-Real-IP", "192.0.2.1", "Forwarded", "for=192.0.2.1")
		assert.Equal(t, row.want, text(row.p.Forwarded(XForwardedFor)(r)), "Forwarded, %+v, peer %q: %s", row.p, row.remote, row.reason)
		assert.Equal(t, row.want, text(row.p.Forwarded(RFC7239)(r)), "RFC7239, %+v, peer %q: %s", row.p, row.remote, row.reason)
		assert.Equal(t, row.want, text(row.p.Header("X-Real-IP")(r)), "Header, %+v, peer %q: %s", row.p, row.remote, row.reason)
	}
}

// Every address near a border, compared with net/netip, prefix by prefix.
func TestTrustContainsWhatAPrefixContains(t *testing.T) {
	for _, text := range []string{
		"10.0.0.0/8",
		"10.0.0.0/8, 10.0.0.0/8, 10.0.0.0/9, 10.255.0.0/16, 10.0.0.0, 11.0.0.0/32",
		"192.0.2.128/25, 192.0.2.0/26, 192.0.2.64/32, 192.0.2.66/31, 0.0.0.0/1",
		"2001:db8::/32, 2001:db8::/48, 2001:db8:ffff::/48, ::1, 127.0.0.0/8, ::/1",
		"255.255.255.255, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		all := prefixes(text)
		trusted := Proxies{Trusted: all}.trust()
		for _, p := range all {
			b := p.Addr().AsSlice()
			for i := p.Bits(); i < len(b)*8; i++ {
				b[i/8] |= 0x80 >> (i % 8)
			}
			last, _ := netip.AddrFromSlice(b)
			for _, addr := range []netip.Addr{p.Addr(), p.Addr().Prev(), p.Addr().Next(), last, last.Next(), {}} {
				want := slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(addr) })
				assert.Equal(t, want, trusted.contains(addr), "%v in %s", addr, text)
			}
		}
	}
}

func TestUnixSocketIsThatOfTheListener(t *testing.T) {
	source := Proxies{UnixSocket: true}.Forwarded(XForwardedFor)
	for _, row := range []struct {
		local net.Addr
		want  string
	}{
		{&net.UnixAddr{Net: "unix", Name: "/run/app.sock"}, "192.0.2.1"},
		{&net.UnixAddr{Net: "unixpacket", Name: "/run/app.sock"}, "192.0.2.1"},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, ""}, // other code emptied RemoteAddr
	} {
		r := request("", "X-Forwarded-For", "192.0.2.1")
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, row.local))
		assert.Equal(t, row.want, text(source(r)), "listener %s %v", row.local.Network(), row.local)
	}
}

func TestInvalidProxiesPanic(t *testing.T) {
	ten := prefixes("10.0.0.0/8")
	for _, row := range []struct {
		build  func()
		want   string
		reason string
	}{
		{func() { Forwarded() }, "clientip: no proxy is trusted: pass the prefixes of the proxies, or use Direct if there is none", "no trusted peer"},
		{func() { Header("X-Real-IP") }, "clientip: no proxy is trusted: pass the prefixes of the proxies, or use Direct if there is none", "no trusted peer"},
		{func() { Proxies{Hops: 2}.Forwarded(XForwardedFor) }, "clientip: no proxy is trusted: pass the prefixes of the proxies, or use Direct if there is none", "a count does not say who may connect"},
		{func() { Forwarded(netip.Prefix{}) }, "clientip: invalid prefix: it is the zero Prefix or its length is out of range", "matches nothing"},
		{func() { Forwarded(netip.MustParsePrefix("0.0.0.0/0")) }, `clientip: prefix "0.0.0.0/0" covers every address: no client would be left`, "trusts everybody"},
		{func() { Forwarded(netip.MustParsePrefix("::/0")) }, `clientip: prefix "::/0" covers every address: no client would be left`, "trusts everybody"},
		{func() { Forwarded(netip.MustParsePrefix("::ffff:0.0.0.0/96")) }, `clientip: prefix "0.0.0.0/0" covers every address: no client would be left`, "trusts everybody on IPv4"},
		{func() { Forwarded(netip.MustParsePrefix("10.1.2.3/8")) }, `clientip: prefix "10.1.2.3/8" has bits set beyond its length: write "10.0.0.0/8", or "10.1.2.3/32" for the one address`, "means one or all"},
		{func() { Header("", ten...) }, `clientip: "" is not a field name`, "never arrives"},
		{func() { Header("X Real IP", ten...) }, `clientip: "X Real IP" is not a field name`, "never arrives"},
		{func() { Header("x-forwarded-for", ten...) }, "clientip: X-Forwarded-For is a list of addresses: use Forwarded", "the client writes a part of it"},
		{func() { Header("forwarded", ten...) }, "clientip: Forwarded is a list of addresses: use Forwarded", "the client writes a part of it"},
		{func() { Header("X-Original-Forwarded-For", ten...) }, "clientip: X-Original-Forwarded-For is a list of addresses: use Forwarded", "the client writes all of it"},
		{func() { Proxies{Trusted: ten, Hops: 1}.Header("X-Real-IP") }, "clientip: Hops is set for X-Real-Ip, which has one address", "ignored"},
		{func() { Proxies{Trusted: ten, Hops: -1}.Forwarded(XForwardedFor) }, "clientip: Hops = -1: 0 to 32 is required", "no such entry"},
		{func() { Proxies{Trusted: ten, Hops: 33}.Forwarded(XForwardedFor) }, "clientip: Hops = 33: 0 to 32 is required", "not examined"},
		{func() { Proxies{Trusted: ten}.Forwarded("") }, `clientip: field "" is neither "X-Forwarded-For" nor "Forwarded"`, "no default: the choice matters"},
		{func() { Proxies{Trusted: ten}.Forwarded("X-Real-IP") }, `clientip: field "X-Real-IP" is neither "X-Forwarded-For" nor "Forwarded"`, "no list"},
		{func() { Source(nil).Wrap(http.NotFoundHandler()) }, "clientip: Wrap: the Source is nil", "no source"},
		{func() { SelfCheck(nil, func(Suspicion) {}) }, "clientip: SelfCheck: source or report is nil", "no source"},
		{func() { SelfCheck(Direct, nil) }, "clientip: SelfCheck: source or report is nil", "no report function"},
	} {
		assert.PanicsWithValue(t, row.want, row.build, row.reason)
	}
}

func TestSourceKeepsItsOwnPrefixes(t *testing.T) {
	trusted := prefixes("10.0.0.0/8")
	source := Forwarded(trusted...)
	trusted[0] = netip.MustParsePrefix("203.0.113.0/24")
	assert.Equal(t, "203.0.113.5", text(source(request(stranger, "X-Forwarded-For", "192.0.2.66"))))
}

// FuzzHeader: a believed value is one address that net/netip can read from it
// whole, and a second line or a list is never believed.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"192.0.2.1", " 192.0.2.1:80 ", "[2001:db8::1]:80", "::ffff:1.2.3.4", "fe80::1%eth0", "10.0.0.1", "1.2.3.4,5.6.7.8", "unknown", "[", "::", ""} {
		f.Add(s)
	}
	source := Header("X-Real-IP", fuzzTrusted...)
	f.Fuzz(func(t *testing.T, value string) {
		r := request(proxy)
		r.Header["X-Real-Ip"] = []string{value}
		got := source(r)
		checkForm(t, got)
		if got.IsValid() {
			trimmed := strings.Trim(value, " \t")
			port, err1 := netip.ParseAddrPort(trimmed)
			addr, err2 := netip.ParseAddr(strings.Trim(trimmed, "[]"))
			if err1 == nil {
				addr = port.Addr()
			}
			if err1 != nil && err2 != nil || addr.WithZone("").Unmap() != got {
				t.Errorf("%q: got %v, net/netip says %v (%v, %v)", value, got, addr, err1, err2)
			}
		}
		r.Header["X-Real-Ip"] = []string{value, value}
		assert.False(t, source(r).IsValid(), "%q twice", value)
		r.Header["X-Real-Ip"] = []string{value + ",192.0.2.66"}
		// A zone may hold any character, and is dropped.
		assert.True(t, !source(r).IsValid() || strings.Contains(value, "%"), "%q in a list", value)
		r.RemoteAddr = stranger
		assert.Equal(t, "203.0.113.5", text(source(r)), "%q from a stranger", value)
	})
}
