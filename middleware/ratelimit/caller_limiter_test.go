package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// recorder is a store that records its calls.
type recorder struct {
	ratelimit.Store
	calls [][]ratelimit.Bucket
	err   error
}

func newRecorder() *recorder { return &recorder{Store: ratelimit.NewMemory(100)} }

func (s *recorder) Take(ctx context.Context, b []ratelimit.Bucket) error {
	s.calls = append(s.calls, append([]ratelimit.Bucket(nil), b...))
	if s.err != nil {
		return s.err
	}
	return s.Store.Take(ctx, b)
}

// costs is a Cost for tests: the value of X-Cost.
func costs(r *http.Request) int {
	n, err := strconv.Atoi(r.Header.Get("X-Cost"))
	if err != nil {
		return 1
	}
	return n
}

func cost(n int) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Cost", strconv.Itoa(n)) }
}

// decided returns a limiter that notes its last decision.
func decided(o ratelimit.Options) (http.Handler, *ratelimit.Decision) {
	last := new(ratelimit.Decision)
	o.OnDecision = func(_ *http.Request, d ratelimit.Decision) { *last = d }
	return ratelimit.NewLimiter(o).Wrap(http.HandlerFunc(ok)), last
}

func TestCallerLimiterNeedsNoStore(t *testing.T) {
	s := newRecorder()
	lim := rate.NewLimiter(rate.Every(time.Hour), 5)
	get(ratelimit.NewLimiter(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{{Limiter: lim, Cost: costs}}}).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.NoError(t, ratelimit.Spend(r.Context(), 2))
	})))
	assert.InDelta(t, 2, lim.Tokens(), 0.1)
	h, d := decided(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{{Limiter: rate.NewLimiter(1, 1)}}})
	assert.Equal(t, 200, get(h).Code)
	assert.Equal(t, 503, get(h).Code)
	assert.Empty(t, s.calls)
	assert.Equal(t, 1, d.Verdicts[0].Cost)
	assert.Equal(t, time.Second, d.Verdicts[0].RetryAfter.Round(time.Second))
}

func TestCallerLimiterRefusesLastAndAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecorder()
		one, two := rate.NewLimiter(rate.Every(time.Minute), 5), rate.NewLimiter(rate.Every(time.Minute), 1)
		h, d := decided(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{
			{Name: "one", Limiter: one},
			{Name: "first", Quota: ratelimit.PerHour(60), Key: byUser},
			{Name: "two", Limiter: two},
			{Name: "free", Quota: ratelimit.PerHour(60), Key: byUser, Cost: func(*http.Request) int { return 0 }},
			{Name: "second", Quota: ratelimit.PerHour(1), Key: byUser, Shadow: true},
		}})
		assert.Equal(t, 200, get(h, as("a")).Code)
		w := get(h, as("a"))
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, `"two";r=0;t=60`, w.Header().Get("RateLimit"))
		assert.Equal(t, "60", w.Header().Get("Retry-After"))
		require.Len(t, s.calls, 3, "two decisions, and one refund")
		assert.Equal(t, []ratelimit.Bucket{{Policy: "first", Key: "a", Quota: ratelimit.Quota{N: 60, Per: time.Hour, Burst: 60}, Cost: -1, Mode: ratelimit.Force}}, s.calls[2],
			"what was charged: not what is free, nor what the shadow had not")
		assert.Equal(t, 4.0, one.Tokens(), "the first of the two has its unit again")
		assert.Equal(t, 4, d.Verdicts[0].Remaining)
		assert.Equal(t, 59, d.Verdicts[1].Remaining, "and the store its own")
		assert.Equal(t, []bool{true, true, false, true, false}, allowed(*d))

		// A request that the store refuses takes nothing of the caller's limiter, and
		// returns nothing.
		h, d = decided(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{
			{Name: "all", Limiter: one},
			{Name: "few", Quota: ratelimit.PerHour(1), Key: byUser},
			{Name: "many", Quota: ratelimit.PerHour(60), Key: byUser},
		}})
		get(h, as("b"))
		s.calls = nil
		assert.Equal(t, 429, get(h, as("b")).Code)
		assert.Len(t, s.calls, 1)
		assert.Equal(t, 3.0, one.Tokens())
		assert.Equal(t, []bool{true, false, true}, allowed(*d))
		assert.Equal(t, 59, d.Verdicts[2].Remaining)
	})
}

func allowed(d ratelimit.Decision) (all []bool) {
	for _, v := range d.Verdicts {
		all = append(all, v.Allowed)
	}
	return all
}

func TestCallerLimiterReturnsOnlyWhatItTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecorder()
		h, _ := decided(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{
			{Name: "all", Limiter: rate.NewLimiter(rate.Every(time.Hour), 1)},
			{Name: "free", Quota: ratelimit.PerHour(60), Key: byUser, Cost: func(*http.Request) int { return 0 }},
		}})
		get(h, as("a"))
		s.calls = nil
		assert.Equal(t, 503, get(h, as("a")).Code)
		assert.Len(t, s.calls, 1, "no refund of nothing")
	})
}

// What costs nothing passes, also where something else took more than there is.
func TestCallerLimiterInDebtGrantsWhatIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := rate.NewLimiter(rate.Every(time.Hour), 5)
		h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: lim, Cost: costs}}})
		get(h)
		lim.ReserveN(time.Now(), 5)
		lim.ReserveN(time.Now(), 5)
		assert.Equal(t, -6.0, lim.Tokens())
		assert.Equal(t, 200, get(h, cost(0)).Code)
		assert.Equal(t, []bool{true}, allowed(*d))
		w := get(h, cost(1))
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, "25200", w.Header().Get("Retry-After"))
		assert.Equal(t, 403, get(h, cost(6)).Code, "more than it ever holds")
		assert.Equal(t, 503, get(h, cost(5)).Code)
		assert.Equal(t, 200, get(h, cost(-3)).Code)
		assert.Equal(t, -6.0, lim.Tokens(), "a negative cost gives nothing")
	})
}

func TestCallerLimiterMayBeAShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim, real := rate.NewLimiter(rate.Every(time.Hour), 1), rate.NewLimiter(rate.Every(time.Hour), 2)
		h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: lim, Shadow: true}, {Name: "real", Limiter: real}}})
		for i, want := range []struct {
			code    int
			allowed []bool
		}{{200, []bool{true, true}}, {200, []bool{false, true}}, {503, []bool{false, false}}} {
			w := get(h)
			assert.Equal(t, want.code, w.Code, "%d", i)
			assert.Equal(t, want.allowed, allowed(*d), "%d", i)
			assert.NotContains(t, w.Header().Get("RateLimit"), "default")
		}
		assert.Zero(t, lim.Tokens())
		assert.Zero(t, real.Tokens())
	})
}

// A burst that is too small for a request refuses it, however soon it is full again.
func TestCallerLimiterIsNeverLargerThanItsBurst(t *testing.T) {
	for _, shadow := range []bool{false, true} {
		lim := rate.NewLimiter(1e10, 5)
		h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: lim, Shadow: shadow, Cost: func(*http.Request) int { return 6 }}}})
		get(h)
		assert.Equal(t, []bool{false}, allowed(*d), "shadow: %t", shadow)
	}
}

// At a rate of nothing a limiter grants its burst, and then never again.
func TestCallerLimiterWithoutARateGrantsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, lim := range []*rate.Limiter{rate.NewLimiter(0, 0), rate.NewLimiter(1, 0)} {
			h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: lim}}})
			w := get(h)
			assert.Equal(t, 403, w.Code)
			assert.NotContains(t, w.Header(), "Retry-After")
			assert.Equal(t, `"default";r=0`, w.Header().Get("RateLimit"))
			assert.Equal(t, ratelimit.Never, d.RetryAfter)
			assert.Equal(t, []any{1, ratelimit.Quota{Per: time.Second}}, []any{d.Verdicts[0].Cost, d.Verdicts[0].Quota})
		}
		for _, shadow := range []bool{false, true} {
			h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: rate.NewLimiter(0, 2), Shadow: shadow}}})
			for i := range 3 {
				get(h)
				assert.Equal(t, []bool{i < 2}, allowed(*d), "%d", i)
			}
		}
		lim := rate.NewLimiter(0, 2)
		h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: lim}}})
		assert.Equal(t, 200, get(h).Code)
		assert.Equal(t, 200, get(h).Code)
		assert.Equal(t, 403, get(h).Code)
		assert.Equal(t, ratelimit.Never, d.RetryAfter)
		slow := rate.NewLimiter(1e-12, 1)
		h, d = decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: slow}}})
		get(h)
		assert.Equal(t, 503, get(h).Code)
		assert.Equal(t, 100*365*24*time.Hour, d.RetryAfter, "as long as can be said")
	})
}

// AllowN is the oracle, to the nanosecond.
func TestCallerLimiterIsShortWhenAllowNIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, every := range []time.Duration{3, 7, time.Millisecond, time.Second} {
			lim, twin := rate.NewLimiter(rate.Every(every), 3), rate.NewLimiter(rate.Every(every), 3)
			h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{{Limiter: lim, Cost: costs}}})
			for i := range 200 {
				n := 1 + i%4
				code := get(h, cost(n)).Code
				assert.Equal(t, twin.AllowN(time.Now(), n), code == 200, "%v, %d", every, i)
				if code == 503 && i%3 > 0 {
					time.Sleep(d.RetryAfter)
				}
				if code == 503 && i%3 == 1 {
					time.Sleep(-1 + every/7)
				}
			}
		}
	})
}

func TestSpendTakesManyUnitsOfACallerLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			burst, spend int
			left         float64
		}{{10, 5, 4}, {10, 9, 0}, {10, 10, -1}, {10, 19, -10}, {10, 1000, -11}, {10, -1, 10}, {10, -9, 10}} {
			lim := rate.NewLimiter(rate.Every(time.Hour), row.burst)
			h := limit(func(_ http.ResponseWriter, r *http.Request) {
				assert.NoError(t, ratelimit.Spend(r.Context(), row.spend))
			},
				ratelimit.Policy{Limiter: lim, Cost: costs})
			get(h)
			assert.Equal(t, row.left, lim.Tokens(), "%+v", row)
		}
		lim := rate.NewLimiter(rate.Every(time.Hour), 10)
		h := limit(func(_ http.ResponseWriter, r *http.Request) {
			assert.NoError(t, ratelimit.Spend(r.Context(), 5))
			assert.NoError(t, ratelimit.Spend(r.Context(), -2), "returns 2, once")
		}, ratelimit.Policy{Limiter: lim, Cost: costs})
		get(h)
		assert.EqualValues(t, 6, lim.Tokens())
		lim = rate.NewLimiter(rate.Every(time.Hour), 10)
		h = limit(func(_ http.ResponseWriter, r *http.Request) {
			lim.SetBurst(0)
			assert.NoError(t, ratelimit.Spend(r.Context(), 5), "and does not hang")
		}, ratelimit.Policy{Limiter: lim, Cost: costs})
		get(h)
	})
}

func TestCallerLimiterDecidesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policies := func(lim *rate.Limiter) []ratelimit.Policy {
			return []ratelimit.Policy{{Name: "each", Quota: ratelimit.PerHour(60), Key: byUser, CountStatus: func(s int) bool { return s != 404 }}, {Name: "all", Limiter: lim}}
		}
		s := newRecorder()
		s.err = errSecret
		lim := rate.NewLimiter(rate.Every(time.Hour), 2)
		for _, mode := range []ratelimit.FailMode{ratelimit.FailOpen, ratelimit.FailClosed} {
			h, d := decided(ratelimit.Options{Store: s, Outage: mode, Policies: policies(lim)})
			get(h, as("a"))
			assert.Empty(t, d.Verdicts)
			assert.Equal(t, 2.0, lim.Tokens(), "nothing is decided, and nothing taken")
		}
		h, d := decided(ratelimit.Options{Store: s, Replicas: 2, Policies: policies(lim)})
		get(h, as("a"))
		get(h, as("a"))
		for range 40 {
			assert.Equal(t, 503, get(h, as("a")).Code)
			assert.Equal(t, []any{true, 28}, []any{d.Verdicts[0].Allowed, d.Verdicts[0].Remaining}, "it has returned what it took of the share")
		}
	})
}

// The policies are decided on in their order, at any place of the caller's limiter.
func TestCallerLimiterMayBeAtAnyPlace(t *testing.T) {
	for at := range 3 {
		synctest.Test(t, func(t *testing.T) {
			lim := rate.NewLimiter(rate.Every(time.Hour), 1)
			policies := []ratelimit.Policy{{Name: "a", Quota: ratelimit.PerHour(60), Key: byUser}, {Name: "b", Quota: ratelimit.PerMinute(6), Key: byUser}}
			policies = append(policies[:at:at], append([]ratelimit.Policy{{Name: "own", Limiter: lim}}, policies[at:]...)...)
			h := limit(ok, policies...)
			w := get(h, as("u"))
			assert.Equal(t, 200, w.Code)
			for _, item := range []string{`"own";r=0;t=3600`, `"a";r=59;t=3540`, `"b";r=5;t=50`} {
				assert.Contains(t, w.Header().Get("RateLimit"), item, "%d", at)
			}
			assert.Equal(t, 503, get(h, as("u")).Code, "%d", at)
			r := httptest.NewRecorder()
			h.ServeHTTP(r, httptest.NewRequest("GET", "/", nil))
			assert.Equal(t, 503, r.Code, "without the others")
		})
	}
}
