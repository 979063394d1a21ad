package ratelimit_test

import (
	"context"
	"expvar"
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Counters by policy and outcome, published at /debug/vars. With Prometheus the map
// is a CounterVec: verdicts.WithLabelValues(v.Policy, outcome(v)).Inc(). Neither
// the key nor the path is a label, since a client can create any number of them.
func ExampleLimiter_metrics() {
	verdicts, outages := new(expvar.Map), new(expvar.Int)
	outcome := func(v ratelimit.Verdict) string {
		switch {
		case v.Allowed:
			return "allowed"
		case v.Shadow:
			return "would refuse"
		}
		return "refused"
	}
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{
			{Name: "minute", Quota: ratelimit.PerMinute(2), Key: account},
			{Name: "hour", Quota: ratelimit.PerHour(1), Key: account, Shadow: true},
		},
		OnDecision: func(r *http.Request, d ratelimit.Decision) {
			for _, v := range d.Verdicts {
				verdicts.Add(v.Policy+" "+outcome(v), 1)
			}
			if d.Err != nil {
				outages.Add(1)
			}
		},
	}).Wrap(handler)

	for range 3 {
		h.ServeHTTP(discard{}, new(http.Request))
	}
	fmt.Println(verdicts)
	// Output: {"hour allowed": 1, "hour would refuse": 2, "minute allowed": 2, "minute refused": 1}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// counter has the shape of OpenTelemetry's metric.Int64Counter, whose Add takes
// attributes as options.
type counter func(ctx context.Context, n int64, attributes ...string)

func ExampleLimiter_openTelemetry() {
	var requests counter = func(_ context.Context, n int64, attributes ...string) { fmt.Println(n, attributes) }

	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{{Quota: ratelimit.PerMinute(1), Key: account}},
		OnDecision: func(r *http.Request, d ratelimit.Decision) {
			for _, v := range d.Verdicts {
				requests(r.Context(), 1, "policy="+v.Policy, fmt.Sprint("allowed=", v.Allowed))
			}
		},
	}).Wrap(handler)

	h.ServeHTTP(discard{}, new(http.Request))
	h.ServeHTTP(discard{}, new(http.Request))
	// Output:
	// 1 [policy=default allowed=true]
	// 1 [policy=default allowed=false]
}
