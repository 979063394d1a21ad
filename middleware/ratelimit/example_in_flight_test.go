package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// At most 64 reports are generated at once, at most 4 of them for one client. A
// request waits up to two seconds for a slot, unless its client disconnects.
func ExampleInFlightWith() {
	reports := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a report") })
	h := ratelimit.InFlightWith(ratelimit.InFlightOptions{
		Max:       64,
		Key:       ratelimit.ByIP(clientip.Direct),
		PerKey:    4,
		MaxWait:   2 * time.Second,
		Advertise: true,
	})(reports)

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/reports/7", nil))
	fmt.Println(w.Header().Get("RateLimit"))
	fmt.Println(w.Body)
	// Output:
	// "in-flight";r=63,"in-flight-per-key";r=3
	// a report
}

// When the service is at its limit, health checks and paying clients get the next
// slot before others. Two slots are reserved for them.
func ExampleInFlightWith_priority() {
	const health, paying, other = 2, 1, 0
	h := ratelimit.InFlightWith(ratelimit.InFlightOptions{
		Max:      64,
		Reserved: 2,
		MaxWait:  time.Second,
		Priority: func(r *http.Request) int {
			switch {
			case r.URL.Path == "/healthz":
				return health
			case planOf(r) == "paid":
				return paying
			}
			return other
		},
	})(handler)

	send(h, nil, "Retry-After")
	// Output: 200
}

// planOf returns the plan that the authentication found, not one that the client
// names.
func planOf(*http.Request) string { return "free" }
