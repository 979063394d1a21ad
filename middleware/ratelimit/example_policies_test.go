package ratelimit_test

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Several limits at once: per minute, per day, and the capacity of the service. A
// request that one of them refuses is charged to none.
func ExampleNew_severalPolicies() {
	byIP := ratelimit.ByIP(clientip.Direct)
	h := ratelimit.New(
		ratelimit.Policy{Name: "minute", Quota: ratelimit.PerMinute(1), Key: byIP},
		ratelimit.Policy{Name: "day", Quota: ratelimit.Quota{N: 1000, Per: 24 * time.Hour}, Key: byIP},
		ratelimit.Policy{Name: "capacity", Quota: ratelimit.PerSecond(5000), Key: ratelimit.Everyone},
	)(handler)

	send(h, nil, "RateLimit")
	send(h, nil, "RateLimit")
	// Output:
	// 200 | "minute";r=0;t=60,"day";r=999;t=86314,"capacity";r=4999;t=1
	// 429 | "minute";r=0;t=60
}

// Each user who is signed in has a bucket, whatever the address. Other clients have
// one for each address. The prefixes keep a user name from posing as an address.
func ExamplePolicy_byUser() {
	byIP := ratelimit.ByIP(clientip.Direct)
	h := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(2),
		Key: func(r *http.Request) string {
			if user, _, ok := r.BasicAuth(); ok { // checked by a middleware outside
				return "user " + user
			}
			return "address " + byIP(r)
		},
	})(handler)

	alice := func(r *http.Request) { r.SetBasicAuth("alice", "secret") }
	send(h, alice, "RateLimit")
	send(h, alice, "RateLimit")
	send(h, nil, "RateLimit")
	// Output:
	// 200 | "default";r=1;t=30
	// 200 | "default";r=0;t=30
	// 200 | "default";r=1;t=30
}

// Two tiers: one for a /64, which is usually a household, and one for the /48 around
// it, which one customer may have in full.
func ExampleByPrefix() {
	h := ratelimit.New(
		ratelimit.Policy{Name: "host", Quota: ratelimit.PerMinute(60), Key: ratelimit.ByIP(clientip.Direct)},
		ratelimit.Policy{Name: "site", Quota: ratelimit.PerHour(600), Key: ratelimit.ByPrefix(clientip.Direct, 24, 48)},
	)(handler)

	send(h, func(r *http.Request) { r.RemoteAddr = "[2001:db8:1:1::1]:4711" }, "RateLimit")
	send(h, func(r *http.Request) { r.RemoteAddr = "[2001:db8:1:2::1]:4711" }, "RateLimit")
	// Output:
	// 200 | "host";r=59;t=59,"site";r=599;t=3594
	// 200 | "host";r=59;t=59,"site";r=598;t=3588
}
