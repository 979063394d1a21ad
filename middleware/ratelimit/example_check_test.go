package ratelimit_test

import (
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// A handler that calls the limiter itself: only uploads are limited, and one that
// fails is refunded.
func ExampleLimiter_Check() {
	uploads := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{
		{Name: "uploads", Quota: ratelimit.PerHour(1), Key: account},
	}})
	store := func(*http.Request) error { return nil }

	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		d, err := uploads.Check(r)
		if err != nil {
			fmt.Println("decided without the store:", err)
		}
		if !d.Allowed {
			return d.Problem()
		}
		if err := store(r); err != nil {
			_ = d.Refund(r.Context())
			return err
		}
		d.SetHeader(w.Header())
		respond.NoContent(w)
		return nil
	})

	send(h, nil, "RateLimit")
	send(h, nil, "RateLimit", "Retry-After")
	// Output:
	// 204 | "uploads";r=0;t=3600
	// 429 | "uploads";r=0;t=3600 | 3600
}
