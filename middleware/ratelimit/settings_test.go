package ratelimit_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"golang.org/x/time/rate"
)

// What is just possible, beside what is just not.
func TestSettingsWorkUpToTheirBounds(t *testing.T) {
	key, quota, century := ratelimit.Everyone, ratelimit.PerMinute(1), 100*365*24*time.Hour
	status := func(code int) *problem.Type { return &problem.Type{URI: "urn:x", Title: "X", Status: code} }
	policy := func(p ratelimit.Policy) func() {
		if p.Key == nil && p.Limiter == nil {
			p.Key = key
		}
		if p.Quota == (ratelimit.Quota{}) && p.Limiter == nil {
			p.Quota = quota
		}
		return func() { ratelimit.New(p) }
	}
	inFlight := func(o ratelimit.InFlightOptions) func() { return func() { ratelimit.InFlightWith(o) } }
	prefix := func(ipv4, ipv6 int) func() { return func() { ratelimit.ByPrefix(peer, ipv4, ipv6) } }
	one, own := func() int { return 1 }, func(*http.Request) int { return 1 }
	limiter := rate.NewLimiter(1, 1)
	for _, c := range []struct {
		what     string
		good     func()
		bad      func()
		complain string
	}{
		{"a name", policy(ratelimit.Policy{Name: " ~"}), policy(ratelimit.Policy{Name: "a\x7f"}), "printable ASCII"},
		{"a name", policy(ratelimit.Policy{Name: `"\`}), policy(ratelimit.Policy{Name: "\x1f"}), "printable ASCII"},
		{"a name", policy(ratelimit.Policy{Name: "x"}), policy(ratelimit.Policy{Name: "é"}), "printable ASCII"},
		{"a status", policy(ratelimit.Policy{Problem: status(400)}), policy(ratelimit.Policy{Problem: status(399)}), "status 399"},
		{"a status", policy(ratelimit.Policy{Problem: status(599)}), policy(ratelimit.Policy{Problem: status(600)}), "status 600"},
		{"a time", policy(ratelimit.Policy{Quota: ratelimit.Quota{N: 1, Per: century}}), policy(ratelimit.Policy{Quota: ratelimit.Quota{N: 1, Per: century + 1}}), "100 years"},
		{"a limiter of the caller", policy(ratelimit.Policy{Limiter: limiter}), policy(ratelimit.Policy{Limiter: limiter, Key: key}), "Limiter replaces"},
		{"a limiter of the caller", policy(ratelimit.Policy{Limiter: limiter, Cost: own}), policy(ratelimit.Policy{Limiter: limiter, QuotaFor: func(*http.Request) ratelimit.Quota { return quota }}), "Limiter replaces"},
		{"a limiter of the caller", policy(ratelimit.Policy{Limiter: limiter, Shadow: true}), policy(ratelimit.Policy{Limiter: limiter, Quota: quota}), "Limiter replaces"},
		{"bits of IPv4", prefix(1, 64), prefix(0, 64), "IPv4 prefix of 0 bits"},
		{"bits of IPv4", prefix(32, 64), prefix(33, 64), "IPv4 prefix of 33 bits"},
		{"bits of IPv6", prefix(32, 1), prefix(32, 0), "IPv6 prefix of 0 bits"},
		{"bits of IPv6", prefix(32, 128), prefix(32, 129), "IPv6 prefix of 129 bits"},
		{"a secret", func() {
			ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Key: key, Quota: quota}}, PartitionSecret: make([]byte, 16)})
		},
			func() {
				ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Key: key, Quota: quota}}, PartitionSecret: make([]byte, 15)})
			}, "15 bytes"},
		{"fields", func() {
			ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Key: key, Quota: quota}}, Fields: ratelimit.NoFields})
		},
			func() {
				ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Key: key, Quota: quota}}, Fields: 2})
			}, "Fields = 2"},
		{"slots", inFlight(ratelimit.InFlightOptions{Limit: one}), inFlight(ratelimit.InFlightOptions{Max: -1, Limit: one}), "Max = -1"},
		{"slots", inFlight(ratelimit.InFlightOptions{Max: 1}), inFlight(ratelimit.InFlightOptions{Max: 0}), "Max = 0"},
		{"a share", inFlight(ratelimit.InFlightOptions{Max: 2, Key: byUser, PerKey: 2}), inFlight(ratelimit.InFlightOptions{Max: 2, Key: byUser, PerKey: 3}), "PerKey = 3"},
		{"a share", inFlight(ratelimit.InFlightOptions{Limit: one, Key: byUser, PerKey: 3}), inFlight(ratelimit.InFlightOptions{Limit: one, Key: byUser}), "PerKey = 0"},
		{"reserved slots", inFlight(ratelimit.InFlightOptions{Max: 2, Reserved: 1, Priority: own}), inFlight(ratelimit.InFlightOptions{Max: 2, Reserved: 2, Priority: own}), "Reserved = 2"},
		{"reserved slots", inFlight(ratelimit.InFlightOptions{Limit: one, Reserved: 2, Priority: own}), inFlight(ratelimit.InFlightOptions{Max: 2, Reserved: -1, Priority: own}), "Reserved = -1"},
		{"a queue", inFlight(ratelimit.InFlightOptions{Max: 1, MaxWaiting: 1}), inFlight(ratelimit.InFlightOptions{Max: 1, MaxWaiting: -1}), "0 or more"},
		{"a pause", inFlight(ratelimit.InFlightOptions{Max: 1, RetryAfter: 1}), inFlight(ratelimit.InFlightOptions{Max: 1, RetryAfter: -1}), "0 or more"},
		{"a status", inFlight(ratelimit.InFlightOptions{Max: 1, Problem: status(400)}), inFlight(ratelimit.InFlightOptions{Max: 1, Problem: status(399)}), "status 399"},
		{"a status", inFlight(ratelimit.InFlightOptions{Max: 1, Problem: status(599)}), inFlight(ratelimit.InFlightOptions{Max: 1, Problem: status(600)}), "status 600"},
	} {
		assert.NotPanics(t, c.good, "%s that is possible, beside: %s", c.what, c.complain)
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), c.complain, c.what) }()
			c.bad()
		}()
	}
}

// most is the largest number that a header field can have, where an int can.
func most(t *testing.T) int {
	t.Helper()
	if strconv.IntSize < 64 {
		t.Skip("no int is too large for a header field")
	}
	n := int64(999_999_999_999_999)
	return int(n)
}

func TestQuotasAreAsLargeAsAFieldCanHave(t *testing.T) {
	n := most(t)
	for burst, panics := range map[int]bool{0: false, n: false, n + 1: true} {
		f := func() {
			ratelimit.New(ratelimit.Policy{Key: byUser, Quota: ratelimit.Quota{N: n, Per: 1, Burst: burst}})
		}
		if panics {
			assert.Panics(t, f, "a burst of %d", burst)
			continue
		}
		assert.NotPanics(t, f, "a burst of %d", burst)
	}
	assert.Panics(t, func() {
		ratelimit.New(ratelimit.Policy{Key: byUser, Quota: ratelimit.Quota{N: n + 1, Per: 1, Burst: 1}})
	})
	assert.Equal(t, ratelimit.Quota{N: n, Per: 1, Burst: 1}, ratelimit.AtRate(1e30, 1))
	h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: math.MaxInt, Advertise: true})(http.HandlerFunc(ok))
	assert.Equal(t, `"in-flight";q=999999999999999;qu="concurrent-requests"`, get(h).Header().Get("RateLimit-Policy"))
	assert.Equal(t, `"in-flight";r=999999999999999`, get(h).Header().Get("RateLimit"))
}

func TestSameStoreMayHoldQuotasAtTheirBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, q := range []ratelimit.Quota{{N: 1, Per: 100 * 365 * 24 * time.Hour}, {N: most(t), Per: 1}} {
			h := limit(ok, ratelimit.Policy{Quota: q, Key: byUser, Cost: func(*http.Request) int { return q.N }})
			assert.Equal(t, 200, get(h, as("a")).Code)
			w := get(h, as("a"))
			if q.Per > 1 {
				assert.Equal(t, "3153600000", w.Header().Get("Retry-After"))
			}
			assert.Equal(t, 429, w.Code)
		}
	})
}

func TestKeyIsHashedOnlyIfItIsLong(t *testing.T) {
	var key string
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies:   []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}},
		OnDecision: func(_ *http.Request, d ratelimit.Decision) { key = d.Verdicts[0].Key },
	}).Wrap(http.HandlerFunc(ok))
	for n, hashed := range map[int]bool{127: false, 128: false, 129: true, 200: true} {
		get(h, as(strings.Repeat("x", n)))
		assert.Equal(t, hashed, strings.HasPrefix(key, "sha256:"), "%d", n)
	}
	assert.Equal(t, "unknown", ratelimit.ByIP(fixed(""))(nil))
}

func TestInFlightRefusesWithItsProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{
			Max: 1, Problem: problem.TemporaryReducedCapacity, Responder: &respond.Responder{Instance: func(*http.Request) string { return "urn:x" }},
		})(inside)
		visit(t.Context(), h, "", "1")
		w := visit(t.Context(), h, "", "2")
		close(inside.out)
		assert.Equal(t, 503, w.Code)
		assert.Contains(t, w.Body.String(), problem.TemporaryReducedCapacity.URI)
		assert.Contains(t, w.Body.String(), `"instance":"urn:x"`)
		assert.Equal(t, 1, strings.Count(w.Body.String(), `"type"`))
	})
}

func TestInFlightBoundsItsQueueByItself(t *testing.T) {
	for _, c := range []struct {
		options ratelimit.InFlightOptions
		waiting int
	}{
		{ratelimit.InFlightOptions{Max: 3}, 3},
		{ratelimit.InFlightOptions{Limit: func() int { return 3 }}, 100},
		{ratelimit.InFlightOptions{Max: 3, MaxWaiting: 5}, 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			inside := newHall()
			c.options.MaxWait = time.Hour
			h := ratelimit.InFlightWith(c.options)(inside)
			var all []*httptest.ResponseRecorder
			for range 3 + c.waiting {
				all = append(all, visit(t.Context(), h, "", "waits"))
			}
			assert.Equal(t, 503, visit(t.Context(), h, "", "late").Code)
			close(inside.out)
			synctest.Wait()
			for _, w := range all {
				assert.Equal(t, "served", w.Body.String())
			}
		})
	}
}

func TestInFlightForgetsTheKeysThatHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 9, MaxWaiting: 9, MaxWait: time.Hour, Key: byUser, PerKey: 3})(inside)
		for round := range 3 {
			for range 6 { // three of them wait
				visit(t.Context(), h, "a", "a")
			}
			assert.Equal(t, 503, visit(t.Context(), h, "a", "a").Code, "%d", round)
			for range 6 {
				inside.out <- struct{}{}
				synctest.Wait()
			}
		}
		assert.Len(t, inside.entered, 18)
		assert.Equal(t, 3, inside.most)
	})
}

func TestInFlightDoesNotWaitByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, MaxWaiting: 5})(inside)
		visit(t.Context(), h, "", "1")
		start := time.Now()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		assert.Zero(t, time.Since(start))
		close(inside.out)
	})
}

// Reserved slots of a limit that falls below them leave one for the others.
func TestInFlightLeavesASlotForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		limit := 4
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 4, Reserved: 3, Limit: func() int { return limit }, Priority: byRank, Advertise: true, Key: byUser, PerKey: 2})(inside)
		visit(t.Context(), h, "a", "1 first")
		visit(t.Context(), h, "a", "1 second")
		limit = 1
		w := visit(t.Context(), h, "a", "1 third")
		assert.Equal(t, `"in-flight";r=0,"in-flight-per-key";r=0`, w.Header().Get("RateLimit"), "never below zero")
		inside.out <- struct{}{}
		inside.out <- struct{}{}
		synctest.Wait()
		visit(t.Context(), h, "b", "0 other")
		assert.Equal(t, []string{"1 first", "1 second", "0 other"}, inside.entered)
		close(inside.out)
	})
}

func TestInFlightOfAClientThatHasGoneFreesItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, MaxWait: time.Second})(inside)
		visit(t.Context(), h, "", "1")
		start := time.Now()
		go func() {
			time.Sleep(time.Second) // as long as the other one waits
			inside.out <- struct{}{}
		}()
		w := visit(t.Context(), h, "", "2")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2*time.Second, time.Since(start))
		if w.Code != 503 {
			inside.out <- struct{}{}
			synctest.Wait()
		}
		three := visit(t.Context(), h, "", "3")
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, "served", three.Body.String(), "the slot came back, in either order")
	})
}
