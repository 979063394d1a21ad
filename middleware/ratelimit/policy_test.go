package ratelimit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBurstSmallerThanTheRateIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok, ratelimit.Policy{Quota: ratelimit.Quota{N: 10, Per: time.Second, Burst: 4}, Key: byUser})
		admitted := 0
		for range 60 {
			if get(h, as("a")).Code == 200 {
				admitted++
			}
		}
		assert.Equal(t, 4, admitted)
	})
}

func TestQuotaForGrantsQuotasOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plans := map[string]ratelimit.Quota{
			"paid":  ratelimit.PerMinute(3),
			"staff": ratelimit.Unlimited(),
			"off":   ratelimit.PerMinute(0),
			"wrong": {N: 5},
		}
		h := limit(ok, ratelimit.Policy{
			Quota:    ratelimit.PerMinute(1),
			Key:      byUser,
			QuotaFor: func(r *http.Request) ratelimit.Quota { return plans[r.Header.Get("X-Plan")] },
		})
		plan := func(p string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("X-Plan", p); r.Header.Set("X-User", p) }
		}
		for _, c := range []struct {
			reason, plan  string
			codes         []int
			policy, state string
		}{
			{"a plan that is not in the table", "none", []int{200, 429}, `"default";q=1;w=60`, `"default";r=0;t=60`},
			{"a greater quota", "paid", []int{200, 200, 200, 429}, `"default";q=3;w=60`, `"default";r=0;t=20`},
			{"no bound", "staff", []int{200, 200, 200, 200, 200}, "", ""},
			{"a quota of nothing", "off", []int{403, 403}, `"default";q=0;w=60`, `"default";r=0`},
			{"a quota that cannot work", "wrong", []int{403}, `"default";q=0;w=1`, `"default";r=0`},
		} {
			var w *httptest.ResponseRecorder
			for _, code := range c.codes {
				w = get(h, plan(c.plan))
				assert.Equal(t, code, w.Code, c.reason)
			}
			assert.Equal(t, c.policy, w.Header().Get("RateLimit-Policy"), c.reason)
			assert.Equal(t, c.state, w.Header().Get("RateLimit"), c.reason)
			assert.Equal(t, c.plan == "off" || c.plan == "wrong" || c.plan == "staff", w.Header().Get("Retry-After") == "", c.reason)
		}
	})
}

func TestQuotaThatChangesStartsWithAFullBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quota := ratelimit.PerMinute(100)
		h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerMinute(1), Key: byUser, QuotaFor: func(*http.Request) ratelimit.Quota { return quota }})
		for range 50 {
			get(h, as("a"))
		}
		quota = ratelimit.PerMinute(10)
		w := get(h, as("a"))
		assert.Equal(t, `"default";r=9;t=54`, w.Header().Get("RateLimit"), "never below zero, and in its own units")
	})
}

func TestCountStatusRefundsWhatDoesNotCount(t *testing.T) {
	only401 := func(status int) bool { return status == http.StatusUnauthorized }
	write := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
	}
	for _, c := range []struct {
		reason  string
		handler http.HandlerFunc
		counts  bool
	}{
		{"a failed login", write(401), true},
		{"a successful one", write(204), false},
		{"a body without a status is a 200", ok, false},
		{"so is an empty response", func(http.ResponseWriter, *http.Request) {}, false},
		{"a hint is not the status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(401) }, true},
		{"the first status is", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); w.WriteHeader(401) }, false},
		{"a body came first", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "x"); w.WriteHeader(401) }, false},
		{"a flush came first", func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			w.WriteHeader(401)
		}, false},
		{"a copied file came first", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
			w.WriteHeader(401)
		}, false},
		{"an empty one sends nothing", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.(io.ReaderFrom).ReadFrom(http.NoBody)
			w.WriteHeader(401)
		}, true},
		{"a panic is a 500", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		{"a panic after the status is not", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401); panic(http.ErrAbortHandler) }, true},
		{"a hijacked connection is a 101", func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
		}, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			store := ratelimit.NewMemory(10)
			srv := httptest.NewUnstartedServer(ratelimit.NewLimiter(ratelimit.Options{
				Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(3), Key: ratelimit.Everyone, CountStatus: only401}},
				Store:    store,
			}).Wrap(c.handler))
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.Start()
			if res, err := srv.Client().Get(srv.URL); err == nil {
				res.Body.Close()
			}
			srv.Close() // waits for the handler, but not for a hijacked one
			want := 3
			if c.counts {
				want = 2
			}
			assert.Eventually(t, func() bool { return remaining(store, ratelimit.PerHour(3)) == want }, 5*time.Second, time.Millisecond)
		})
	}
}

// remaining is what is left of a quota in the bucket of Everyone.
func remaining(store ratelimit.Store, q ratelimit.Quota) int {
	d, _ := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Quota: q, Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 0 }}}, Store: store}).Check(httptest.NewRequest("GET", "/", nil))
	return d.Verdicts[0].Remaining
}

func TestManyGuessesAtOnceDoNotEvadeTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checked := 0
		var mu sync.Mutex
		h := limit(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			checked++
			mu.Unlock()
			time.Sleep(time.Second) // a slow hash
			w.WriteHeader(401)
		}, ratelimit.Policy{Quota: ratelimit.PerHour(5), Key: byUser, CountStatus: func(s int) bool { return s == 401 }})
		for range 100 {
			go get(h, as("mallory"))
		}
		synctest.Wait()
		assert.Equal(t, 5, checked)
		time.Sleep(2 * time.Second)
	})
}

func TestCountStatusLeavesOtherPoliciesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok,
			ratelimit.Policy{Name: "failures", Quota: ratelimit.PerHour(2), Key: byUser, CountStatus: func(s int) bool { return s >= 400 }},
			ratelimit.Policy{Name: "all", Quota: ratelimit.PerHour(10), Key: byUser},
			ratelimit.Policy{Name: "shadow", Quota: ratelimit.PerHour(1), Key: byUser, Shadow: true, CountStatus: func(int) bool { return false }},
		)
		for i := range 5 {
			w := get(h, as("a"))
			assert.Equal(t, fmt.Sprintf(`"failures";r=1;t=1800,"all";r=%d;t=%d`, 9-i, 360*(9-i)), w.Header().Get("RateLimit"))
		}
	})
}

func TestWriterIsPassedThroughUnlessNeeded(t *testing.T) {
	rec := httptest.NewRecorder()
	var got http.ResponseWriter
	limit(func(w http.ResponseWriter, r *http.Request) { got = w },
		ratelimit.Policy{Quota: ratelimit.PerHour(5), Key: ratelimit.Everyone},
		ratelimit.Policy{Name: "free", Quota: ratelimit.PerHour(5), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 0 }, CountStatus: func(int) bool { return true }},
	).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	assert.Same(t, rec, got)
}

// Where nothing was charged, nothing depends on the status.
func TestCountStatusIsNotAskedForNothing(t *testing.T) {
	var statuses []int
	h := limit(ok,
		ratelimit.Policy{Name: "free", Quota: ratelimit.PerHour(5), Key: byUser, Cost: func(*http.Request) int { return 0 }, CountStatus: func(int) bool { t.Error("there is nothing to refund"); return false }},
		ratelimit.Policy{Name: "all", Quota: ratelimit.PerHour(5), Key: byUser, CountStatus: func(s int) bool { statuses = append(statuses, s); return false }},
	)
	get(h, as("a"))
	assert.Equal(t, []int{200}, statuses)
}

// The decision is for those that may change it: Deny, and handlers with a Cost.
func TestADecisionIsForDenyAndForCosts(t *testing.T) {
	calls := 0
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}},
		Deny: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, known := ratelimit.FromContext(r.Context())
			assert.True(t, known)
			calls++
		}),
	}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, known := ratelimit.FromContext(r.Context())
		assert.False(t, known)
		assert.Error(t, ratelimit.Spend(r.Context(), 1))
		calls++
	}))
	get(h, as("a"))
	get(h, as("a"))
	assert.Equal(t, 2, calls)
}

func TestSpendChargesWhatARequestHasReallyCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spend int
		var err error
		h := limit(func(w http.ResponseWriter, r *http.Request) { err = ratelimit.Spend(r.Context(), spend) },
			ratelimit.Policy{Name: "tokens", Quota: ratelimit.PerMinute(600), Key: byUser, Cost: func(*http.Request) int { return 10 }},
			ratelimit.Policy{Name: "requests", Quota: ratelimit.PerMinute(60), Key: byUser},
		)
		for _, c := range []struct {
			reason string
			spend  int
			next   string
		}{
			{"an estimate that was right", 0, `"tokens";r=580;t=58,"requests";r=58;t=58`},
			{"more", 90, `"tokens";r=480;t=48,"requests";r=57;t=57`},
			{"less", -5, `"tokens";r=475;t=48,"requests";r=56;t=56`},
			{"never less than nothing", -1000, `"tokens";r=475;t=48,"requests";r=55;t=55`},
			{"more than there is", 600, ""},
		} {
			spend = c.spend
			assert.Equal(t, 200, get(h, as("a")).Code, c.reason)
			assert.NoError(t, err)
			spend = 0
			if c.next != "" {
				h2 := get(h, as("a"))
				assert.Equal(t, c.next, h2.Header().Get("RateLimit"), c.reason)
				time.Sleep(time.Second) // one request, ten tokens
				continue
			}
			w := get(h, as("a"))
			assert.Equal(t, 429, w.Code)
			assert.Equal(t, `"tokens";r=0;t=14`, w.Header().Get("RateLimit"), "the client waits the longer")
		}
	})
}

func TestSpendReachesTheOuterLimiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cost := ratelimit.NewMemory(10), func(*http.Request) int { return 1 }
		inner := ratelimit.NewLimiter(ratelimit.Options{Store: store, Policies: []ratelimit.Policy{{Name: "inner", Quota: ratelimit.PerMinute(60), Key: byUser, Cost: cost}}}).
			Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, ratelimit.Spend(r.Context(), 4)) }))
		h := ratelimit.New(ratelimit.Policy{Name: "outer", Quota: ratelimit.PerHour(3600), Key: byUser, Cost: cost})(inner)
		get(h, as("a"))
		assert.Equal(t, []string{`"outer";r=3594;t=3594`, `"inner";r=54;t=54`}, get(h, as("a")).Header().Values("RateLimit"))
	})
}

func TestSpendWithoutARequestIsAnError(t *testing.T) {
	assert.Error(t, ratelimit.Spend(t.Context(), 1))
	var err error
	get(limit(func(w http.ResponseWriter, r *http.Request) { err = ratelimit.Spend(r.Context(), 1) },
		ratelimit.Policy{Quota: ratelimit.PerMinute(60), Key: ratelimit.Everyone}))
	assert.Error(t, err, "no policy has a Cost")
}

func TestSpendAfterTheClientHasGoneStillCharges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.delay = time.Millisecond // and it minds the context
		ctx, cancel := context.WithCancel(context.Background())
		h, _ := fleet(s, ratelimit.Options{Policies: []ratelimit.Policy{
			{Quota: ratelimit.PerHour(60), Key: byUser, Cost: func(*http.Request) int { return 1 }, CountStatus: func(int) bool { return cancel == nil }},
			{Name: "other", Quota: ratelimit.PerHour(60), Key: byUser, Cost: func(*http.Request) int { return 1 }},
		}}, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			assert.NoError(t, ratelimit.Spend(r.Context(), 30))
		})
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		r.Header.Set("X-User", "a")
		h.ServeHTTP(httptest.NewRecorder(), r)
		assert.Equal(t, `"default";r=59;t=3540,"other";r=28;t=1680`, get(h, as("a")).Header().Get("RateLimit"), "and returns a unit")
	})
}

func TestDenyHasTheDecisionInTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{{Quota: ratelimit.PerMinute(1), Key: byUser}},
			Deny: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				d, found := ratelimit.FromContext(r.Context())
				assert.True(t, found)
				assert.False(t, d.Allowed)
				assert.Equal(t, time.Minute, d.RetryAfter)
				respond.Problem(w, r, problem.New(420, problem.Title("Enhance Your Calm")))
			}),
		}).Wrap(http.HandlerFunc(ok))
		assert.Equal(t, "ok", get(h, as("a")).Body.String())
		w := get(h, as("a"))
		assert.Equal(t, 420, w.Code)
		assert.Equal(t, "60", w.Header().Get("Retry-After"))
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.Equal(t, `"default";r=0;t=60`, w.Header().Get("RateLimit"))
	})
}

func TestCheckDecidesWithoutAResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{
			{Name: "minute", Quota: ratelimit.PerMinute(2), Key: byUser},
			{Name: "hour", Quota: ratelimit.PerHour(60), Key: byUser},
		}})
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-User", "a")
		d, err := c.Check(r)
		require.NoError(t, err)
		assert.True(t, d.Allowed)
		assert.Nil(t, d.Problem())
		assert.Equal(t, []ratelimit.Verdict{
			{Policy: "minute", Key: "a", Quota: ratelimit.Quota{N: 2, Per: time.Minute, Burst: 2}, Cost: 1, Allowed: true, Remaining: 1, Window: 30 * time.Second},
			{Policy: "hour", Key: "a", Quota: ratelimit.Quota{N: 60, Per: time.Hour, Burst: 60}, Cost: 1, Allowed: true, Remaining: 59, Window: 59 * time.Minute},
		}, d.Verdicts)
		header := http.Header{}
		d.SetHeader(header)
		assert.Equal(t, `"minute";r=1;t=30,"hour";r=59;t=3540`, header.Get("RateLimit"))
		assert.Equal(t, `"minute";q=2;w=60,"hour";q=60;w=3600`, header.Get("RateLimit-Policy"))

		last, _ := c.Check(r)
		d, err = c.Check(r)
		require.NoError(t, err, "to be over the limit is no error")
		assert.False(t, d.Allowed)
		assert.Equal(t, 30*time.Second, d.RetryAfter)
		assert.False(t, d.Verdicts[0].Allowed)
		assert.True(t, d.Verdicts[1].Allowed, "by itself")

		// The problem can be returned from a handler.
		w := httptest.NewRecorder()
		respond.Fail(w, r, d.Problem())
		assert.Equal(t, 429, w.Code)
		assert.Equal(t, "30", w.Header().Get("Retry-After"))
		assert.Equal(t, `"minute";r=0;t=30`, w.Header().Get("RateLimit"))
		assert.True(t, errors.Is(d.Problem(), problem.New(429)))

		require.NoError(t, last.Refund(t.Context()))
		require.NoError(t, last.Refund(t.Context()), "a second time gives nothing")
		require.NoError(t, d.Refund(t.Context()), "nor does a refused one")
		assert.Equal(t, 200, get(c.Wrap(http.HandlerFunc(ok)), as("a")).Code)
		assert.Equal(t, 429, get(c.Wrap(http.HandlerFunc(ok)), as("a")).Code, "one was returned, for all handlers of the limiter")
	})
}

func TestZeroDecisionIsHarmless(t *testing.T) {
	var d ratelimit.Decision
	assert.Nil(t, d.Problem())
	d.SetHeader(http.Header{})
	assert.NoError(t, d.Refund(t.Context()))
}

func TestDecisionsMayBeKept(t *testing.T) {
	var kept []ratelimit.Decision
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies:   []ratelimit.Policy{{Quota: ratelimit.PerHour(50), Key: byUser}},
		OnDecision: func(_ *http.Request, d ratelimit.Decision) { kept = append(kept, d) },
	}).Wrap(http.HandlerFunc(ok))
	for i := range 60 {
		get(h, as(strconv.Itoa(i%2)))
	}
	for i, d := range kept {
		assert.Equal(t, strconv.Itoa(i%2), d.Verdicts[0].Key)
		assert.Equal(t, 49-i/2, d.Verdicts[0].Remaining)
		header := http.Header{}
		d.SetHeader(header)
		assert.Contains(t, header.Get("RateLimit"), fmt.Sprintf("r=%d;", 49-i/2))
	}
}

func TestHandlersOfOneMiddlewareShareTheirBuckets(t *testing.T) {
	policy := ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: byUser}
	mw := ratelimit.New(policy)
	assert.Equal(t, 200, get(mw(http.HandlerFunc(ok)), as("a")).Code)
	assert.Equal(t, 429, get(mw(http.HandlerFunc(ok)), as("a")).Code)

	l := ratelimit.Options{Policies: []ratelimit.Policy{policy}, Store: ratelimit.NewMemory(10)}
	assert.Equal(t, 200, get(ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok)), as("a")).Code)
	assert.Equal(t, 429, get(ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok)), as("a")).Code, "a Store is shared too")
	l.Store = nil
	assert.Equal(t, 200, get(ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok)), as("a")).Code)
	assert.Equal(t, 200, get(ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok)), as("a")).Code)
}

// The limiter inside and outside of Normalize, which holds an error until it
// knows its text, and of Timeout, which runs the handler elsewhere.
func TestCountStatusSeesTheFinalStatus(t *testing.T) {
	type mw = func(http.Handler) http.Handler
	timeout, quiet := middleware.Timeout(time.Minute), middleware.RecoverWith(middleware.RecoverOptions{Report: func(*http.Request, middleware.Report) {}})
	for _, c := range []struct {
		reason         string
		outer, inner   []mw
		handler        http.HandlerFunc
		client, status int
	}{
		{"an error without a body", []mw{middleware.Normalize}, nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }, 401, 401},
		{"an error with a text", []mw{middleware.Normalize}, nil, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 401) }, 401, 401},
		{"inside", nil, []mw{middleware.Normalize}, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 401) }, 401, 401},
		{"a panic after a held error", []mw{quiet, middleware.Normalize}, nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401); panic("oops") }, 500, 500},
		{"a panic that is met inside", nil, []mw{middleware.Normalize, quiet}, func(w http.ResponseWriter, r *http.Request) { panic("oops") }, 500, 500},
		{"a code that cannot be sent", []mw{middleware.Normalize}, nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(42) }, 500, 500},
		{"in time", []mw{middleware.Normalize, timeout}, nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }, 401, 401},
		{"around Timeout", []mw{middleware.Normalize}, []mw{timeout}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }, 401, 401},
		{"too late", []mw{middleware.Normalize}, []mw{timeout}, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 503, 503},
		{"under an access log", []mw{middleware.RequestID, middleware.AccessLogWith(middleware.AccessLogOptions{Logger: slog.New(slog.DiscardHandler)}), middleware.Normalize}, nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(409) }, 409, 409},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := 0
				var h http.Handler = c.handler
				all := slices.Concat(c.outer, []mw{ratelimit.New(ratelimit.Policy{
					Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone, CountStatus: func(s int) bool { seen = s; return false },
				})}, c.inner)
				for _, m := range slices.Backward(all) {
					h = m(h)
				}
				assert.Equal(t, c.client, get(h).Code)
				assert.Equal(t, c.status, seen)
				assert.Equal(t, c.client, get(h).Code, "returned")
			})
		})
	}
}

func TestNormalizedRedirectHasNoExhaustedField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Normalize(ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: byUser})(http.RedirectHandler("/", 302)))
		w := get(h, as("a"))
		assert.Equal(t, 302, w.Code)
		assert.Empty(t, w.Header().Values("RateLimit"))
		assert.NotEmpty(t, w.Header().Values("RateLimit-Policy"))
	})
}

func TestRefusalIsWrittenByTheOuterResponder(t *testing.T) {
	r := &respond.Responder{Instance: func(*http.Request) string { return "urn:x" }}
	for name, mw := range map[string]func(http.Handler) http.Handler{
		"the limiter":  ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone}),
		"two policies": ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone}, ratelimit.Policy{Name: "two", Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone}),
	} {
		h := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: r})(mw(http.HandlerFunc(ok)))
		get(h)
		assert.Contains(t, get(h).Body.String(), `"instance":"urn:x"`, name)
	}
}

// A flood of refusals leaves no record, and an outage one a minute.
func TestFloodDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		responder := &respond.Responder{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		s := newServer()
		h := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}}, Store: s, Responder: responder,
		}).Wrap(http.HandlerFunc(ok))
		for range 1000 {
			get(h, as("a"))
		}
		assert.Empty(t, log.String())
		s.err = errors.New(strings.Repeat("long", 10_000))
		for range 120 {
			for range 100 {
				get(h, as("a"))
			}
			time.Sleep(time.Second)
		}
		assert.Equal(t, 2, strings.Count(log.String(), "\n"))
		assert.Less(t, log.Len(), 8<<10)
		assert.Contains(t, log.String(), "level=WARN")
	})
}
