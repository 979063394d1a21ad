package ratelimit_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetryAfterIsThatOfTheLongestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ratelimit.NewLimiter(ratelimit.Options{Legacy: true, Policies: []ratelimit.Policy{
			{Name: "hour", Quota: ratelimit.PerHour(1), Key: byUser},
			{Name: "minute", Quota: ratelimit.PerMinute(1), Key: byUser},
		}}).Wrap(http.HandlerFunc(ok))
		get(h, as("a"))
		w := get(h, as("a"))
		assert.Equal(t, "3600", w.Header().Get("Retry-After"))
		assert.Equal(t, strconv.FormatInt(time.Now().Unix()+3600, 10), w.Header().Get("X-RateLimit-Reset"), "in the old fields, too")
		h = ratelimit.NewLimiter(ratelimit.Options{Legacy: true, Policies: []ratelimit.Policy{
			{Name: "minute", Quota: ratelimit.PerMinute(1), Key: byUser},
			{Name: "hour", Quota: ratelimit.PerHour(1), Key: byUser},
		}}).Wrap(http.HandlerFunc(ok))
		get(h, as("a"))
		w = get(h, as("a"))
		assert.Equal(t, "1", w.Header().Get("X-RateLimit-Limit"))
		assert.Equal(t, strconv.FormatInt(time.Now().Unix()+3600, 10), w.Header().Get("X-RateLimit-Reset"), "whichever policy they are of")
	})
}

func TestVerdictsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := decided(ratelimit.Options{Policies: []ratelimit.Policy{
			{Name: "two", Quota: ratelimit.PerMinute(2), Key: byUser, Cost: costs},
			{Name: "shadow", Quota: ratelimit.PerMinute(1), Key: byUser, Shadow: true},
		}})
		get(h, as("a"))
		get(h, as("a"))
		two := ratelimit.Verdict{Policy: "two", Key: "a", Quota: ratelimit.Quota{N: 2, Per: time.Minute, Burst: 2}, Cost: 1, Allowed: true, Window: 30 * time.Second}
		shadow := ratelimit.Verdict{Policy: "shadow", Key: "a", Quota: ratelimit.Quota{N: 1, Per: time.Minute, Burst: 1}, Cost: 1, Shadow: true, Window: time.Minute, RetryAfter: time.Minute}
		assert.Equal(t, []ratelimit.Verdict{two, shadow}, d.Verdicts, "one that is allowed need not wait, although nothing is left")
		assert.Zero(t, d.RetryAfter, "a shadow keeps no client waiting")
		two.Allowed, two.RetryAfter = false, 30*time.Second
		get(h, as("a"))
		assert.Equal(t, []ratelimit.Verdict{two, shadow}, d.Verdicts)

		get(h, as("b"), cost(-5))
		assert.Equal(t, 0, d.Verdicts[0].Cost)
		get(h, as("b"), cost(1))
		get(h, as("b"), cost(-5))
		assert.Equal(t, 1, d.Verdicts[0].Remaining, "a negative cost gives nothing back")
	})
}

func TestRefundReturnsWhatWasCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported int
		l := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{
				{Name: "few", Quota: ratelimit.PerMinute(2), Key: byUser, Cost: costs},
				{Name: "many", Quota: ratelimit.PerHour(60), Key: byUser},
				{Name: "shadow", Quota: ratelimit.PerHour(60), Key: byUser, Shadow: true, Cost: func(*http.Request) int { return 40 }},
			},
			OnDecision: func(*http.Request, ratelimit.Decision) { reported++ },
		})
		check := func(n int) ratelimit.Decision {
			r := httptest.NewRequest("GET", "/", nil)
			as("a")(r)
			cost(n)(r)
			d, err := l.Check(r)
			require.NoError(t, err)
			return d
		}
		left := func() []int {
			var all []int
			for _, v := range check(0).Verdicts {
				all = append(all, v.Remaining)
			}
			return all
		}
		check(2)
		assert.Equal(t, 1, reported, "Check is seen by OnDecision")
		assert.Equal(t, []int{0, 58, 20}, left(), "looking costs the second, and the shadow had no more than once")
		refused := check(1)
		require.False(t, refused.Allowed)
		require.NoError(t, refused.Refund(t.Context()))
		assert.Equal(t, []int{0, 57, 20}, left(), "nothing comes back of what was not charged")
		time.Sleep(time.Minute)
		granted := check(1)
		require.NoError(t, granted.Refund(t.Context()))
		require.NoError(t, granted.Refund(t.Context()))
		assert.Equal(t, []int{2, 57, 21}, left(), "all but the shadow's, which had none")
	})
}

func TestDenyIsGivenTheDecisionAndNoOneElse(t *testing.T) {
	var spent error
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies:   []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}},
		OnDecision: func(*http.Request, ratelimit.Decision) {},
		Deny: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(429)
			_, _ = io.WriteString(w, "later")
		}),
	}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, found := ratelimit.FromContext(r.Context())
		assert.False(t, found)
		spent = ratelimit.Spend(r.Context(), 1)
	}))
	get(h, as("a"))
	assert.Error(t, spent)
	w := get(h, as("a"))
	assert.Equal(t, "later", w.Body.String())
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

func TestRefusalIsWrittenByTheLimitersResponder(t *testing.T) {
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies:  []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}},
		Responder: &respond.Responder{Instance: func(*http.Request) string { return "urn:x" }},
	}).Wrap(http.HandlerFunc(ok))
	get(h, as("a"))
	assert.Contains(t, get(h, as("a")).Body.String(), `"instance":"urn:x"`)
}

func TestLegacyFieldsAreOfOnePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		legacy := func(policies ...ratelimit.Policy) func(http.Handler) http.Handler {
			return ratelimit.NewLimiter(ratelimit.Options{Policies: policies, Legacy: true}).Wrap
		}
		p := func(name string, q ratelimit.Quota) ratelimit.Policy {
			return ratelimit.Policy{Name: name, Quota: q, Key: byUser, Cost: costs}
		}
		three := func(w *httptest.ResponseRecorder) []string {
			h := w.Header()
			reset, _ := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
			return []string{h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining"), strconv.FormatInt(reset-time.Now().Unix(), 10)}
		}
		h := legacy(p("a", ratelimit.PerMinute(2)), p("b", ratelimit.Quota{N: 1, Per: time.Hour, Burst: 2}))(http.HandlerFunc(ok))
		assert.Equal(t, []string{"2", "1", "30"}, three(get(h, as("a"))), "of two that are as tight the first")
		h = legacy(p("a", ratelimit.PerMinute(1)), p("b", ratelimit.PerHour(3600)))(http.HandlerFunc(ok))
		assert.Equal(t, []string{"1", "0", "60"}, three(get(h, as("a"))), "also if it has nothing left")
		w := get(h, as("b"), cost(2))
		assert.Equal(t, 403, w.Code)
		assert.Equal(t, []string{"1", "1", "1"}, three(w), "no waiting helps")

		hidden := p("a", ratelimit.PerMinute(2))
		hidden.Hidden = true
		w = get(legacy(hidden)(http.HandlerFunc(ok)), as("a"))
		assert.NotContains(t, w.Header(), "X-Ratelimit-Remaining", "nothing is known")
		assert.NotContains(t, w.Header(), "Ratelimit")

		for _, c := range []struct {
			outer, inner ratelimit.Quota
			want         []string
		}{
			{ratelimit.PerMinute(2), ratelimit.PerHour(3), []string{"2", "1", "30"}},
			{ratelimit.PerMinute(4), ratelimit.PerHour(3), []string{"3", "2", "2400"}},
			{ratelimit.PerMinute(3), ratelimit.Quota{N: 1, Per: time.Hour, Burst: 3}, []string{"3", "2", "7200"}},
		} {
			h := legacy(p("outer", c.outer))(legacy(p("inner", c.inner))(http.HandlerFunc(ok)))
			assert.Equal(t, c.want, three(get(h, as("a"))), "of limiters around each other the tighter, or the inner")
		}
	})
}

func TestHiddenRefusalKeepsFieldsOfOuterLimiter(t *testing.T) {
	inner := limit(ok, ratelimit.Policy{Name: "inner", Quota: ratelimit.PerHour(1), Key: byUser, Hidden: true})
	h := ratelimit.New(ratelimit.Policy{Name: "outer", Quota: ratelimit.PerHour(9), Key: byUser})(inner)
	assert.Equal(t, `"outer";r=8;t=3200`, get(h, as("a")).Header().Get("RateLimit"))
	w := get(h, as("a"))
	assert.Equal(t, 429, w.Code)
	assert.NotContains(t, w.Header(), "Ratelimit", "whose time is none to come back at")
	assert.Equal(t, []string{`"outer";q=9;w=3600`}, w.Header().Values("RateLimit-Policy"))
}

func TestOnlyRedirectsLoseAnExhaustedField(t *testing.T) {
	for status, kept := range map[int]bool{299: true, 300: false, 399: false, 400: true} {
		h := limit(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: byUser})
		_, found := get(h, as("a")).Header()["Ratelimit"]
		assert.Equal(t, kept, found, "%d", status)
	}
	h := limit(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(302) },
		ratelimit.Policy{Name: "one", Quota: ratelimit.PerHour(1), Key: byUser}, ratelimit.Policy{Name: "many", Quota: ratelimit.PerHour(9), Key: byUser})
	assert.Empty(t, get(h, as("a")).Header().Get("RateLimit"), "whichever of them has nothing left")
}

// An upstream behind a proxy has limits of its own, which are not this service's.
func TestFieldsOfAnUpstreamDoNotLeave(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("RateLimit-Policy", `"upstream";q=1;w=1`)
		w.Header().Set("RateLimit", `"upstream";r=0`)
	}))
	defer upstream.Close()
	to, _ := url.Parse(upstream.URL)
	proxy := httputil.NewSingleHostReverseProxy(to)
	hints := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(103)
		w.Header().Set("RateLimit-Policy", `"upstream";q=1;w=1`)
		w.Header().Set("RateLimit", `"upstream";r=0`)
	}))
	defer hints.Close()
	hintsTo, _ := url.Parse(hints.URL)
	hinting := httputil.NewSingleHostReverseProxy(hintsTo)
	everyone := func(n int) []ratelimit.Policy {
		return []ratelimit.Policy{{Name: "own", Quota: ratelimit.PerHour(n), Key: ratelimit.Everyone}}
	}
	seen := func(*http.Request, ratelimit.Decision) {}
	slots := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, Advertise: true, Name: "slots"})
	never := ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{{Name: "inner", Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 2 }}}}).Wrap
	for why, row := range map[string]struct {
		h             http.Handler
		policy, state []string
	}{
		"a request that passes":       {ratelimit.NewLimiter(ratelimit.Options{Policies: everyone(9)}).Wrap(proxy), []string{`"own";q=9;w=3600`}, []string{`"own";r=8;t=3200`}},
		"one that is reported":        {ratelimit.NewLimiter(ratelimit.Options{Policies: everyone(9), OnDecision: seen}).Wrap(proxy), []string{`"own";q=9;w=3600`}, []string{`"own";r=8;t=3200`}},
		"inside a Timeout":            {middleware.Timeout(time.Hour)(ratelimit.NewLimiter(ratelimit.Options{Policies: everyone(9)}).Wrap(proxy)), []string{`"own";q=9;w=3600`}, []string{`"own";r=8;t=3200`}},
		"one with hints":              {ratelimit.NewLimiter(ratelimit.Options{Policies: everyone(9)}).Wrap(hinting), []string{`"own";q=9;w=3600`}, []string{`"own";r=8;t=3200`}},
		"hints inside a Timeout":      {middleware.Timeout(time.Hour)(ratelimit.NewLimiter(ratelimit.Options{Policies: everyone(9)}).Wrap(hinting)), []string{`"own";q=9;w=3600`}, []string{`"own";r=8;t=3200`}},
		"the last one":                {ratelimit.NewLimiter(ratelimit.Options{Policies: everyone(1)}).Wrap(proxy), []string{`"own";q=1;w=3600`}, []string{`"own";r=0;t=3600`}},
		"a slot":                      {slots(proxy), []string{`"slots";q=1;qu="concurrent-requests"`}, []string{`"slots";r=0`}},
		"a slot that is not reported": {ratelimit.InFlight(1)(proxy), []string{`"upstream";q=1;w=1`}, []string{`"upstream";r=0`}},
		"a limiter in a limiter":      {ratelimit.New(everyone(9)...)(never(proxy)), []string{`"own";q=9;w=3600`, `"inner";q=1;w=3600`}, []string{`"inner";r=1`}},
		"a slot in a limiter":         {ratelimit.New(everyone(9)...)(slots(proxy)), []string{`"own";q=9;w=3600`, `"slots";q=1;qu="concurrent-requests"`}, []string{`"own";r=8;t=3200`, `"slots";r=0`}},
		"a slot that is not there":    {ratelimit.New(everyone(9)...)(full(t)), []string{`"own";q=9;w=3600`, `"full";q=1;qu="concurrent-requests"`}, []string{`"own";r=8;t=3200`, `"full";r=0`}},
		"a refusal by a proxy": {ratelimit.NewLimiter(ratelimit.Options{Deny: proxy, Policies: []ratelimit.Policy{{Name: "own", Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone, Cost: func(*http.Request) int { return 2 }}}}).Wrap(proxy),
			[]string{`"own";q=1;w=3600`}, []string{`"own";r=1`}},
	} {
		res, _ := fetch(t, row.h)
		assert.Equal(t, row.policy, res.Header.Values("RateLimit-Policy"), why)
		assert.Equal(t, row.state, res.Header.Values("RateLimit"), why)
	}
}

// full returns a handler behind slots of which none is free.
func full(t *testing.T) http.Handler {
	out, in := make(chan struct{}), make(chan struct{})
	h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, Advertise: true, Name: "full"})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(in)
		<-out
	}))
	go get(h)
	<-in
	t.Cleanup(func() { close(out) })
	return h
}

// A limiter uses what it needs for a request again. Two at once must not have the
// same, whichever way the ones before went.
func TestRequestsAtOnceShareNothing(t *testing.T) {
	counts := func(int) bool { return false }
	for why, o := range map[string]ratelimit.Options{
		"plain":     {Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(9)}}},
		"exhausted": {Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1)}}},
		"refused":   {Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(9), Cost: func(*http.Request) int { return 10 }}}},
		"counted":   {Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(9), CountStatus: counts}}},
		"denied":    {Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(9), Cost: func(*http.Request) int { return 10 }}}, Deny: http.NotFoundHandler()},
		"seen":      {Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1)}}, OnDecision: func(*http.Request, ratelimit.Decision) {}},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o.Policies[0].Key = func(r *http.Request) string {
					time.Sleep(time.Second) // while the limiter is at work
					return byUser(r)
				}
				h := ratelimit.NewLimiter(o).Wrap(http.HandlerFunc(ok))
				for range 3 {
					get(h, as("before"))
				}
				alone := ratelimit.NewLimiter(o).Wrap(http.HandlerFunc(ok))
				want := get(alone, as("a"))
				var got [8]*httptest.ResponseRecorder
				for i := range got {
					go func() { got[i] = get(h, as(strconv.Itoa(i))) }()
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				for i, w := range got {
					assert.Equal(t, want.Code, w.Code, "%d", i)
					assert.Equal(t, want.Header(), w.Header(), "%d", i)
				}
			})
		})
	}
}

// The status is certain only when the layers around have returned, and by then
// another request is served.
func TestChargeIsCorrectedOnceOuterLayersReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r)
				if byUser(r) == "slow" {
					time.Sleep(time.Minute)
				}
			})
		}
		store := ratelimit.NewMemory(10)
		mw := ratelimit.NewLimiter(ratelimit.Options{Store: store, Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(60), Key: byUser, CountStatus: func(s int) bool { return s == 401 }}}}).Wrap
		h := middleware.Normalize(slow(mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if byUser(r) != "slow" {
				w.WriteHeader(401)
			}
		}))))
		go get(h, as("slow"))
		synctest.Wait()
		for range 20 {
			get(h, as("other"))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		left := func(user string) int {
			b := []ratelimit.Bucket{{Policy: "default", Key: user, Quota: ratelimit.PerHour(60)}}
			require.NoError(t, store.Take(context.Background(), b))
			return 60 - int(b[0].Debt/time.Minute)
		}
		assert.Equal(t, 60, left("slow"), "it did not count")
		assert.Equal(t, 42, left("other"), "these did, and two are back")
	})
}

func TestDecisionsOfTheLastUnitMayBeKept(t *testing.T) {
	var kept []ratelimit.Decision
	h := ratelimit.NewLimiter(ratelimit.Options{
		Policies:   []ratelimit.Policy{{Quota: ratelimit.PerHour(1), Key: byUser}},
		OnDecision: func(_ *http.Request, d ratelimit.Decision) { kept = append(kept, d) },
	}).Wrap(http.HandlerFunc(ok))
	for i := range 20 {
		get(h, as(strconv.Itoa(i/2)))
	}
	for i, d := range kept {
		header := http.Header{}
		d.SetHeader(header)
		assert.Equal(t, i%2 == 0, d.Allowed)
		assert.Equal(t, d.Allowed, header.Get("Retry-After") == "", "%d", i)
		if !d.Allowed {
			assert.Equal(t, 429, d.Problem().Status)
		}
	}
}

// An outage is logged also where nothing says how.
func TestOutageIsLoggedByDefault(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var out bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	hourly := ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: byUser}
	costly := hourly
	costly.Cost = func(*http.Request) int { return 1 }
	teapot := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(418) })
	for _, row := range []struct {
		options ratelimit.Options
		code    int
	}{
		{ratelimit.Options{Policies: []ratelimit.Policy{hourly}}, 200},
		{ratelimit.Options{Policies: []ratelimit.Policy{hourly}, Responder: &respond.Responder{}}, 200},
		{ratelimit.Options{Policies: []ratelimit.Policy{costly}}, 200},
		{ratelimit.Options{Policies: []ratelimit.Policy{hourly}, Outage: ratelimit.FailClosed}, 503},
		{ratelimit.Options{Policies: []ratelimit.Policy{hourly}, Outage: ratelimit.FailClosed, Deny: teapot}, 418},
	} {
		s := newRecorder()
		s.err = errSecret
		row.options.Store = s
		h := ratelimit.NewLimiter(row.options).Wrap(http.HandlerFunc(ok))
		out.Reset()
		assert.Equal(t, row.code, get(h, as("a")).Code)
		get(h, as("a"))
		assert.Equal(t, 1, strings.Count(out.String(), "ratelimit: "), "once a minute")
	}
}

// A goroutine that outlives its handler does not write into the response.
func TestHandlerThatHasReturnedWritesNoMore(t *testing.T) {
	var kept http.ResponseWriter
	inner := limit(func(w http.ResponseWriter, r *http.Request) { kept = w; ok(w, r) }, ratelimit.Policy{Quota: ratelimit.PerHour(9), Key: ratelimit.Everyone})
	res, body := fetch(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		_, err := io.WriteString(kept, "late")
		assert.Error(t, err)
	}))
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "ok", body)
}

// A layer around a limiter finds the route that a mux inside of it chooses.
func TestRouteIsFoundThroughALimiter(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", ok)
	r := httptest.NewRequest("GET", "/orders/7", nil)
	for name, mw := range map[string]func(http.Handler) http.Handler{
		"a limiter": ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(9), Key: byUser}), "slots": ratelimit.InFlight(1),
	} {
		router, is := mw(mux).(interface {
			Handler(*http.Request) (http.Handler, string)
		})
		require.True(t, is, name)
		_, pattern := router.Handler(r)
		assert.Equal(t, "GET /orders/{id}", pattern, name)
		found, pattern := mw(http.HandlerFunc(ok)).(interface {
			Handler(*http.Request) (http.Handler, string)
		}).Handler(r)
		assert.Nil(t, found, name)
		assert.Empty(t, pattern, name)
	}
}
