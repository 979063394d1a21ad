package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

const year = 365 * 24 * time.Hour

// Whatever a plan grants, the fields can be parsed, and the middleware refuses
// what is beyond the plan.
func TestOddQuotasAreKeptAndReported(t *testing.T) {
	most := int(min(int64(999_999_999_999_999), math.MaxInt-1)) // what a field can carry, and an int holds
	for _, c := range []struct {
		reason        string
		quota         ratelimit.Quota
		first, second int
		policy        string
	}{
		{"one a year", ratelimit.Quota{N: 1, Per: year}, 200, 429, `"default";q=1;w=31536000`},
		{"one in a hundred years", ratelimit.Quota{N: 1, Per: 100 * year}, 200, 429, `"default";q=1;w=3153600000`},
		{"a billion a nanosecond", ratelimit.Quota{N: 1e9, Per: 1}, 200, 200, `"default";q=1000000000;w=1`},
		{"one at once of a billion a nanosecond", ratelimit.Quota{N: 1e9, Per: 1, Burst: 1}, 200, 200, `"default";q=1;w=1`},
		{"as many as a field can carry", ratelimit.Quota{N: most, Per: 1}, 200, 200, fmt.Sprintf(`"default";q=%d;w=1`, most)},
		{"more than that", ratelimit.Quota{N: math.MaxInt - 1, Per: 1}, 403, 403, `"default";q=0;w=1`},
		{"a negative number", ratelimit.PerHour(math.MinInt), 403, 403, `"default";q=0;w=3600`},
		{"a negative time", ratelimit.Quota{N: 1, Per: math.MinInt64}, 403, 403, `"default";q=0;w=1`},
		{"no time", ratelimit.Quota{N: 1}, 403, 403, `"default";q=0;w=1`},
		{"a negative burst", ratelimit.Quota{N: 1, Per: time.Hour, Burst: math.MinInt}, 403, 403, `"default";q=0;w=3600`},
		{"a bucket that does not fill in a life", ratelimit.Quota{N: 1, Per: math.MaxInt64}, 403, 403, `"default";q=0;w=9223372037`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if c.reason == "more than that" && strconv.IntSize == 32 {
				t.Skip("no int holds more")
			}
			synctest.Test(t, func(t *testing.T) {
				h := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(peer),
					QuotaFor: func(*http.Request) ratelimit.Quota { return c.quota }})(http.HandlerFunc(ok))
				one, two := get(h), get(h)
				assert.Equal(t, c.first, one.Code)
				assert.Equal(t, c.second, two.Code)
				for _, w := range []*httptest.ResponseRecorder{one, two} {
					assert.Equal(t, c.policy, w.Header().Get("RateLimit-Policy"))
					items, err := parseList(w.Header()["Ratelimit"])
					require.NoError(t, err)
					require.Len(t, items, 1, w.Header())
					if after := w.Header().Get("Retry-After"); w.Code != 429 {
						assert.Empty(t, after)
					} else if assert.NotEmpty(t, after) {
						time.Sleep(c.quota.Per - time.Second)
						assert.Equal(t, 429, get(h).Code)
						time.Sleep(time.Second)
						assert.Equal(t, 200, get(h).Code)
					}
				}
			})
		})
	}
}

func TestOddCostsChargeWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		cost, status int
		left         string
	}{
		{math.MinInt, 200, `"default";r=10;t=3600`},
		{-1, 200, `"default";r=10;t=3600`},
		{0, 200, `"default";r=10;t=3600`},
		{10, 200, `"default";r=0;t=360`},
		{11, 403, `"default";r=10`},
		{math.MaxInt, 403, `"default";r=10`},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(10), Key: ratelimit.ByIP(peer),
				Cost: func(*http.Request) int { return c.cost }})(http.HandlerFunc(ok))
			w := get(h)
			assert.Equal(t, c.status, w.Code, "%d", c.cost)
			assert.Equal(t, c.left, w.Header().Get("RateLimit"), "%d", c.cost)
		})
	}
}

// What a request has really cost may come from a client or from an upstream.
func TestSpendOfAnySizeStaysInBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spend := []int{}
		h := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(10), Key: ratelimit.ByIP(peer),
			Cost: func(*http.Request) int { return 1 }})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, n := range spend {
				assert.NoError(t, ratelimit.Spend(r.Context(), n))
			}
		}))
		spend = []int{math.MaxInt, math.MaxInt, math.MaxInt}
		assert.Equal(t, 200, get(h).Code)
		spend = nil
		assert.Equal(t, 429, get(h).Code)
		time.Sleep(time.Hour) // a bucket owes at most what it can hold
		assert.Equal(t, 429, get(h).Code)
		time.Sleep(6 * time.Minute)
		assert.Equal(t, 200, get(h).Code)

		time.Sleep(time.Hour)
		spend = []int{math.MinInt, math.MinInt, -1}
		w := get(h)
		assert.Equal(t, 200, w.Code)
		spend = nil
		assert.Equal(t, `"default";r=9;t=3240`, get(h).Header().Get("RateLimit"), "no more comes back than was charged")
	})
}

func TestRefundAfterAnySpendReturnsTheCharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.ByIP(peer),
			Cost: func(*http.Request) int { return 1 }}}})
		l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d, _ := ratelimit.FromContext(r.Context())
			for range 2 { // one more would come around to where it began
				assert.NoError(t, ratelimit.Spend(r.Context(), math.MaxInt))
			}
			assert.NoError(t, d.Refund(r.Context()))
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		d, err := l.Check(httptest.NewRequest("GET", "/", nil))
		require.NoError(t, err)
		assert.Equal(t, 9, d.Verdicts[0].Remaining)
	})
}

// A limiter of the caller's decides as it would elsewhere, whatever a header
// field can report of it.
func TestCallersLimiterMayBeOfAnySize(t *testing.T) {
	for _, c := range []struct {
		reason  string
		limiter *rate.Limiter
		status  int
		state   string
	}{
		{"any number at once", rate.NewLimiter(1, math.MaxInt), 200, `"default";r=3153600000;t=3153600000`}, // a float64 cannot represent one less,
		{"full in 114 years", rate.NewLimiter(rate.Every(time.Hour), 1_000_000), 200, `"default";r=875999;t=3153596400`},
		{"next to nothing, and one at once", rate.NewLimiter(1e-300, 1), 200, `"default";r=0;t=3153600000`},
		{"next to nothing, and some at once", rate.NewLimiter(1e-300, 5), 200, `"default";r=0;t=3153600000`},
		{"nearly without a bound", rate.NewLimiter(1e300, 1), 200, `"default";r=1;t=1`},
		{"without a bound", rate.NewLimiter(rate.Inf, 0), 200, ""},
		{"nothing at once", rate.NewLimiter(1, 0), 403, `"default";r=0`},
		{"nothing", rate.NewLimiter(0, 0), 403, `"default";r=0`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if c.limiter.Burst() == math.MaxInt && strconv.IntSize == 32 {
				t.Skip("a float64 represents all 2³¹ of them")
			}
			h := ratelimit.New(ratelimit.Policy{Limiter: c.limiter})(http.HandlerFunc(ok))
			w := get(h)
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.state, w.Header().Get("RateLimit"))
			for _, field := range []string{"Ratelimit", "Ratelimit-Policy"} {
				_, err := parseList(w.Header()[field])
				assert.NoError(t, err)
			}
		})
	}
}

// broken is a store that panics, or that blocks until its context is done.
type broken struct {
	panics, blocks atomic.Bool
	ratelimit.Store
}

func (b *broken) Take(ctx context.Context, buckets []ratelimit.Bucket) error {
	if b.panics.Load() {
		panic("the store is broken")
	}
	if b.blocks.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.Store.Take(ctx, buckets)
}

func TestStoreThatPanicsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &broken{Store: ratelimit.NewMemory(10)}
		h := ratelimit.NewLimiter(ratelimit.Options{Store: store, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.ByIP(peer)}}}).
			Wrap(http.HandlerFunc(ok))
		assert.Equal(t, 200, get(h).Code)
		store.panics.Store(true)
		for range 3 {
			assert.Panics(t, func() { get(h) })
		}
		store.panics.Store(false)
		assert.Equal(t, 200, get(h).Code)
	})
}

func TestClientsLeavingABlockedStoreChargeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &broken{Store: ratelimit.NewMemory(10)}
		store.blocks.Store(true)
		h := ratelimit.NewLimiter(ratelimit.Options{Store: store, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.ByIP(peer)}}}).
			Wrap(http.HandlerFunc(ok))
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
				assert.NotEqual(t, 200, w.Code, "no work is done for a client that left")
			})
		}
		wg.Wait()
		store.blocks.Store(false)
		assert.Equal(t, `"default";r=9;t=3240`, get(h).Header().Get("RateLimit"), "the store decided, and there was no outage")
	})
}

func TestHostileKeysAreKeysLikeOthers(t *testing.T) {
	keys := []string{strings.Repeat("k", 1<<20), strings.Repeat("k", 1<<20) + "l", "\x00", "\x00everyone", "\xff\xfe", "a\r\nb", "{slot}", "sha256:", "sha256:x", strings.Repeat("é", 64), strings.Repeat("é", 64) + "x"}
	key := ""
	h := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: func(*http.Request) string { return key }})(http.HandlerFunc(ok))
	for _, key = range keys {
		assert.Equal(t, 200, get(h).Code, "%.20q", key)
	}
	for _, key = range keys {
		assert.NotEqual(t, 200, get(h).Code, "%.20q", key)
	}
	key = ""
	for range 3 {
		assert.Equal(t, 200, get(h).Code, "an empty key exempts")
	}
}

func TestInFlightKeepsNoSlotOfAHandlerThatEnds(t *testing.T) {
	n, badLimit := 0, false
	limit := func() int {
		if badLimit {
			panic("no limit today")
		}
		return n
	}
	for _, c := range []struct {
		reason string
		handle http.HandlerFunc
	}{
		{"returns", ok},
		{"panics", func(http.ResponseWriter, *http.Request) { panic("oops") }},
		{"aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"exits its goroutine", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }},
		{"while the limit is negative", func(http.ResponseWriter, *http.Request) { n = -5 }},
		{"while Limit panics", func(http.ResponseWriter, *http.Request) { badLimit = true }},
	} {
		t.Run(c.reason, func(t *testing.T) {
			n, badLimit = 1, false
			handle := c.handle
			h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Limit: limit, Advertise: true,
				Key: func(*http.Request) string { return "k" }, PerKey: 1})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r) }))
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }()
				get(h)
			}()
			<-done
			n, badLimit, handle = 1, false, ok
			assert.Equal(t, 200, get(h).Code)
		})
	}
}

// headerless panics in Header.
type headerless struct{ http.ResponseWriter }

func (headerless) Header() http.Header { panic("no header") }

func TestInFlightFreesTheSlotOnAnyConnection(t *testing.T) {
	hijack := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			conn.Close()
		}
	}
	for _, c := range []struct {
		reason string
		http2  bool
		leaves bool // the client, while the handler runs
		handle http.HandlerFunc
	}{
		{"an upgrade", false, false, hijack},
		{"an abort", false, false, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"an abort of a stream", true, false, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"a stream that its client resets", true, true, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"a connection that its client closes", false, true, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(c.reason, func(t *testing.T) {
			ended := make(chan struct{}, 8) // a client may repeat a request
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			inside := ratelimit.InFlight(1)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/last" {
					return
				}
				if c.leaves {
					cancel()
				}
				c.handle(w, r)
			}))
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { ended <- struct{}{} }()
				inside.ServeHTTP(w, r)
			}))
			srv.EnableHTTP2 = c.http2
			srv.StartTLS()
			defer srv.Close()
			r, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
			require.NoError(t, err)
			if res, err := srv.Client().Do(r); err == nil {
				res.Body.Close()
			}
			<-ended
			res, err := srv.Client().Get(srv.URL + "/last")
			require.NoError(t, err)
			res.Body.Close()
			assert.Equal(t, 200, res.StatusCode)
		})
	}
}

func TestInFlightKeepsNoSlotOfAWriterThatPanics(t *testing.T) {
	h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, Advertise: true})(http.HandlerFunc(ok))
	assert.Panics(t, func() { h.ServeHTTP(headerless{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil)) })
	assert.Equal(t, 200, get(h).Code)
}

func TestCallbacksThatPanicHoldNothingUp(t *testing.T) {
	bad := true
	fails := func() {
		if bad {
			panic("callback")
		}
	}
	for _, c := range []struct {
		reason string
		o      ratelimit.Options
	}{
		{"Key", ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: func(*http.Request) string { fails(); return "k" }}}}},
		{"Cost", ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.Everyone, Cost: func(*http.Request) int { fails(); return 1 }}}}},
		{"QuotaFor", ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.Everyone, QuotaFor: func(*http.Request) ratelimit.Quota { fails(); return ratelimit.Quota{} }}}}},
		{"CountStatus", ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.Everyone, CountStatus: func(int) bool { fails(); return true }}}}},
		{"OnDecision", ratelimit.Options{OnDecision: func(*http.Request, ratelimit.Decision) { fails() }, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.Everyone}}}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			bad = true
			h := ratelimit.NewLimiter(c.o).Wrap(http.HandlerFunc(ok))
			for range 3 {
				assert.Panics(t, func() { get(h) })
			}
			bad = false
			w := get(h)
			assert.Equal(t, 200, w.Code)
		})
	}
}

func TestOneLimiterAroundItselfChargesEachTime(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(4), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 1 }}}})
	h := l.Wrap(l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, ratelimit.Spend(r.Context(), -1))
	})))
	w := get(h)
	assert.Equal(t, 200, w.Code)
	d, _ := l.Check(httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 3, d.Verdicts[0].Remaining, "both charges came back")
}

var errDown = errors.New("down")

// failing is a store that is down.
type failing struct{}

func (failing) Take(context.Context, []ratelimit.Bucket) error { return errDown }

func TestOutageKeepsOddCostsInBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cost := 0
		l := ratelimit.NewLimiter(ratelimit.Options{Store: failing{}, Replicas: math.MaxInt, OnDecision: func(*http.Request, ratelimit.Decision) {},
			Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return cost }}}})
		h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = ratelimit.Spend(r.Context(), math.MaxInt)
			_ = ratelimit.Spend(r.Context(), math.MinInt)
		}))
		for _, cost = range []int{math.MinInt, 0, 11, math.MaxInt, 10, 1} {
			want := 200
			if cost > 10 {
				want = 403
			}
			assert.Equal(t, want, get(h).Code, "%d", cost)
		}
	})
}
