package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
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

// cluster is a store whose parts fail one by one: a key is a part.
type cluster struct {
	ratelimit.Store
	down  map[string]error
	calls int
}

func newCluster() *cluster {
	return &cluster{Store: ratelimit.NewMemory(10_000), down: map[string]error{}}
}

func (c *cluster) Part(b ratelimit.Bucket) string { return b.Key }

func (c *cluster) Take(ctx context.Context, buckets []ratelimit.Bucket) error {
	c.calls++
	var errs []error
	for _, b := range buckets {
		errs = append(errs, c.down[b.Key])
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return c.Store.Take(ctx, buckets)
}

// reaches reports whether a request of the user reaches the store.
func (c *cluster) reaches(h http.Handler, user string) bool {
	before := c.calls
	get(h, as(user))
	return c.calls > before
}

func TestOutageIsOfThePartsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		h, _ := decided(ratelimit.Options{Store: c, Policies: []ratelimit.Policy{
			{Name: "one", Quota: ratelimit.PerHour(1000), Key: byUser},
			{Name: "two", Quota: ratelimit.PerHour(1000), Key: func(r *http.Request) string { return r.Header.Get("X-Plan") }},
		}})
		plan := func(k string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("X-Plan", k) } }
		c.down["a"] = errSecret // which names no part
		assert.True(t, c.reaches(h, "a"))
		assert.False(t, c.reaches(h, "a"))
		assert.True(t, c.reaches(h, "b"), "not the whole")
		assert.True(t, c.reaches(h, "b"))

		// Of two that fail together one has only replied.
		c.down["c"], c.down["d"] = &ratelimit.PartError{Part: "c", Err: errSecret}, &ratelimit.PartError{Part: "d", Err: fmt.Errorf("LOADING: %w", ratelimit.ErrReply)}
		get(h, as("c"), plan("d"))
		assert.False(t, c.reaches(h, "c"))
		assert.True(t, c.reaches(h, "d"), "it can be reached")
		assert.True(t, c.reaches(h, "d"))
		c.down["e"], c.down["f"] = &ratelimit.PartError{Part: "e", Err: errSecret}, &ratelimit.PartError{Part: "f", Err: errSecret}
		get(h, as("e"), plan("f"))
		assert.False(t, c.reaches(h, "e"))
		assert.False(t, c.reaches(h, "f"))
	})
}

func TestReplyEndsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		h, _ := decided(ratelimit.Options{Store: c, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1000), Key: byUser}}})
		c.down["a"] = errSecret
		c.reaches(h, "a")
		c.down["a"] = fmt.Errorf("LOADING: %w", ratelimit.ErrReply)
		time.Sleep(time.Second)
		for range 3 {
			assert.True(t, c.reaches(h, "a"))
		}
	})
}

// Of so many servers only those that were there before can be down.
func TestOutageKnowsABoundedNumberOfParts(t *testing.T) {
	const most = 1024
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		h, _ := decided(ratelimit.Options{Store: c, Outage: ratelimit.FailOpen, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1000), Key: byUser}}})
		fail := func(i int) bool {
			name := strconv.Itoa(i)
			c.down[name] = &ratelimit.PartError{Part: name, Err: errSecret}
			return c.reaches(h, name)
		}
		fail(0)
		time.Sleep(900 * time.Millisecond)
		for i := 1; i < most; i++ {
			assert.True(t, fail(i))
		}
		for i := range most {
			assert.False(t, fail(i), "all are known to be down")
		}
		time.Sleep(100 * time.Millisecond)
		assert.True(t, fail(0), "it was the first")
		assert.False(t, fail(1), "one that fails again is no new one")
		assert.True(t, fail(most))
		assert.True(t, fail(1), "the others are forgotten")
		assert.False(t, fail(most))
	})
}

func TestRefusalInAnOutageEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		h, d := decided(ratelimit.Options{Store: c, Outage: ratelimit.FailClosed, Policies: []ratelimit.Policy{
			{Name: "one", Quota: ratelimit.PerHour(1000), Key: byUser},
			{Name: "two", Quota: ratelimit.PerHour(1000), Key: func(r *http.Request) string { return r.Header.Get("X-Plan") }},
		}})
		plan := func(k string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("X-Plan", k) } }
		c.down["a"], c.down["b"] = errSecret, errSecret
		get(h, as("a"))
		assert.Equal(t, time.Second, d.RetryAfter)
		time.Sleep(400 * time.Millisecond)
		get(h, as("b"))
		time.Sleep(300 * time.Millisecond)
		get(h, as("a"))
		assert.Equal(t, 300*time.Millisecond, d.RetryAfter)
		assert.NotContains(t, get(h, as("a"), plan("b")).Header(), "Ratelimit-Policy", "nothing is known")
		assert.Equal(t, 700*time.Millisecond, d.RetryAfter, "until both can be reached")
		get(h, as("b"), plan("a"))
		assert.Equal(t, 700*time.Millisecond, d.RetryAfter)
	})
}

func TestClientThatLeavesAfterAWhileIsAnOutage(t *testing.T) {
	for wait, down := range map[time.Duration]bool{100*time.Millisecond - 1: false, 100 * time.Millisecond: true} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			s.delay = time.Hour
			h, _ := fleet(s, ratelimit.Options{Outage: ratelimit.FailOpen})
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			r.Header.Set("X-User", "a")
			h.ServeHTTP(httptest.NewRecorder(), r)
			s.delay = 0
			get(h, as("a"))
			assert.Equal(t, down, s.calls == 1, "%v", wait)
		})
	}
}

// A probe that hangs does not prevent the next one.
func TestProbeIsMadeEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, _ := fleet(s, ratelimit.Options{Outage: ratelimit.FailOpen})
		get(h, as("a"))
		s.err, s.delay = nil, time.Hour
		for i := range 5 {
			time.Sleep(time.Second)
			go get(h, as("a"))
			go get(h, as("a"))
			synctest.Wait()
			assert.Equal(t, 2+i, s.calls)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestShareOfTheWholeQuotaPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, _ := fleet(s, ratelimit.Options{Replicas: 4, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(20), Key: byUser, Cost: costs}}})
		assert.Equal(t, 200, get(h, as("a"), cost(20)).Code, "it could pass before")
		assert.Equal(t, 403, get(h, as("b"), cost(21)).Code, "and this could not")
		years := 365 * 24 * time.Hour
		h, d := fleet(s, ratelimit.Options{Replicas: 4, Policies: []ratelimit.Policy{{Quota: ratelimit.Quota{N: 1, Per: 40 * years}, Key: byUser}}})
		get(h, as("a"))
		get(h, as("a"))
		assert.Equal(t, 100*years, (*d)[1].RetryAfter, "as long as can be said")
		h, d = fleet(s, ratelimit.Options{Replicas: 4, Policies: []ratelimit.Policy{{Quota: ratelimit.Quota{N: 1, Per: 20 * years}, Key: byUser}}})
		get(h, as("a"))
		get(h, as("a"))
		assert.Equal(t, 80*years, (*d)[1].RetryAfter)
	})
}

// The store is charged for what was charged here, of each bucket.
func TestStoreIsChargedForTheOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, d := fleet(s, ratelimit.Options{Replicas: 2, Policies: []ratelimit.Policy{
			{Name: "cost", Quota: ratelimit.PerHour(60), Key: byUser, Cost: costs},
			{Name: "many", Quota: ratelimit.PerHour(3600), Key: byUser},
			{Name: "shadow", Quota: ratelimit.PerHour(4), Key: byUser, Shadow: true},
		}})
		for range 3 { // of two that the shadow has here
			get(h, as("a"), cost(10))
		}
		for range 50 {
			assert.Equal(t, 429, get(h, as("a"), cost(10)).Code)
		}
		s.err = nil
		time.Sleep(time.Second)
		get(h, as("a"), cost(0))
		all := (*d)[len(*d)-1].Verdicts
		require.Len(t, all, 3)
		assert.Equal(t, []int{30, 3596, 1}, []int{all[0].Remaining, all[1].Remaining, all[2].Remaining}, "30 of 60, 3 and this one, 2 and this one")
	})
}

// A charge that is forgotten soon does not hide one that is not.
func TestStoreIsChargedForTheLongestDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, _ := fleet(s, ratelimit.Options{Replicas: 2, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(60), Key: byUser, Cost: costs}}})
		get(h, as("a"), cost(30))
		get(h, as("b"), cost(1))
		s.err = nil
		time.Sleep(4 * time.Minute)
		assert.Equal(t, `"default";r=32;t=1920`, get(h, as("a"), cost(0)).Header().Get("RateLimit"), "two of the 30 came back here meanwhile")
	})
}

func TestRefundInAnOutageIsOfOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		l := ratelimit.NewLimiter(ratelimit.Options{Store: s, Replicas: 2, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(60), Key: byUser, Cost: costs}}})
		check := func(n int) ratelimit.Decision {
			r := httptest.NewRequest("GET", "/", nil)
			as("a")(r)
			cost(n)(r)
			d, _ := l.Check(r)
			return d
		}
		var all []ratelimit.Decision
		for range 5 {
			all = append(all, check(3))
		}
		assert.Equal(t, 15, check(0).Verdicts[0].Remaining)
		require.NoError(t, all[0].Refund(t.Context()))
		require.NoError(t, all[0].Refund(t.Context()))
		assert.Equal(t, 18, check(0).Verdicts[0].Remaining, "and not what the others were charged")

		// The store knows of the charge and fails again: then it is returned here
		// alone, and once.
		s.err = nil
		time.Sleep(time.Second)
		assert.Equal(t, 48, check(0).Verdicts[0].Remaining, "it is charged for the others")
		s.err = errSecret
		assert.ErrorIs(t, all[1].Refund(t.Context()), errSecret)
		assert.Equal(t, 21, check(0).Verdicts[0].Remaining)
	})
}

func TestSpendInAnOutageThatIsOpenIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, mode := range []ratelimit.FailMode{ratelimit.FailOpen, ratelimit.FailClosed} {
			s := newServer()
			var spent error
			h, _ := fleet(s, ratelimit.Options{Outage: mode, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(60), Key: byUser, Cost: costs}}},
				func(_ http.ResponseWriter, r *http.Request) {
					s.err = errSecret
					spent = ratelimit.Spend(r.Context(), 1)
				})
			get(h, as("a"))
			assert.ErrorIs(t, spent, errSecret)
			calls := s.calls
			get(h, as("a"))
			if mode == ratelimit.FailOpen {
				assert.NoError(t, spent, "nothing was charged, nothing is")
			}
			assert.Equal(t, calls, s.calls)
		}
	})
}

func TestRefundOfNothingDoesNotCallTheStore(t *testing.T) {
	s := newRecorder()
	l := ratelimit.NewLimiter(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{
		{Name: "a", Quota: ratelimit.PerHour(60), Key: byUser}, {Name: "b", Quota: ratelimit.PerHour(60), Key: byUser, Cost: func(*http.Request) int { return 0 }},
	}})
	r := httptest.NewRequest("GET", "/", nil)
	as("a")(r)
	d, err := l.Check(r)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, d.Refund(t.Context()))
	}
	require.Len(t, s.calls, 2)
	assert.Len(t, s.calls[1], 1, "what was charged")
}

func TestSpendChargesNothingForARefusedRequest(t *testing.T) {
	store := ratelimit.NewMemory(10)
	h := ratelimit.NewLimiter(ratelimit.Options{
		Store:    store,
		Policies: []ratelimit.Policy{{Name: "few", Quota: ratelimit.PerHour(1), Key: byUser}, {Name: "many", Quota: ratelimit.PerHour(60), Key: byUser, Cost: costs}},
		Deny:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = ratelimit.Spend(r.Context(), 20); w.WriteHeader(429) }),
	}).Wrap(http.HandlerFunc(ok))
	get(h, as("a"))
	get(h, as("a"))
	b := []ratelimit.Bucket{{Policy: "many", Key: "a", Quota: ratelimit.PerHour(60)}}
	require.NoError(t, store.Take(t.Context(), b))
	assert.LessOrEqual(t, b[0].Debt, time.Minute)
}

func TestPartErrorNamesItsPart(t *testing.T) {
	assert.Equal(t, "a: "+errSecret.Error(), (&ratelimit.PartError{Part: "a", Err: errSecret}).Error())
	assert.Equal(t, errSecret.Error(), (&ratelimit.PartError{Err: errSecret}).Error())
	assert.ErrorIs(t, &ratelimit.PartError{Part: "a", Err: errSecret}, errSecret)
}

func TestAtRateIsValidForAnyRate(t *testing.T) {
	for _, limit := range []float64{1e-300, 1e-30, 1.0 / (150 * 365 * 24 * 3600), 1e-12, 1e-9, 0.1, 1.0 / 3, 1e9, 1e18, 1e23, 1e24, 1e30, 1e300} {
		q := ratelimit.AtRate(rate.Limit(limit), 1)
		assert.NotPanics(t, func() { ratelimit.New(ratelimit.Policy{Quota: q, Key: byUser}) }, "%v: %+v", limit, q)
	}
	assert.Equal(t, ratelimit.Quota{N: 1, Per: 100 * 365 * 24 * time.Hour, Burst: 1}, ratelimit.AtRate(1e-30, 1))
	for _, q := range []ratelimit.Quota{{N: -1, Per: time.Second}, {N: 1}, {N: 1, Per: -1}, {N: -1, Per: -1}} {
		assert.Zero(t, q.Limit(), "%+v", q)
	}
}
