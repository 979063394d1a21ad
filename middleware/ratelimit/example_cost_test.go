package ratelimit_test

import (
	"log"
	"net/http"
	"strconv"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// A policy in tokens of a language model. The cost of a request is estimated when
// the request arrives, and corrected when it is known.
func ExampleSpend() {
	complete := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const estimated, used = 100, 340
		if err := ratelimit.Spend(r.Context(), used-estimated); err != nil {
			log.Print(err)
		}
	})
	h := ratelimit.New(
		ratelimit.Policy{Name: "requests", Quota: ratelimit.PerMinute(60), Key: account},
		ratelimit.Policy{Name: "tokens", Quota: ratelimit.PerHour(6000), Key: account, Cost: func(*http.Request) int { return 100 }},
	)(complete)

	send(h, nil, "RateLimit")
	send(h, nil, "RateLimit")
	// Output:
	// 200 | "requests";r=59;t=59,"tokens";r=5900;t=3540
	// 200 | "requests";r=58;t=58,"tokens";r=5560;t=3336
}

// An export costs a unit for each thousand rows.
func ExamplePolicy_cost() {
	h := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(60),
		Key:   account,
		Cost: func(r *http.Request) int {
			rows, _ := strconv.Atoi(r.URL.Query().Get("rows"))
			return 1 + max(0, rows)/1000
		},
	})(handler)

	send(h, func(r *http.Request) { r.URL.RawQuery = "rows=5000" }, "RateLimit")
	send(h, func(r *http.Request) { r.URL.RawQuery = "rows=55000" }, "RateLimit", "Retry-After")
	send(h, func(r *http.Request) { r.URL.RawQuery = "rows=999999999" }, "RateLimit", "Retry-After")
	// Output:
	// 200 | "default";r=54;t=54
	// 429 | "default";r=54;t=2 | 2
	// 403 | "default";r=54
}

func account(*http.Request) string { return "account 17" }
