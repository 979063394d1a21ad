package clientip

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

// request returns a request from a peer; fields alternate names and values.
func request(remoteAddr string, fields ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remoteAddr
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// prefixes parses a list, and gives nothing for "".
func prefixes(text string) []netip.Prefix {
	if text == "" {
		return nil
	}
	p, err := ParsePrefixes(text)
	if err != nil {
		panic(err)
	}
	return p
}

// text returns an address as a string, and "" if it is unknown.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func TestDirectIsTheAddressOfThePeer(t *testing.T) {
	for _, row := range []struct{ remoteAddr, want, reason string }{
		{"192.0.2.1:1234", "192.0.2.1", "IPv4 as net/http writes it"},
		{"[2001:db8::1]:1234", "2001:db8::1", "IPv6 as net/http writes it"},
		{"[::ffff:192.0.2.1]:1234", "192.0.2.1", "a dual-stack listener shows IPv4 clients like this"},
		{"[fe80::1%eth0]:1234", "fe80::1", "a zone would make two keys of one client"},
		{"[fe80::1%25]:1234", "fe80::1", "an interface may have a number for its name"},
		{"127.0.0.1:0", "127.0.0.1", "net/http/fcgi has no port and writes 0"},
		// doubt
		{"", "", "no peer"},
		{"@", "", "Unix domain socket"},
		{"/run/app.sock", "", "Unix domain socket with a bound peer"},
		{"192.0.2.1", "", "no port: RemoteAddr was overwritten from a field"},
		{"2001:db8::1", "", "no port: RemoteAddr was overwritten from a field"},
		{"[2001:db8::1]", "", "no port"},
		{"192.0.2.1:", "", "empty port"},
		{"192.0.2.1:http", "", "named port"},
		{"192.0.2.1:123456", "", "port too long"},
		{"[192.0.2.1]:80", "", "brackets are for IPv6"},
		{"[2001:db8::1]80", "", "junk after the bracket"},
		{"[2001:db8::1:80", "", "no closing bracket"},
		{"[fe80::1%]:80", "", "empty zone"},
		{"192.0.2.1%eth0:80", "", "IPv4 has no zones"},
		{"192.0.2.01:80", "", "leading zeros: octal for some readers"},
		{"0.0.0.0:80", "", "unspecified"},
		{"[ff02::1]:80", "", "no peer has a multicast address"},
		{"localhost:80", "", "names are not resolved"},
		{"192.0.2.1, 192.0.2.2:80", "", "a list"},
	} {
		r := request(row.remoteAddr, "X-Forwarded-For", "203.0.113.66", "Forwarded", "for=203.0.113.66", "X-Real-IP", "203.0.113.66")
		assert.Equal(t, row.want, text(Direct(r)), "Direct(%q): %s", row.remoteAddr, row.reason)
	}
}

func TestDirectNeedsNoHeader(t *testing.T) {
	assert.Equal(t, "192.0.2.1", text(Direct(&http.Request{RemoteAddr: "192.0.2.1:1"})))
}

// FuzzDirect: an address has the promised form, and leads back to itself.
func FuzzDirect(f *testing.F) {
	for _, s := range []string{"192.0.2.1:80", "[::ffff:192.0.2.1%a]:80", "[fe80::1%eth0]:1", "@", "[", "[]", "]:", "a]:1", "::1", ":80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, remoteAddr string) {
		got := Direct(request(remoteAddr))
		checkForm(t, got)
		if got.IsValid() {
			again := Direct(request(netip.AddrPortFrom(got, 1).String()))
			assert.Equal(t, got, again, "RemoteAddr %q", remoteAddr)
		}
	})
}

// checkForm asserts what Source promises of every address.
func checkForm(t *testing.T, a netip.Addr) {
	t.Helper()
	if a.Is4In6() || a.Zone() != "" || a.IsValid() && (a.IsUnspecified() || a.IsMulticast()) {
		t.Errorf("address %v is mapped, zoned, unspecified or multicast", a)
	}
}
