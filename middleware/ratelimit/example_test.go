package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// send serves one request to /, changed by with, and prints the status of the
// response and the values of the named header fields that it has.
func send(h http.Handler, with func(*http.Request), fields ...string) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if with != nil {
		with(r)
	}
	h.ServeHTTP(w, r)
	fmt.Print(w.Code)
	for _, f := range fields {
		if v := w.Header().Get(f); v != "" {
			fmt.Print(" | ", v)
		}
	}
	fmt.Println()
}

var handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func Example() {
	h := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(2),
		Key:   ratelimit.ByIP(clientip.Direct),
	})(handler)

	for range 3 {
		send(h, nil, "RateLimit-Policy", "RateLimit", "Retry-After")
	}
	// Output:
	// 200 | "default";q=2;w=60 | "default";r=1;t=30
	// 200 | "default";q=2;w=60 | "default";r=0;t=30
	// 429 | "default";q=2;w=60 | "default";r=0;t=30 | 30
}
