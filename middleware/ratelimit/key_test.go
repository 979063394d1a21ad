package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
)

func fixed(addr string) func(*http.Request) netip.Addr {
	a, _ := netip.ParseAddr(addr) // the zero Addr if there is none
	return func(*http.Request) netip.Addr { return a }
}

func TestByIPSeparatesClients(t *testing.T) {
	for _, c := range []struct {
		reason, a, b string
		same         bool
	}{
		{"one address", "192.0.2.1", "192.0.2.1", true},
		{"two addresses", "192.0.2.1", "192.0.2.2", false},
		{"one IPv6 network", "2001:db8::1", "2001:db8::2", true},
		{"its far end", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"the next IPv6 network", "2001:db8::1", "2001:db8:0:1::1", false},
		{"a mapped address is IPv4", "::ffff:192.0.2.1", "192.0.2.1", true},
		{"and one of many", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"a zone is of no matter", "fe80::1%eth0", "fe80::2%eth1", true},
		{"a translated address is IPv4", "64:ff9b::192.0.2.1", "192.0.2.1", true},
		{"and one of many", "64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false},
		{"a prefix of the translator's own is a network", "64:ff9b:1::192.0.2.1", "64:ff9b:1::192.0.2.2", true},
		{"the unknown share a bucket", "", "@", true},
		{"which no address has", "", "0.0.0.0", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			a, b := ratelimit.ByIP(fixed(c.a))(nil), ratelimit.ByIP(fixed(c.b))(nil)
			assert.Equal(t, c.same, a == b, "%q, %q", a, b)
			assert.NotEmpty(t, a, "an empty key would exempt")
		})
	}
}

func TestByPrefixSeparatesNetworks(t *testing.T) {
	a := ratelimit.ByPrefix(fixed("192.0.2.1"), 24, 48)(nil)
	assert.Equal(t, "192.0.2.0/24", a)
	assert.Equal(t, "2001:db8:1::/48", ratelimit.ByPrefix(fixed("2001:db8:1:2::3"), 24, 48)(nil))
	assert.Equal(t, "2001:db8:1:2::3", ratelimit.ByPrefix(fixed("2001:db8:1:2::3"), 24, 128)(nil))
}

func TestUnknownClientsAreLimitedTogether(t *testing.T) {
	h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(2), Key: ratelimit.ByIP(clientip.Direct)})
	for i, remote := range []string{"", "@", "/run/app.sock", "not an address", "[::1"} {
		w := get(h, func(r *http.Request) { r.RemoteAddr = remote })
		want := 200
		if i >= 2 {
			want = 429
		}
		assert.Equal(t, want, w.Code, "%q", remote)
	}
}

func TestForwardingFieldsOfAStrangerChangeNothing(t *testing.T) {
	for name, source := range map[string]clientip.Source{
		"direct":    clientip.Direct,
		"forwarded": clientip.Forwarded(netip.MustParsePrefix("192.0.2.128/25")),
	} {
		h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(source)})
		codes := []int{}
		for _, spoofed := range []string{"", "198.51.100.1", "198.51.100.2"} {
			w := get(h, func(r *http.Request) {
				r.RemoteAddr = "192.0.2.1:4711"
				if spoofed != "" {
					r.Header.Set("X-Forwarded-For", spoofed)
					r.Header.Set("Forwarded", "for="+spoofed)
					r.Header.Set("X-Real-IP", spoofed)
				}
			})
			codes = append(codes, w.Code)
			assert.NotContains(t, w.Header(), "X-Forwarded-For", "no response reports what was sent")
		}
		assert.Equal(t, []int{200, 429, 429}, codes, name)
	}
}

func TestLongKeysAreBounded(t *testing.T) {
	var keys []string
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies:   []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}},
		OnDecision: func(_ *http.Request, d ratelimit.Decision) { keys = append(keys, d.Verdicts[0].Key) },
	}).Wrap(http.HandlerFunc(ok))
	long := strings.Repeat("x", 100_000)
	assert.Equal(t, 200, get(h, as(long+"a")).Code)
	assert.Equal(t, 200, get(h, as(long+"b")).Code, "what differs at the end is another key")
	assert.Equal(t, 429, get(h, as(long+"a")).Code)
	for _, k := range keys {
		assert.LessOrEqual(t, len(k), 128)
	}
	assert.Equal(t, 200, get(h, as(keys[0])).Code, "no client can pose as a long key by sending its hash")
	assert.Equal(t, 200, get(h, as(strings.Repeat("x", 128))).Code)
	assert.Equal(t, strings.Repeat("x", 128), keys[4])
}

func TestKeyDoesNotDependOnThePath(t *testing.T) {
	h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(2), Key: ratelimit.ByIP(clientip.Direct)})
	for i, path := range []string{"/a", "/b", "/c?x=1"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		assert.Equal(t, []int{200, 200, 429}[i], w.Code)
	}
}
