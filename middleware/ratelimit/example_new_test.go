package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Make the middleware once, and wrap as many handlers as you like: they share
// the buckets.
func ExampleNew() {
	limit := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(2),
		Key:   ratelimit.ByIP(clientip.Direct),
	})
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", limit(handler))
	mux.Handle("GET /search", limit(handler))

	send(mux, nil, "RateLimit")
	send(mux, func(r *http.Request) { r.URL.Path = "/search" }, "RateLimit")
	send(mux, nil, "RateLimit", "Retry-After")
	// Output:
	// 200 | "default";r=1;t=30
	// 200 | "default";r=0;t=30
	// 429 | "default";r=0;t=30 | 30
}

// A limiter with a hook for metrics, and without the RateLimit fields. To share
// the buckets between servers, add a Store of package redisstore.
func ExampleNewLimiter() {
	limiter := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{{
			Quota: ratelimit.PerMinute(1),
			Key:   ratelimit.ByIP(clientip.Direct),
		}},
		OnDecision: func(r *http.Request, d ratelimit.Decision) {
			fmt.Print("allowed: ", d.Allowed, ", status: ")
		},
		Fields: ratelimit.NoFields,
	})
	h := limiter.Wrap(handler)

	send(h, nil, "RateLimit", "Retry-After")
	send(h, nil, "RateLimit", "Retry-After")
	// Output:
	// allowed: true, status: 200
	// allowed: false, status: 429 | 60
}

// Behind a reverse proxy, the address of the client is in a header field. Trust
// that field only if it comes from the proxy.
func ExampleByIP() {
	source := clientip.Forwarded(netip.MustParsePrefix("10.0.0.0/8"))
	h := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(1),
		Key:   ratelimit.ByIP(source),
	})(handler)

	from := func(peer, client string) func(*http.Request) {
		return func(r *http.Request) {
			r.RemoteAddr = peer + ":4711"
			r.Header.Set("X-Forwarded-For", client)
		}
	}
	send(h, from("10.0.0.1", "192.0.2.1"))
	send(h, from("10.0.0.1", "192.0.2.2"))
	send(h, from("10.0.0.2", "192.0.2.1"))
	send(h, from("203.0.113.9", "192.0.2.3"))
	send(h, from("203.0.113.9", "192.0.2.4")) // not a proxy, so its field does not count
	// Output:
	// 200
	// 200
	// 429
	// 200
	// 429
}

// Up to 100 requests at once, and ten per second after that.
func ExampleQuota() {
	quota := ratelimit.Quota{N: 10, Per: time.Second, Burst: 100}
	fmt.Println(quota.Capacity(), quota.Limit())
	// Output: 100 10
}
