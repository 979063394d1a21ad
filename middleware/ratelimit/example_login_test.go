package ratelimit_test

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Five failed logins per hour for each account. A login that succeeds is refunded.
// Until then it counts, so that a hundred guesses at once do not evade the limit.
func ExamplePolicy_failedLogins() {
	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "correct horse" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	h := ratelimit.New(ratelimit.Policy{
		Name:  "logins",
		Quota: ratelimit.PerHour(5),
		Key: func(r *http.Request) string {
			user, _, _ := r.BasicAuth()
			return "user " + user // never empty, which would exempt
		},
		CountStatus: func(status int) bool { return status == http.StatusUnauthorized },
	})(login)

	password := func(p string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("alice", p) }
	}
	send(h, password("guess 1"), "RateLimit")
	send(h, password("correct horse"), "RateLimit")
	send(h, password("correct horse"), "RateLimit")
	// Output:
	// 401 | "logins";r=4;t=2880
	// 200 | "logins";r=3;t=2160
	// 200 | "logins";r=3;t=2160
}
