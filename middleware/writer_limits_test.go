package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// limitsAs is a limiter with one policy of that name.
func limitsAs(name string) func(http.Handler) http.Handler {
	return ratelimit.New(ratelimit.Policy{Name: name, Quota: ratelimit.PerMinute(77), Key: ratelimit.Everyone})
}

// hints sends an interim response before the next handler has its turn.
func hints(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(103)
		next.ServeHTTP(w, r)
	})
}

// proxies sends an interim response, and forgets the header, as a ReverseProxy does.
func proxies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(103)
		clear(w.Header())
		next.ServeHTTP(w, r)
	})
}

// policiesOf returns the names of the policies of a response, and whether all of
// them have a state.
func policiesOf(h http.Header) (names []string, all bool) {
	for _, value := range h["Ratelimit-Policy"] {
		name, _, _ := strings.Cut(value, ";")
		names = append(names, strings.Trim(name, `"`))
	}
	return names, len(names) == len(h["Ratelimit"])
}

// The limits of an upstream do not leave, and those of each limiter do.
func TestTheLimitsOfEachLimiterLeave(t *testing.T) {
	never := middleware.Timeout(never)
	for why, row := range map[string]struct {
		wrap  func(http.Handler) http.Handler
		names []string
	}{
		"one alone":                        {limitsAs("one"), []string{"one"}},
		"one in a layer in a wrapper":      {middleware.Chain(plainWrapper, middleware.RequestID, limitsAs("one")), []string{"one"}},
		"two":                              {middleware.Chain(limitsAs("one"), limitsAs("two")), []string{"one", "two"}},
		"two after a hint":                 {middleware.Chain(hints, limitsAs("one"), limitsAs("two")), []string{"one", "two"}},
		"two with a hint between":          {middleware.Chain(limitsAs("one"), hints, limitsAs("two")), []string{"one", "two"}},
		"two with a hint after each":       {middleware.Chain(limitsAs("one"), hints, limitsAs("two"), hints), []string{"one", "two"}},
		"two around a proxy":               {middleware.Chain(limitsAs("one"), hints, limitsAs("two"), proxies), []string{"one", "two"}},
		"two around a Timeout and a proxy": {middleware.Chain(limitsAs("one"), limitsAs("two"), never, proxies), []string{"one", "two"}},
		"two around a proxy in a Timeout":  {middleware.Chain(limitsAs("one"), never, limitsAs("two"), proxies), []string{"one", "two"}},
		"two with a hint around a Timeout": {middleware.Chain(limitsAs("one"), hints, never, limitsAs("two")), []string{"one", "two"}},
		"two with a hint in a Timeout":     {middleware.Chain(limitsAs("one"), never, hints, limitsAs("two")), []string{"one", "two"}},
		"two before a hint in a Timeout":   {middleware.Chain(limitsAs("one"), never, limitsAs("two"), hints), []string{"one", "two"}},
		"three":                            {middleware.Chain(limitsAs("one"), hints, never, limitsAs("two"), hints, limitsAs("three")), []string{"one", "two", "three"}},
	} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, row.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("RateLimit-Policy", `"upstream"`)
				w.Header().Add("RateLimit", `"upstream"`)
				w.WriteHeader(200)
			})))
			names, all := policiesOf(a.Header)
			assert.Equal(t, row.names, names, "%s: %s", protocol, why)
			assert.True(t, all, "%s: %s: %q", protocol, why, a.Header["Ratelimit"])
		}
	}
}

// No number of fields makes those that came first disappear.
func TestTheFirstOfManyLimitsLeave(t *testing.T) {
	const bound = 255
	adds := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h["Ratelimit-Policy"] = slices.Concat(h["Ratelimit-Policy"], slices.Repeat([]string{`"own"`}, bound-1))
			next.ServeHTTP(w, r)
		})
	}
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, middleware.Chain(limitsAs("one"), adds, limitsAs("two"))(http.NotFoundHandler()))
		names, _ := policiesOf(a.Header)
		if assert.Len(t, names, bound, protocol) {
			assert.Equal(t, "one", names[0], protocol)
		}
	}
}

// A limiter that shows nothing leaves the header as it is, also for a caller in Go.
func TestALimiterMayShowNothing(t *testing.T) {
	hidden := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(77), Key: ratelimit.Everyone, Shadow: true})
	rec := httptest.NewRecorder()
	middleware.Chain(middleware.Capture(nothing), hidden)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(204)
	})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	assert.Empty(t, rec.Header())
}
