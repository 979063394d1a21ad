package ratelimit_test

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// A new limit is tried on real traffic before it refuses a request.
func ExamplePolicy_shadow() {
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{
			{Name: "old", Quota: ratelimit.PerMinute(100), Key: account},
			{Name: "new", Quota: ratelimit.PerMinute(1), Key: account, Shadow: true},
		},
		OnDecision: func(r *http.Request, d ratelimit.Decision) {
			for _, v := range d.Verdicts {
				if v.Shadow && !v.Allowed {
					fmt.Printf("%s would refuse %s for %v\n", v.Policy, v.Key, v.RetryAfter.Round(1e9))
				}
			}
		},
	}).Wrap(handler)

	send(h, nil, "RateLimit")
	send(h, nil, "RateLimit")
	// Output:
	// 200 | "old";r=99;t=60
	// new would refuse account 17 for 1m0s
	// 200 | "old";r=98;t=59
}
