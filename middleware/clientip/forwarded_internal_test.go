package clientip

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	proxy    = "10.0.0.1:80"      // a trusted peer
	stranger = "203.0.113.5:4444" // any other
)

func TestForwardedReadsFromTheTrustedEnd(t *testing.T) {
	source := Forwarded(prefixes("10.0.0.0/8, 2001:db8:f::/48, 198.51.100.0/24")...)
	for _, row := range []struct{ peer, field, want, reason string }{
		// the walk
		{proxy, "192.0.2.1", "192.0.2.1", "one proxy"},
		{proxy, "192.0.2.1, 10.0.0.2", "192.0.2.1", "two proxies"},
		{proxy, "192.0.2.1,10.0.0.2\t,\t 198.51.100.9 ,10.0.0.3", "192.0.2.1", "proxies of several networks, any whitespace"},
		{proxy, "192.0.2.66, 192.0.2.1", "192.0.2.1", "the left is the client's word"},
		{proxy, "10.0.0.66, 192.0.2.1", "192.0.2.1", "an address that looks trusted, on the client's side"},
		{proxy, "192.0.2.66, 192.0.2.1, 10.0.0.2", "192.0.2.1", "forged entry before two proxies"},
		{"[::ffff:10.0.0.1]:80", "192.0.2.1", "192.0.2.1", "a mapped peer is the IPv4 proxy"},
		{"[2001:db8:f::1%eth0]:80", "192.0.2.1", "192.0.2.1", "a zone does not hide a trusted peer"},
		// the peer is not ours
		{stranger, "192.0.2.66", "203.0.113.5", "a stranger's field changes nothing"},
		{stranger, "", "203.0.113.5", "a stranger is the client"},
		{"[2001:db8::5]:1", "10.0.0.2", "2001:db8::5", "IPv6 stranger"},
		{"@", "192.0.2.66", "", "a Unix domain socket is not trusted by itself"},
		{"", "192.0.2.66", "", "no peer"},
		{"10.0.0.1", "192.0.2.66", "", "an overwritten RemoteAddr does not prove who the peer is"},
		// forms of an entry
		{proxy, "192.0.2.1:5678", "192.0.2.1", "some balancers add the port"},
		{proxy, "2001:db8::1", "2001:db8::1", "IPv6"},
		{proxy, "[2001:db8::1]", "2001:db8::1", "IPv6 in brackets"},
		{proxy, "[2001:db8::1]:5678", "2001:db8::1", "IPv6 with a port"},
		{proxy, "2001:DB8:0:0::0001", "2001:db8::1", "one client, one spelling"},
		{proxy, "::ffff:192.0.2.1", "192.0.2.1", "mapped IPv4"},
		{proxy, "[::ffff:192.0.2.1]:80", "192.0.2.1", "mapped IPv4 with a port"},
		{proxy, "fe80::1%eth0", "fe80::1", "zone dropped"},
		{proxy, "::ffff:10.0.0.9%x", "", "neither mapping nor a zone hides a proxy"},
		{proxy, "192.0.2.1, ::ffff:10.0.0.9", "192.0.2.1", "a mapped proxy is passed over"},
		{proxy, "192.0.2.1, [2001:db8:f::2%eth0]:80", "192.0.2.1", "a zoned proxy is passed over"},
		// doubt
		{proxy, "", "", "empty field"},
		{proxy, "10.0.0.2", "", "nothing but proxies: the client may be one of them, or not"},
		{proxy, "192.0.2.66, ", "", "the proxy did not know its peer; what is left of that is a forgery"},
		{proxy, "192.0.2.66,,10.0.0.2", "", "the outer proxy did not know its peer"},
		{proxy, ",", "", "nothing"},
		{proxy, ", 192.0.2.1", "192.0.2.1", "an empty entry of the client's"},
		{proxy, "192.0.2.66, unknown", "", "unknown"},
		{proxy, "192.0.2.66, unix:", "", "nginx on a Unix domain socket"},
		{proxy, "192.0.2.66, _hidden", "", "obfuscated"},
		{proxy, "192.0.2.66, -", "", "placeholder"},
		{proxy, "192.0.2.66, 0.0.0.0", "", "placeholder"},
		{proxy, "192.0.2.66, ::", "", "placeholder"},
		{proxy, "192.0.2.66, 224.0.0.1", "", "multicast"},
		{proxy, "192.0.2.66, localhost", "", "a name"},
		{proxy, "192.0.2.66, 192.0.2.999", "", "not an address"},
		{proxy, "192.0.2.66, 192.0.2.01", "", "octal for some readers"},
		{proxy, "192.0.2.66, 3221225985", "", "a number"},
		{proxy, "192.0.2.66, 192.0.2.1:", "", "empty port"},
		{proxy, "192.0.2.66, 192.0.2.1:x", "", "no port"},
		{proxy, "192.0.2.66, [192.0.2.1]", "", "IPv4 in brackets"},
		{proxy, "192.0.2.66, 2001:db8::1]", "", "half a bracket"},
		{proxy, "192.0.2.66, [2001:db8::1", "", "half a bracket"},
		{proxy, "192.0.2.66, []", "", "nothing in brackets"},
		{proxy, "192.0.2.66, [2001:db8::1]:", "", "empty port after brackets"},
		{proxy, `192.0.2.66, "192.0.2.1"`, "", "X-Forwarded-For has no quotation marks"},
		{proxy, `"192.0.2.66, 192.0.2.1`, "192.0.2.1", "nor do they hold entries together"},
		{proxy, "192.0.2.66 192.0.2.1", "", "space is no separator"},
		{proxy, "192.0.2.66; 192.0.2.1", "", "semicolon is no separator"},
		{proxy, "for=192.0.2.1", "", "the other field's syntax"},
	} {
		got := source(request(row.peer, "X-Forwarded-For", row.field))
		assert.Equal(t, row.want, text(got), "peer %q, X-Forwarded-For %q: %s", row.peer, row.field, row.reason)
	}
}

// Known deviations from a specification, with the result that it requires.
func TestForwardedDeviatesKnowingly(t *testing.T) {
	for _, row := range []struct {
		field      Field
		text, want string
		specified  string
		reason     string
	}{
		{XForwardedFor, "192.0.2.66,", "", "192.0.2.66", "RFC 9110, 5.6.1.2 skips empty list elements; here it is a proxy that did not know its peer"},
		{RFC7239, "for=192.0.2.66, ", "", "192.0.2.66", "the same"},
		{RFC7239, "for=192.0.2.1 ; by=_x", "192.0.2.1", "", "RFC 7239, 4 has no whitespace around the semicolon; its meaning is not in doubt"},
		{RFC7239, `x=", for=192.0.2.1`, "192.0.2.1", "", "the whole field is malformed; what the proxy appended is not"},
		{RFC7239, `for="[fe80::1%eth0]"`, "fe80::1", "", "RFC 3986 has no zones in an IPv6address; the zone says nothing to others"},
		{XForwardedFor, "2001:db8::1:4711", "2001:db8::1:4711", "2001:db8::1", "a port after IPv6 without brackets is read as a part of the address"},
	} {
		source := Proxies{Trusted: prefixes("10.0.0.0/8")}.Forwarded(row.field)
		got := text(source(request(proxy, string(row.field), row.text)))
		assert.Equal(t, row.want, got, "%s: %q: %s", row.field, row.text, row.reason)
		assert.NotEqual(t, row.specified, got, "no deviation any more: move the row %q", row.text)
	}
}

func TestForwardedCountsHops(t *testing.T) {
	for _, row := range []struct {
		hops        int
		field       Field
		text, want  string
		reason      string
		peer, trust string
	}{
		{1, XForwardedFor, "192.0.2.66, 192.0.2.1", "192.0.2.1", "the last entry is the only proxy's", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, "192.0.2.66, 192.0.2.1, 192.0.2.7", "192.0.2.1", "two proxies at public addresses", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, "192.0.2.7", "", "fewer entries than proxies: one was bypassed", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, "", "", "none", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, "192.0.2.1, unix:", "192.0.2.1", "a proxy in between needs no address", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, "192.0.2.66, unknown, 192.0.2.7", "", "the counted one does", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, "192.0.2.66, , 192.0.2.7", "", "an empty entry is counted, and is no address", proxy, "10.0.0.0/8"},
		{3, XForwardedFor, "192.0.2.66, , 192.0.2.7", "", "nor may one stand in between", proxy, "10.0.0.0/8"},
		{2, XForwardedFor, `192.0.2.66, "192.0.2.1, 192.0.2.7"`, "", "quotation marks do not hold entries together, or the count would reach a forged one", proxy, "10.0.0.0/8"},
		{1, XForwardedFor, "10.1.2.3", "10.1.2.3", "with a count, a client may be inside the proxies' network", proxy, "10.0.0.0/8"},
		{1, XForwardedFor, "192.0.2.66", "203.0.113.5", "a stranger is the client", stranger, "10.0.0.0/8"},
		{2, RFC7239, `for=192.0.2.66, for="[2001:db8::1]", for=_lb`, "2001:db8::1", "an obfuscated proxy in between", proxy, "10.0.0.0/8"},
		{2, RFC7239, `for=192.0.2.66, for=192.0.2.1, bad`, "", "but a well-formed one", proxy, "10.0.0.0/8"},
		{32, XForwardedFor, strings.Repeat("192.0.2.66,", 9) + "192.0.2.1" + strings.Repeat(",192.0.2.7", 31), "192.0.2.1", "the most that is examined", proxy, "10.0.0.0/8"},
	} {
		source := Proxies{Hops: row.hops, Trusted: prefixes(row.trust)}.Forwarded(row.field)
		got := source(request(row.peer, string(row.field), row.text))
		assert.Equal(t, row.want, text(got), "%d hops, peer %q, %s %q: %s", row.hops, row.peer, row.field, row.text, row.reason)
	}
}

func TestForwardedJoinsFieldLinesInOrder(t *testing.T) {
	for _, row := range []struct {
		field  Field
		lines  []string
		want   string
		reason string
	}{
		{XForwardedFor, []string{"192.0.2.66", "192.0.2.1"}, "192.0.2.1", "a proxy that adds a line instead of an entry"},
		{XForwardedFor, []string{"192.0.2.66", "192.0.2.1, 10.0.0.2", "10.0.0.3"}, "192.0.2.1", "the walk crosses lines"},
		{XForwardedFor, []string{"", "192.0.2.1"}, "192.0.2.1", "an empty line of the client's"},
		{XForwardedFor, []string{"192.0.2.66", ""}, "", "an empty line of the proxy's"},
		{XForwardedFor, nil, "", "no line at all"},
		{RFC7239, []string{`for=192.0.2.66;x="`, `for=192.0.2.1`}, "192.0.2.1", "a quoted-string does not cross lines"},
		{RFC7239, []string{`for=192.0.2.66;x="`, `", for=192.0.2.1`, `for=10.0.0.2`}, "192.0.2.1", "from either side"},
		{RFC7239, []string{`for=192.0.2.66;x="`, `", for=10.0.0.2`}, "", "the walk does not cross a broken element"},
	} {
		r := request(proxy)
		r.Header[string(row.field)] = row.lines
		got := Proxies{Trusted: prefixes("10.0.0.0/8")}.Forwarded(row.field)(r)
		assert.Equal(t, row.want, text(got), "%s %q: %s", row.field, row.lines, row.reason)
	}
}

func TestForwardedReadsOnlyTheConfiguredField(t *testing.T) {
	r := request(proxy, "X-Forwarded-For", "192.0.2.1", "Forwarded", "for=192.0.2.2", "X-Real-IP", "192.0.2.3")
	p := Proxies{Trusted: prefixes("10.0.0.0/8")}
	assert.Equal(t, "192.0.2.1", text(p.Forwarded(XForwardedFor)(r)))
	assert.Equal(t, "192.0.2.2", text(p.Forwarded(RFC7239)(r)))
	assert.Equal(t, "192.0.2.2", text(p.Forwarded("forwarded")(r)), "names of fields are case-insensitive")
	assert.Equal(t, "192.0.2.3", text(p.Header("x-real-ip")(r)))

	r.Header.Del("X-Forwarded-For")
	assert.Equal(t, "", text(p.Forwarded(XForwardedFor)(r)), "no other field fills in")
}

func TestForwardedExaminesABoundedPart(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	commas := strings.Repeat(",", 1<<20)
	quotes := strings.Repeat(`"`, 1<<20)
	for _, row := range []struct {
		field      Field
		text, want string
		reason     string
	}{
		{XForwardedFor, long + ",192.0.2.1", "192.0.2.1", "a client cannot hide behind a long entry"},
		{XForwardedFor, commas + "192.0.2.1", "192.0.2.1", "nor behind many"},
		{XForwardedFor, long, "", "one long entry"},
		{RFC7239, quotes + ",for=192.0.2.1", "192.0.2.1", "nor behind quotation marks"},
		{RFC7239, strings.Repeat(`\"`, 1<<19), "", "escapes without end"},
		{RFC7239, `for=192.0.2.1;x="` + strings.Repeat(`\"`, maxItem/2-9) + `"`, "192.0.2.1", "a long element within the bound"},
		{RFC7239, `for=192.0.2.1;x="` + strings.Repeat(`\"`, maxItem/2) + `"`, "", "and beyond it"},
		{XForwardedFor, "192.0.2.1" + strings.Repeat(",10.0.0.2", maxItems-1), "192.0.2.1", "as many entries as are examined"},
		{XForwardedFor, "192.0.2.1" + strings.Repeat(",10.0.0.2", maxItems), "", "and one more"},
		{XForwardedFor, strings.Repeat(" ", maxItem-9) + "192.0.2.1", "192.0.2.1", "an entry of the greatest length"},
		{XForwardedFor, "," + strings.Repeat(" ", maxItem-9) + "192.0.2.1", "192.0.2.1", "wherever it stands"},
		{XForwardedFor, strings.Repeat(" ", maxItem-8) + "192.0.2.1", "", "and one byte more"},
		{XForwardedFor, "," + strings.Repeat(" ", maxItem-8) + "192.0.2.1", "", "wherever it stands"},
	} {
		got := Proxies{Trusted: prefixes("10.0.0.0/8")}.Forwarded(row.field)(request(proxy, string(row.field), row.text))
		assert.Equal(t, row.want, text(got), "%s of %d bytes: %s", row.field, len(row.text), row.reason)
	}
}

func TestForwardedAllocatesNothing(t *testing.T) {
	trusted := prefixes("10.0.0.0/8, 2001:db8:f::/48")
	for _, row := range []struct {
		name   string
		source Source
		r      *http.Request
	}{
		{"direct", Direct, request("[2001:db8::1]:80")},
		{"one proxy", Forwarded(trusted...), request(proxy, "X-Forwarded-For", "192.0.2.66, 192.0.2.1")},
		{"three proxies, ports, IPv6", Forwarded(trusted...), request(proxy, "X-Forwarded-For", "[2001:db8::1]:99, 10.0.0.2:80, 2001:db8:f::2")},
		{"RFC 7239", Proxies{Trusted: trusted}.Forwarded(RFC7239), request(proxy, "Forwarded", `for="[2001:db8::1]:4711";by=_x;proto=https, for=10.0.0.2`)},
		{"hops", Proxies{Trusted: trusted, Hops: 2}.Forwarded(XForwardedFor), request(proxy, "X-Forwarded-For", "192.0.2.1, unknown")},
		{"header", Header("X-Real-IP", trusted...), request(proxy, "X-Real-IP", "192.0.2.1")},
		{"zoned peer", Direct, request("[fe80::1%eth0]:80")},
		{"self-check", SelfCheck(Direct, func(Suspicion) {}), request("192.0.2.1:80")},
	} {
		if n := testing.AllocsPerRun(200, func() { row.source(row.r) }); n != 0 {
			t.Errorf("%s: %v allocations per request, want 0", row.name, n)
		}
		assert.True(t, row.source(row.r).IsValid(), row.name)
	}
}

var fuzzTrusted = prefixes("10.0.0.0/8, 2001:db8:f::/48, 127.0.0.0/8")

func addForwardedSeeds(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", "10.0.0.2, 192.0.2.1", "192.0.2.1, 10.0.0.2", "[2001:db8::1]:80", "::ffff:10.0.0.1", "fe80::1%a", "unknown", ",", "",
		`for=192.0.2.1`, `for="[2001:db8::1]:80";by=_x`, `for=192.0.2.1;x="a,b\"c"`, `for=192.0.2.1, for=10.0.0.2`, `for="\1.2.3.4"`,
	} {
		for _, prefix := range []string{"192.0.2.66", `for=192.0.2.66;x="`, `for=192.0.2.66;x="\`, `"`, `\`, ",,,", ""} {
			f.Add(prefix, s)
		}
	}
}

// Oracle: if what the proxies wrote names a client, nothing that stands before
// it, in the same line or in lines of its own, changes the result.
func fuzzForwarded(f *testing.F, source Source, key string) {
	addForwardedSeeds(f)
	f.Fuzz(func(t *testing.T, written, appended string) {
		result := func(lines ...string) netip.Addr {
			r := request(proxy)
			r.Header[key] = lines
			got := source(r)
			checkForm(t, got)
			for _, p := range fuzzTrusted {
				if p.Contains(got) {
					t.Errorf("%s %q: the client %v is a trusted proxy", key, lines, got)
				}
			}
			return got
		}
		alone := result(appended)
		joined := result(written + "," + appended)
		added := result(written, appended)
		if alone.IsValid() && (alone != joined || alone != added) {
			t.Errorf("%s %q is %v; after %q in the same line %v, in a line before %v", key, appended, alone, written, joined, added)
		}
		direct := request(stranger, key, written, key, appended)
		if got := source(direct); text(got) != "203.0.113.5" {
			t.Errorf("%s %q from an untrusted peer: %v", key, appended, got)
		}
	})
}

func FuzzForwardedXForwardedFor(f *testing.F) {
	fuzzForwarded(f, Forwarded(fuzzTrusted...), "X-Forwarded-For")
}

func FuzzForwardedRFC7239(f *testing.F) {
	fuzzForwarded(f, Proxies{Trusted: fuzzTrusted}.Forwarded(RFC7239), "Forwarded")
}

func BenchmarkForwarded(b *testing.B) {
	cdn := prefixes("10.0.0.0/8")
	for i := range 200 {
		cdn = append(cdn, netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(i), 0}), 24))
	}
	for _, bench := range []struct {
		name   string
		source Source
		r      *http.Request
	}{
		{"Direct", Direct, request(proxy)}, // baseline
		{"OneProxy", Forwarded(cdn[:1]...), request(proxy, "X-Forwarded-For", "192.0.2.1")},
		{"CDNAndBalancer/201Prefixes", Forwarded(cdn...), request(proxy, "X-Forwarded-For", "192.0.2.1, 203.0.7.1, 10.0.0.2")},
		{"RFC7239", Proxies{Trusted: cdn[:1]}.Forwarded(RFC7239), request(proxy, "Forwarded", `for="[2001:db8::1]:4711";proto=https;host=example.com`)},
		{"Header", Header("X-Real-IP", cdn[:1]...), request(proxy, "X-Real-IP", "192.0.2.1")},
		{"SelfCheck", SelfCheck(Forwarded(cdn[:1]...), func(Suspicion) {}), request(proxy, "X-Forwarded-For", "192.0.2.1")},
		// What a client may send through a proxy that appends, and what a broken
		// or hostile proxy may send: the bounds keep all of it near the others.
		{"Client1MiB", Forwarded(cdn[:1]...), request(proxy, "X-Forwarded-For", strings.Repeat("10.0.0.2,", 1<<20/9)+"192.0.2.1")},
		{"Client1MiBOfQuotes", Proxies{Trusted: cdn[:1]}.Forwarded(RFC7239), request(proxy, "Forwarded", strings.Repeat(`\"`, 1<<19)+",for=192.0.2.1")},
		{"Proxy1MiBOfProxies", Forwarded(cdn...), request(proxy, "X-Forwarded-For", strings.Repeat("203.0.199.1,", 1<<20/12)+"203.0.199.1")},
		{"Proxy1MiBOfEscapes", Proxies{Trusted: cdn[:1]}.Forwarded(RFC7239), request(proxy, "Forwarded", strings.Repeat(`\"`, 1<<19))},
		{"Proxy32LongElements", Proxies{Trusted: cdn[:1]}.Forwarded(RFC7239), request(proxy, "Forwarded", strings.Repeat(`for=10.0.0.2;x="`+strings.Repeat(`\"`, 500)+`",`, 40)+"for=10.0.0.2")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.source(bench.r)
			}
		})
	}
}
