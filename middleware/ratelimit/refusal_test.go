package ratelimit_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

func TestRefusalIsOfTheTypeThatThePolicyChooses(t *testing.T) {
	for _, c := range []struct {
		reason string
		policy ratelimit.Policy
		status int
		kind   string
		title  string
	}{
		{"the documented 429", ratelimit.Policy{Key: byUser}, 429, "about:blank", "Too Many Requests"},
		{"the documented 503 for all together", ratelimit.Policy{Key: ratelimit.Everyone}, 503, "about:blank", "Service Unavailable"},
		{"the draft's", ratelimit.Policy{Key: byUser, Problem: problem.QuotaExceeded}, 429, problem.QuotaExceeded.URI, "Quota Exceeded"},
		{"the draft's for all together", ratelimit.Policy{Key: ratelimit.Everyone, Problem: problem.TemporaryReducedCapacity}, 503, problem.TemporaryReducedCapacity.URI, "Temporary Reduced Capacity"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			c.policy.Name, c.policy.Quota = "day", ratelimit.PerHour(1)
			h := limit(ok, c.policy)
			require.Equal(t, 200, get(h, as("a")).Code)
			w := get(h, as("a"))
			assert.Equal(t, c.status, w.Code)
			assert.NotEmpty(t, w.Header().Get("Retry-After"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			var body struct {
				Type, Title string
				Status      int
				Violated    []string `json:"violated-policies"`
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.Equal(t, c.kind, body.Type)
			assert.Equal(t, c.title, body.Title)
			assert.Equal(t, c.status, body.Status)
			assert.Equal(t, []string{"day"}, body.Violated)
		})
	}
}

func TestRefusalThatNoWaitingHelpsIsNotRetried(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(limit(func(http.ResponseWriter, *http.Request) { calls++ }, ratelimit.Policy{
		Quota: ratelimit.PerMinute(10), Key: ratelimit.ByIP(clientip.Direct), Problem: problem.QuotaExceeded,
		Cost: func(*http.Request) int { return 11 },
	}))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	d := new(problem.Details)
	require.ErrorAs(t, problem.CheckResponse(res), &d)
	assert.Equal(t, 403, d.Status)
	assert.False(t, d.Retryable())
	assert.Contains(t, d.Detail, "Waiting does not help")
	assert.NotContains(t, res.Header, "Retry-After")
	assert.Equal(t, `"default";r=10`, res.Header.Get("RateLimit"), "and no time in which anything comes")
	assert.Zero(t, calls)
}

func TestFieldsCanBeLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{{Quota: ratelimit.PerMinute(1), Key: byUser}},
			Fields:   ratelimit.NoFields,
		}).Wrap(http.HandlerFunc(ok))
		assert.Empty(t, get(h, as("a")).Header().Values("RateLimit"))
		w := get(h, as("a"))
		assert.Equal(t, 429, w.Code)
		assert.Empty(t, w.Header().Values("RateLimit"))
		assert.Empty(t, w.Header().Values("RateLimit-Policy"))
		assert.Equal(t, "60", w.Header().Get("Retry-After"), "which is no draft's")
	})
}

func TestHeaderNamesHasAllThatALimiterSets(t *testing.T) {
	w := httptest.NewRecorder()
	h := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerMinute(1), Key: byUser}}, Legacy: true}).
		Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	as("a")(r)
	h.ServeHTTP(httptest.NewRecorder(), r)
	h.ServeHTTP(w, r)
	names := map[string]bool{}
	for _, name := range ratelimit.HeaderNames() {
		names[http.CanonicalHeaderKey(name)] = true
	}
	own := map[string]bool{"Content-Type": true, "Content-Length": true, "Cache-Control": true, "X-Content-Type-Options": true, "Vary": true}
	for field := range w.Header() {
		assert.True(t, names[field] || own[field], field)
	}
	assert.Len(t, names, 6)
}

func TestPolicyAcceptsALimiterOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := rate.NewLimiter(rate.Every(10*time.Second), 2)
		store := ratelimit.NewMemory(10)
		l := ratelimit.NewLimiter(ratelimit.Options{Store: store, Policies: []ratelimit.Policy{
			{Name: "each", Quota: ratelimit.PerHour(3), Key: byUser},
			{Name: "all", Limiter: shared},
		}})
		h := l.Wrap(http.HandlerFunc(ok))
		w := get(h, as("a"))
		assert.Equal(t, `"each";q=3;w=3600,"all";q=2;w=20`, w.Header().Get("RateLimit-Policy"))
		assert.Equal(t, `"each";r=2;t=2400,"all";r=1;t=10`, w.Header().Get("RateLimit"))
		assert.True(t, shared.Allow(), "by something else in the process")
		w = get(h, as("a"))
		assert.Equal(t, 503, w.Code, "which is not the client's fault")
		assert.Equal(t, `"all";r=0;t=10`, w.Header().Get("RateLimit"))
		assert.Equal(t, "10", w.Header().Get("Retry-After"))
		time.Sleep(10 * time.Second)
		assert.Equal(t, `"each";r=1;t=1200,"all";r=0;t=10`, get(h, as("a")).Header().Get("RateLimit"), "the refused one cost nothing")

		shared.SetLimit(rate.Every(time.Second)) // it may change at any time
		time.Sleep(2 * time.Second)
		get(h, as("a"))
		assert.Equal(t, 1.0, shared.Tokens())
		assert.Equal(t, 429, get(h, as("a")).Code)
		assert.Equal(t, 1.0, shared.Tokens(), "nothing is taken for a request that another policy refuses")
		shared.SetLimit(rate.Inf)
		assert.Equal(t, `"each";r=2;t=2400`, get(h, as("b")).Header().Get("RateLimit"), "no bound")
		shared.SetBurst(0)
		shared.SetLimit(0)
		w = get(h, as("c"))
		assert.Equal(t, 403, w.Code, "nothing ever passes")
		assert.NotContains(t, w.Header(), "Retry-After")
	})
}

func TestCallersLimiterIsRefundedWhatDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := rate.NewLimiter(rate.Every(time.Hour), 10)
		spend := 0
		h := limit(func(w http.ResponseWriter, r *http.Request) {
			assert.NoError(t, ratelimit.Spend(r.Context(), spend))
			w.WriteHeader(404)
		}, ratelimit.Policy{Limiter: shared, Cost: func(*http.Request) int { return 2 }, CountStatus: func(s int) bool { return s != 404 }})
		get(h)
		assert.Equal(t, 10.0, shared.Tokens())
		h = limit(func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, ratelimit.Spend(r.Context(), 11)) },
			ratelimit.Policy{Limiter: shared, Cost: func(*http.Request) int { return 2 }})
		get(h)
		assert.Equal(t, -3.0, shared.Tokens(), "it owes what it lacks")
		w := get(h)
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, "18000", w.Header().Get("Retry-After"), "five units at one an hour")
	})
}

func TestQuotaConvertsFromAndToALimit(t *testing.T) {
	for _, q := range []ratelimit.Quota{
		ratelimit.PerSecond(1), ratelimit.PerSecond(3), ratelimit.PerMinute(100), ratelimit.PerHour(7), {N: 5, Per: 24 * time.Hour, Burst: 2},
		{N: 1, Per: 1}, {N: 999, Per: 7 * time.Millisecond}, {N: 1, Per: 30 * 24 * time.Hour},
	} {
		got := ratelimit.AtRate(q.Limit(), q.Capacity())
		assert.Equal(t, q.Limit(), got.Limit(), "%+v, %+v", q, got)
		assert.Equal(t, q.Capacity(), got.Burst)
	}
	assert.Equal(t, ratelimit.Quota{N: 1, Per: 100 * time.Millisecond, Burst: 4}, ratelimit.AtRate(rate.Every(100*time.Millisecond), 4), "as simple as can be")
	assert.Equal(t, ratelimit.Quota{N: 1, Per: 2 * time.Second, Burst: 1}, ratelimit.AtRate(0.5, 1))
	assert.Equal(t, ratelimit.Unlimited(), ratelimit.AtRate(rate.Inf, 0))
	assert.Equal(t, rate.Inf, ratelimit.Unlimited().Limit())
	for _, q := range []ratelimit.Quota{ratelimit.AtRate(0, 5), ratelimit.AtRate(-1, 5), ratelimit.AtRate(1, 0), {}} {
		assert.Zero(t, q.Limit())
	}
	most := ratelimit.Quota{N: int(min(int64(999_999_999_999_999), math.MaxInt)), Per: 7, Burst: 1}
	assert.Equal(t, most, ratelimit.AtRate(most.Limit(), 1), "the largest number that a field can have")
	assert.InEpsilon(t, 1e-8, float64(ratelimit.AtRate(1e-8, 1).Limit()), 1e-9)
	assert.InEpsilon(t, 3.14159e12, float64(ratelimit.AtRate(3.14159e12, 1).Limit()), 1e-9)
}

func TestRefundReachesABucketThatOwes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ratelimit.NewMemory(10)
		take := func(cost int, mode ratelimit.Mode) ratelimit.Bucket {
			b := []ratelimit.Bucket{{Policy: "p", Key: "k", Quota: ratelimit.PerHour(60), Cost: cost, Mode: mode}}
			require.NoError(t, m.Take(t.Context(), b))
			return b[0]
		}
		assert.Equal(t, 100*time.Minute, take(100, ratelimit.Force).Debt)
		assert.Equal(t, 90*time.Minute, take(-10, ratelimit.Force).Debt, "still below zero")
		assert.Equal(t, 50*time.Minute, take(-40, ratelimit.Force).Debt)
	})
}
