package ratelimit_test

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Each plan has a quota of its own. A plan that is not in the map has that of the
// policy, so no client gets Unlimited by accident.
func ExamplePolicy_plans() {
	plans := map[string]ratelimit.Quota{
		"pro":      ratelimit.PerMinute(600),
		"partners": ratelimit.Unlimited(),
	}
	h := ratelimit.New(ratelimit.Policy{
		Quota:    ratelimit.PerMinute(60),
		Key:      func(r *http.Request) string { return r.Header.Get("X-Account") }, // set by the gateway
		QuotaFor: func(r *http.Request) ratelimit.Quota { return plans[r.Header.Get("X-Plan")] },
	})(handler)

	for _, plan := range []string{"free", "pro", "partners"} {
		send(h, func(r *http.Request) {
			r.Header.Set("X-Account", "an account with plan "+plan)
			r.Header.Set("X-Plan", plan)
		}, "RateLimit-Policy")
	}
	// Output:
	// 200 | "default";q=60;w=60
	// 200 | "default";q=600;w=60
	// 200
}
