package ratelimit

import (
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// discard is a ResponseWriter that keeps only its header.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func request(remote string) *http.Request {
	r, _ := http.NewRequest("GET", "http://localhost/", nil)
	r.RemoteAddr = remote
	return r
}

func connection(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr()
}

// BenchmarkMiddleware has what a limiter adds to a request, with the header map
// emptied each time, as a server starts each request with an empty one.
func BenchmarkMiddleware(b *testing.B) {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	byPeer := ByIP(connection)
	for _, c := range []struct {
		name     string
		policies []Policy
	}{
		{"none", nil},
		{"allowed", []Policy{{Quota: PerSecond(1_000_000_000), Key: byPeer}}},
		{"denied", []Policy{{Quota: PerHour(1), Key: byPeer}}},
		{"two", []Policy{{Quota: PerSecond(1_000_000_000), Key: byPeer}, {Name: "day", Quota: Quota{N: 1 << 30, Per: 24 * time.Hour}, Key: byPeer}}},
		{"counted", []Policy{{Quota: PerSecond(1_000_000_000), Key: byPeer, CountStatus: func(int) bool { return true }}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var h http.Handler = next
			if c.policies != nil {
				h = New(c.policies...)(next)
			}
			w, r := &discard{header: make(http.Header)}, request("127.0.0.1:4711")
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}
