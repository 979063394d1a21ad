package main

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// plans are the quotas of the plans.
var plans = map[string]ratelimit.Quota{
	"free": ratelimit.PerMinute(60),
	"pro":  ratelimit.PerMinute(6000),
}

// limitByPlan grants each user the quota of their plan.
func limitByPlan() func(http.Handler) http.Handler {
	return ratelimit.New(ratelimit.Policy{
		Name:     "plan",
		Quota:    plans["free"],
		Key:      func(r *http.Request) string { return userOf(r).name },
		QuotaFor: func(r *http.Request) ratelimit.Quota { return plans[userOf(r).plan] },
	})
}

// limitStreams bounds the open streams of each user, which end only when the client
// leaves.
func limitStreams() func(http.Handler) http.Handler {
	return ratelimit.InFlightWith(ratelimit.InFlightOptions{
		Name:       "streams",
		Max:        10_000,
		Key:        func(r *http.Request) string { return userOf(r).name },
		PerKey:     10,
		RetryAfter: 30 * time.Second,
	})
}

// limitLogins bounds how many invalid tokens an address can send: only a response of
// 401 counts.
func limitLogins() func(http.Handler) http.Handler {
	return ratelimit.New(ratelimit.Policy{
		Name:        "logins",
		Quota:       ratelimit.PerMinute(20),
		Key:         ratelimit.ByIP(clientip.Direct),
		CountStatus: func(status int) bool { return status == http.StatusUnauthorized },
		Hidden:      true,
	})
}
