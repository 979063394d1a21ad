package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// server is a Store that can fail, as one on a network does.
type server struct {
	ratelimit.Store
	err   error         // what every call returns
	delay time.Duration // before it returns
	calls int

	mu sync.Mutex
}

func newServer() *server { return &server{Store: ratelimit.NewMemory(1000)} }

func (s *server) Take(ctx context.Context, b []ratelimit.Bucket) error {
	s.mu.Lock()
	s.calls++
	err, delay := s.err, s.delay
	s.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	return s.Store.Take(ctx, b)
}

var errSecret = errors.New("dial tcp 127.0.0.1:6379: password=hunter2")

// fleet is a limiter on s around a handler, ok unless there is another, and
// what it decides.
func fleet(s *server, l ratelimit.Options, next ...http.HandlerFunc) (http.Handler, *[]ratelimit.Decision) {
	seen := new([]ratelimit.Decision)
	l.Store = s
	var mu sync.Mutex
	l.OnDecision = func(_ *http.Request, d ratelimit.Decision) {
		mu.Lock()
		defer mu.Unlock()
		*seen = append(*seen, d)
	}
	if l.Policies == nil {
		l.Policies = []ratelimit.Policy{{Quota: ratelimit.PerMinute(60), Key: byUser}}
	}
	return ratelimit.NewLimiter(l).Wrap(append(next, ok)[0]), seen
}

func TestOutageIsDecidedByTheLocalShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		h, seen := fleet(s, ratelimit.Options{Replicas: 4})
		assert.Equal(t, `"default";r=59;t=59`, get(h, as("a")).Header().Get("RateLimit"))
		s.err = errSecret
		admitted := 0
		for range 100 {
			w := get(h, as("a"))
			fields(t, w.Code, w.Header())
			assert.Equal(t, `"default";q=60;w=60`, w.Header().Get("RateLimit-Policy"), "the policy is what it was")
			assert.NotContains(t, w.Body.String(), "hunter2")
			if w.Code == 200 {
				admitted++
				continue
			}
			assert.Equal(t, 429, w.Code)
			assert.Equal(t, "4", w.Header().Get("Retry-After"), "a quarter of the rate")
		}
		assert.Equal(t, 15, admitted)
		assert.Equal(t, 2, s.calls, "the first failure opens the circuit")
		last := (*seen)[len(*seen)-1]
		assert.ErrorIs(t, last.Err, errSecret, "never silently")
		assert.Len(t, last.Verdicts, 1)
	})
}

func TestShareOfASmallQuotaKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, _ := fleet(s, ratelimit.Options{Replicas: 10, Policies: []ratelimit.Policy{
			{Quota: ratelimit.PerMinute(5), Key: byUser, Cost: func(*http.Request) int { return 1 }},
		}})
		assert.Equal(t, 200, get(h, as("a")).Code, "never below one")
		w := get(h, as("a"))
		assert.Equal(t, 429, w.Code)
		assert.Equal(t, "120", w.Header().Get("Retry-After"), "5 per minute for ten are 5 in ten minutes for one")
		h, _ = fleet(s, ratelimit.Options{Replicas: 10, Policies: []ratelimit.Policy{
			{Quota: ratelimit.PerMinute(20), Key: byUser, Cost: func(*http.Request) int { return 15 }},
		}})
		assert.Equal(t, 200, get(h, as("a")).Code, "what could pass before is not refused for ever")
		assert.Equal(t, "60", get(h, as("a")).Header().Get("Retry-After"))
	})
}

func TestOutageMayBeOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, seen := fleet(s, ratelimit.Options{Outage: ratelimit.FailOpen})
		for range 100 {
			w := get(h, as("a"))
			assert.Equal(t, 200, w.Code)
			assert.NotContains(t, w.Header(), "Ratelimit", "nothing is known")
		}
		assert.Equal(t, 1, s.calls)
		assert.ErrorIs(t, (*seen)[99].Err, errSecret)
		assert.Nil(t, (*seen)[99].Verdicts)
		assert.True(t, (*seen)[99].Allowed)
	})
}

func TestOutageMayBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, seen := fleet(s, ratelimit.Options{Outage: ratelimit.FailClosed})
		for range 3 {
			w := get(h, as("a"))
			assert.Equal(t, 503, w.Code, "an outage is no fault of the client: never 429")
			assert.Equal(t, "1", w.Header().Get("Retry-After"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.JSONEq(t, `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later."}`, w.Body.String())
		}
		assert.False(t, (*seen)[0].Allowed)
		assert.ErrorIs(t, (*seen)[0].Err, errSecret)
		s.err = nil
		time.Sleep(time.Second)
		assert.Equal(t, 200, get(h, as("a")).Code)
	})
}

func TestOneRequestASecondProbesAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, _ := fleet(s, ratelimit.Options{})
		for range 100 { // ten seconds
			get(h, as("a"))
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, 10, s.calls)
	})
}

func TestRequestsDoNotWaitForTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = errSecret
		h, _ := fleet(s, ratelimit.Options{})
		get(h, as("a"))
		time.Sleep(time.Second)
		s.delay = 500 * time.Millisecond
		go get(h, as("a"))
		synctest.Wait()
		start := time.Now()
		assert.Equal(t, 200, get(h, as("b")).Code)
		assert.Zero(t, time.Since(start))
		assert.Equal(t, 2, s.calls)
		time.Sleep(time.Second)
	})
}

func TestStoreThatComesBackIsChargedForTheOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		one, _ := fleet(s, ratelimit.Options{Replicas: 2})
		two, _ := fleet(s, ratelimit.Options{Replicas: 2})
		s.err = errSecret
		for _, h := range []http.Handler{one, two} {
			for get(h, as("a")).Code == 200 {
			}
			get(h, as("b"))
		}
		s.err = nil
		time.Sleep(time.Second) // 30 of 60 at each, one of which is back by now: 0.5 and 0.5
		w := get(one, as("a"))
		assert.Equal(t, `"default";r=29;t=29`, w.Header().Get("RateLimit"), "what one replica granted")
		w = get(two, as("a"))
		assert.Equal(t, 429, w.Code, "what both granted: the bucket is empty, there is no burst")
		assert.Equal(t, `"default";r=58;t=58`, get(one, as("b")).Header().Get("RateLimit"), "one here, of which half is back")
		time.Sleep(2 * time.Second)
		assert.Equal(t, 200, get(two, as("a")).Code)
		assert.Equal(t, `"default";r=59;t=59`, get(one, as("c")).Header().Get("RateLimit"))
		calls := s.calls
		time.Sleep(2 * time.Minute)
		get(one, as("a"))
		assert.Equal(t, calls+1, s.calls, "nothing is owed any more")
	})
}

func TestRecoveryThatFailsForgetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		h, _ := fleet(s, ratelimit.Options{})
		s.err = errSecret
		for get(h, as("a")).Code == 200 {
		}
		for range 3 {
			time.Sleep(time.Second)
			assert.Equal(t, 200, get(h, as("a")).Code)
			assert.Equal(t, 429, get(h, as("a")).Code, "one a second")
		}
		s.err = nil
		time.Sleep(time.Second)
		assert.Equal(t, 200, get(h, as("a")).Code)
		assert.Equal(t, 429, get(h, as("a")).Code)
	})
}

func TestClientThatLeavesCausesNoOutage(t *testing.T) {
	for _, mode := range []ratelimit.FailMode{ratelimit.FailLocal, ratelimit.FailOpen, ratelimit.FailClosed} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			h, seen := fleet(s, ratelimit.Options{Outage: mode})
			s.delay = 20 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			r.Header.Set("X-User", "a")
			h.ServeHTTP(w, r)
			assert.Equal(t, 503, w.Code, "nor is any work done for it")
			assert.ErrorIs(t, (*seen)[0].Err, context.DeadlineExceeded)
			w = get(h, as("a"))
			assert.Equal(t, 200, w.Code)
			assert.NoError(t, (*seen)[1].Err)
			assert.Equal(t, 2, s.calls)
		})
	}
}

func TestStoreThatHangsIsDownEvenIfClientsLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		h, seen := fleet(s, ratelimit.Options{Outage: ratelimit.FailClosed})
		s.delay = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		r.Header.Set("X-User", "a")
		h.ServeHTTP(httptest.NewRecorder(), r)
		start := time.Now()
		assert.Equal(t, 503, get(h, as("a")).Code)
		assert.Zero(t, time.Since(start))
		assert.Error(t, (*seen)[1].Err)
	})
}

func TestCorrectionsInAnOutageStayWithTheirCharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		var spend error
		var during func()
		h := ratelimit.NewLimiter(ratelimit.Options{
			Store:    s,
			Replicas: 2,
			Policies: []ratelimit.Policy{{
				Quota:       ratelimit.PerHour(60),
				Key:         byUser,
				Cost:        func(*http.Request) int { return 1 },
				CountStatus: func(status int) bool { return status == 200 },
			}},
		}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if during != nil {
				during()
				spend = ratelimit.Spend(r.Context(), 10)
			}
			if r.Method == "DELETE" {
				w.WriteHeader(404)
			}
		}))
		del := func(r *http.Request) { r.Method = "DELETE" }
		s.err = errSecret
		get(h, as("a"), del)
		assert.Equal(t, `"default";r=29;t=3480`, get(h, as("a")).Header().Get("RateLimit"), "returned here")

		s.err = nil
		time.Sleep(time.Second)
		assert.Equal(t, `"default";r=58;t=3480`, get(h, as("a")).Header().Get("RateLimit"))
		during = func() { s.err = errSecret }
		get(h, as("a"))
		assert.ErrorIs(t, spend, errSecret, "it is returned")
		during, s.err = nil, nil
		time.Sleep(time.Second)
		assert.Equal(t, `"default";r=46;t=2760`, get(h, as("a")).Header().Get("RateLimit"), "but nothing is lost: it is charged later")
	})
}

func TestCheckReturnsTheErrorOfTheStore(t *testing.T) {
	s := newServer()
	s.err = errSecret
	c := ratelimit.NewLimiter(ratelimit.Options{Store: s, Policies: []ratelimit.Policy{{Quota: ratelimit.PerMinute(1), Key: byUser}}})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-User", "a")
	d, err := c.Check(r)
	require.ErrorIs(t, err, errSecret)
	assert.True(t, d.Allowed, "by the local share")
	require.NoError(t, d.Refund(t.Context()))
	d, _ = c.Check(r)
	assert.True(t, d.Allowed)
}

func TestExemptRequestsDoNotReachTheStore(t *testing.T) {
	s := newServer()
	s.err = errSecret
	h, _ := fleet(s, ratelimit.Options{Outage: ratelimit.FailClosed})
	assert.Equal(t, 200, get(h).Code)
	assert.Zero(t, s.calls)
}

func TestOutageOptionsThatAreInvalidPanic(t *testing.T) {
	l := ratelimit.Options{Store: newServer(), Policies: []ratelimit.Policy{{Quota: ratelimit.PerMinute(1), Key: byUser}}}
	l.Replicas = -1
	assert.Panics(t, func() { ratelimit.NewLimiter(l) })
	l.Replicas, l.Outage = 0, 7
	assert.Panics(t, func() { ratelimit.NewLimiter(l) })
}

// flood sends requests of clients for 20 seconds, each a hundred a second, and
// returns how many requests passed.
func flood(h http.Handler, clients int) int {
	var passed atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			for time.Since(start) < 20*time.Second {
				if get(h, as("a")).Code == 200 {
					passed.Add(1)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	return int(passed.Load())
}

// The column before has what passed when each probe of the store renewed the
// share.
func TestOutageGrantsTheShareWhateverArrives(t *testing.T) {
	for _, c := range []struct {
		reason  string
		store   *flaky
		clients int
		before  int
		want    int
	}{
		{"the store fails after a while", &flaky{delay: 100 * time.Millisecond}, 20, 950, 50},
		{"the store hangs until it is given up", &flaky{delay: 2 * time.Second}, 20, 262, 50},
		{"the store fails at once", &flaky{}, 20, 51, 50},
		{"one client alone", &flaky{delay: 100 * time.Millisecond}, 1, 50, 50},
		{"the store comes and goes", &flaky{delay: 10 * time.Millisecond, up: 1200 * time.Millisecond, period: 3 * time.Second}, 20, 9541, 100},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.store.Store, c.store.start = ratelimit.NewMemory(1000), time.Now()
				h := ratelimit.NewLimiter(ratelimit.Options{
					Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(100), Key: byUser}},
					Store:    c.store,
					Replicas: 2,
				}).Wrap(http.HandlerFunc(ok))
				assert.LessOrEqual(t, flood(h, c.clients), c.want, "%d before", c.before)
				if c.store.up > 0 {
					assert.Positive(t, c.store.taken.Load(), "it was back for a probe")
					return
				}
				time.Sleep(36 * time.Second) // in which half a unit comes back here
				assert.Equal(t, 429, get(h, as("a")).Code)
				time.Sleep(36 * time.Second)
				assert.Equal(t, 200, get(h, as("a")).Code)
			})
		})
	}
}

// flaky is a store that fails after a delay, except that it is up at the end of
// each period.
type flaky struct {
	ratelimit.Store
	start             time.Time
	delay, up, period time.Duration
	taken             atomic.Int64
}

func (f *flaky) Take(ctx context.Context, b []ratelimit.Bucket) error {
	time.Sleep(f.delay)
	if f.up > 0 && time.Since(f.start)%f.period >= f.period-f.up {
		f.taken.Add(1)
		return f.Store.Take(ctx, b)
	}
	return errSecret
}

func TestStoreThatComesBackToManyGrantsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		h, _ := fleet(s, ratelimit.Options{Replicas: 2, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(100), Key: byUser}}})
		s.err = errSecret
		passed := 0
		for range 60 {
			if get(h, as("a")).Code == 200 {
				passed++
			}
		}
		require.Equal(t, 50, passed)
		s.err, s.delay = nil, 20*time.Millisecond
		time.Sleep(time.Second)
		get(h, as("b")) // finds the store back
		var more atomic.Int64
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if get(h, as("a")).Code == 200 {
					more.Add(1)
				}
			})
		}
		wg.Wait()
		for range 200 {
			if get(h, as("a")).Code == 200 {
				more.Add(1)
			}
		}
		assert.EqualValues(t, 50, more.Load(), "the store is charged for the outage before it decides")
	})
}

// parts is a store on two servers, one of which fails: it keeps the keys that
// begin with its letter.
type parts struct {
	server
	down map[string]error
}

func (p *parts) Part(b ratelimit.Bucket) string { return b.Key[:1] }

func (p *parts) Take(ctx context.Context, buckets []ratelimit.Bucket) error {
	p.calls++
	for _, b := range buckets {
		if err := p.down[b.Key[:1]]; err != nil {
			return fmt.Errorf("parts: %w", err)
		}
	}
	return p.Store.Take(ctx, buckets)
}

func TestPartThatIsDownLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &parts{server: server{Store: ratelimit.NewMemory(100)}, down: map[string]error{"a": &ratelimit.PartError{Part: "a", Err: errSecret}}}
		var errs int
		h := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{
				{Name: "one", Quota: ratelimit.PerHour(100), Key: byUser},
				{Name: "two", Quota: ratelimit.PerHour(100), Key: func(r *http.Request) string { return r.Header.Get("X-Plan") }},
			},
			Store: s,
			OnDecision: func(_ *http.Request, d ratelimit.Decision) {
				if d.Err != nil {
					errs++
				}
			},
		}).Wrap(http.HandlerFunc(ok))
		plan := func(k string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("X-Plan", k) } }
		for range 10 {
			get(h, as("a1"))
		}
		assert.Equal(t, 10, errs)
		assert.Equal(t, 1, s.calls, "its breaker is open")
		for range 10 {
			get(h, as("b1"))
		}
		assert.Equal(t, 10, errs, "the other part decides")
		assert.Equal(t, 11, s.calls)
		get(h, as("b1"), plan("a2"))
		assert.Equal(t, 11, errs, "a request of both needs both")
		get(h, as("b1"))
		assert.Equal(t, 11, errs, "and leaves the other one alone")

		time.Sleep(time.Second)
		get(h, as("b1"), plan("a2"))
		get(h, as("b1"))
		assert.Equal(t, 12, errs, "also if it was the one to try")
		delete(s.down, "a")
		time.Sleep(time.Second)
		get(h, as("a1"))
		get(h, as("a1"), plan("b2"))
		assert.Equal(t, 12, errs)
	})
}

func TestReplyWithoutADecisionIsNotAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.err = fmt.Errorf("LOADING: %w", ratelimit.ErrReply)
		h, seen := fleet(s, ratelimit.Options{Replicas: 2})
		for range 3 {
			assert.Equal(t, 200, get(h, as("a")).Code)
			assert.Error(t, (*seen)[len(*seen)-1].Err)
		}
		assert.Equal(t, 3, s.calls, "it is called each time")
		s.err = nil
		assert.Equal(t, `"default";r=56;t=56`, get(h, as("a")).Header().Get("RateLimit"), "and knows what was charged")
		assert.NoError(t, (*seen)[3].Err)
	})
}

func TestRefundFindsACharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		leave := make(chan struct{})
		h, _ := fleet(s, ratelimit.Options{Replicas: 2, Policies: []ratelimit.Policy{
			{Quota: ratelimit.PerHour(60), Key: byUser, CountStatus: func(status int) bool { return status != 404 }},
		}}, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "DELETE" {
				<-leave
				w.WriteHeader(404)
			}
		})
		del := func(r *http.Request) { r.Method = "DELETE" }
		s.err = errSecret
		go get(h, as("a"), del) // charged here
		go get(h, as("b"), del)
		synctest.Wait()
		s.err = nil
		time.Sleep(time.Second)
		assert.Equal(t, `"default";r=58;t=3480`, get(h, as("a")).Header().Get("RateLimit"), "the store knows of it")
		close(leave)
		synctest.Wait()
		assert.Equal(t, `"default";r=58;t=3480`, get(h, as("a")).Header().Get("RateLimit"), "and returned it")
		assert.Equal(t, `"default";r=59;t=3540`, get(h, as("b")).Header().Get("RateLimit"), "this one it never knew")
	})
}
