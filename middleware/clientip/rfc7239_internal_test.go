package clientip

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestElementFollowsTheGrammarOfRFC7239(t *testing.T) {
	source := Proxies{Trusted: prefixes("10.0.0.0/8, 2001:db8:f::/48")}.Forwarded(RFC7239)
	for _, row := range []struct{ field, want, reason string }{
		{`for=192.0.2.1`, "192.0.2.1", "a token"},
		{`for="192.0.2.1"`, "192.0.2.1", "a quoted-string"},
		{`For=192.0.2.1`, "192.0.2.1", "names are case-insensitive: section 4"},
		{`for="192.0.2.1:4711"`, "192.0.2.1", "a port"},
		{`for="192.0.2.1:_port.A-1"`, "192.0.2.1", "an obfuscated port: section 6.3"},
		{`For="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17", "IPv6 with a port"},
		{`for="[2001:db8:cafe::17]"`, "2001:db8:cafe::17", "IPv6"},
		{`for="[::ffff:192.0.2.1]"`, "192.0.2.1", "mapped IPv4"},
		{`for="[fe80::1%eth0]"`, "fe80::1", "zone dropped"},
		{`for=192.0.2.1;proto=http;by=203.0.113.43`, "192.0.2.1", "other parameters"},
		{`proto=https;by="[::1]:80";for=192.0.2.1;host=example.com`, "192.0.2.1", "in any order"},
		{`for=192.0.2.1; proto=http ;by=_x`, "192.0.2.1", "whitespace around the semicolon, which many write"},
		{`;for=192.0.2.1;;proto=http;`, "192.0.2.1", "empty pairs: section 4"},
		{`for=192.0.2.1;secret="a,b;c=d"`, "192.0.2.1", "separators inside quotation marks"},
		{`for=192.0.2.1;x="a\"b"`, "192.0.2.1", "escaped quotation mark"},
		{`for=192.0.2.1;x="\", for=192.0.2.66"`, "192.0.2.1", "a comma behind an escaped quotation mark"},
		{`for=192.0.2.1;x="a\", for=192.0.2.66;y="`, "192.0.2.1", "what looks like an open quotation mark closes"},
		{`for=192.0.2.1;x="\\"`, "192.0.2.1", "escaped backslash"},
		{`for=192.0.2.1;x=""`, "192.0.2.1", "empty quoted-string"},
		{`for="\1\92.0.2.1"`, "192.0.2.1", "escapes that need not be"},
		{`for="[2001:db8\:\:1]"`, "2001:db8::1", "escaped colons"},
		{"for=192.0.2.1;x=\"\tÿ\"", "192.0.2.1", "tab and obs-text are allowed in quotation marks"},
		// the walk
		{`for=192.0.2.66, for=192.0.2.1`, "192.0.2.1", "the left is the client's word"},
		{`for=192.0.2.1, for=10.0.0.2;by=_a, for="[2001:db8:f::3]"`, "192.0.2.1", "proxies are passed over"},
		{`for=192.0.2.66;by=", for=192.0.2.1`, "192.0.2.1", "a quotation mark that the client left open"},
		{`for=192.0.2.66;by="\, for=192.0.2.1`, "192.0.2.1", "with a backslash"},
		{`for=192.0.2.66;by=", for="[2001:db8::1]"`, "2001:db8::1", "and a proxy that quotes"},
		{`for=192.0.2.66;by=", for=192.0.2.1;x="\"y"`, "192.0.2.1", "and escapes"},
		{`!!!, for=192.0.2.1`, "192.0.2.1", "nonsense on the client's side"},
		// doubt
		{``, "", "empty"},
		{`for=unknown`, "", "unknown: section 6.2"},
		{`for=_hidden`, "", "obfuscated: section 6.3"},
		{`for="_SEVKISEK"`, "", "obfuscated, quoted"},
		{`for=192.0.2.66, for=_gazonk`, "", "never past an obfuscated proxy"},
		{`for=192.0.2.66, for=unknown:_p`, "", "never past an unknown one"},
		{`for=192.0.2.66, for=10.0.0.2, `, "", "an empty element"},
		{`for=192.0.2.66, ;`, "", "an element of empty pairs"},
		{`for=192.0.2.66, proto=http`, "", "an element that does not say"},
		{`for=10.0.0.2`, "", "nothing but proxies"},
		{`for=192.0.2.66;for=192.0.2.1`, "", "twice: section 4 forbids it"},
		{`for=192.0.2.66;FOR=192.0.2.1`, "", "twice in other letters"},
		{`for=2001:db8::1`, "", "a colon outside quotation marks"},
		{`for=192.0.2.1:80`, "", "a port outside quotation marks"},
		{`for="2001:db8::1"`, "", "IPv6 without brackets"},
		{`for=[2001:db8::1]`, "", "brackets outside quotation marks"},
		{`for="[192.0.2.1]"`, "", "IPv4 in brackets"},
		{`for="192.0.2.1:"`, "", "empty port"},
		{`for="192.0.2.1:_"`, "", "an obfuscated port has a name"},
		{`for="192.0.2.1:_a b"`, "", "of letters, digits, dot, dash and underscore"},
		{`for="192.0.2.1:123456"`, "", "six digits"},
		{`for=`, "", "no value"},
		{`for=192.0.2.1;x=`, "", "no value of another parameter"},
		{`for`, "", "no equals sign"},
		{`=192.0.2.1`, "", "no name"},
		{`for =192.0.2.1`, "", "space before the equals sign"},
		{`for= 192.0.2.1`, "", "space after it"},
		{`192.0.2.1`, "", "the other field's syntax"},
		{`for="192.0.2.1`, "", "no closing quotation mark"},
		{`for=192.0.2.1"`, "", "no opening quotation mark"},
		{`for="192.0.2.1"x`, "", "junk after the quoted-string"},
		{`for=192.0.2.1 proto=http`, "", "no semicolon"},
		{`for="192.0.2.1\`, "", "an escape of nothing"},
		{"for=192.0.2.1;x=\"\x7f\"", "", "a control character"},
		{"for=192.0.2.1;x=\"\\\x01\"", "", "an escaped control character"},
		{`for=192.0.2.1;@=x`, "", "a name that is no token"},
	} {
		got := source(request(proxy, "Forwarded", row.field))
		assert.Equal(t, row.want, text(got), "Forwarded %q: %s", row.field, row.reason)
	}
}

// FuzzElementRoundTrip: whatever a client writes and whatever else a proxy
// notes, an element that a correct proxy builds gives its address back.
func FuzzElementRoundTrip(f *testing.F) {
	f.Add("for=192.0.2.66", "note", []byte{192, 0, 2, 1}, uint16(80))
	f.Add(`for=192.0.2.66;x="`, `a"b\c,d;for=192.0.2.66`, []byte{192, 0, 2, 1}, uint16(0))
	f.Add(`\`, `\`, []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, uint16(1))
	source := Proxies{Trusted: fuzzTrusted}.Forwarded(RFC7239)
	quote := strings.NewReplacer(`"`, `\"`, `\`, `\\`)
	f.Fuzz(func(t *testing.T, written, note string, ip []byte, port uint16) {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok || len(note) > 200 || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Skip("not what a correct proxy writes")
		}
		want := addr.Unmap()
		if want.IsUnspecified() || want.IsMulticast() {
			want = netip.Addr{}
		}
		for _, p := range fuzzTrusted {
			if p.Contains(want) {
				t.Skip("the client is a proxy")
			}
		}
		element := `by=_proxy;note="` + quote.Replace(note) + `";for="` + netip.AddrPortFrom(addr, port).String() + `";proto=https`
		got := source(request(proxy, "Forwarded", written+", "+element+", for=10.0.0.2"))
		if got != want {
			t.Errorf("%q after %q: got %v, want %v", element, written, got, want)
		}
	})
}
