package ratelimit_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// byUser is a key that tests choose.
func byUser(r *http.Request) string { return r.Header.Get("X-User") }

func as(user string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-User", user) }
}

func limit(h http.HandlerFunc, p ...ratelimit.Policy) http.Handler { return ratelimit.New(p...)(h) }

func TestRetryAfterIsNeitherEarlyNorLate(t *testing.T) {
	for _, q := range []ratelimit.Quota{
		{N: 1, Per: 3 * time.Second},
		{N: 1, Per: 10 * time.Second, Burst: 3},
		{N: 1, Per: 7 * time.Second, Burst: 2},
		{N: 7, Per: time.Minute},
		{N: 60, Per: time.Minute},
		{N: 1000, Per: time.Hour, Burst: 5},
		{N: 1, Per: 24 * time.Hour},
		{N: 3, Per: time.Second},
		{N: 1000, Per: time.Second},
	} {
		t.Run(fmt.Sprintf("%d per %v", q.N, q.Per), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := limit(ok, ratelimit.Policy{Quota: q, Key: ratelimit.ByIP(peer)})
				burst := 0
				for get(h).Code == 200 {
					burst++
				}
				assert.Equal(t, q.Capacity(), burst, "requests at one instant")
				for range 5 {
					w := get(h)
					require.Equal(t, 429, w.Code)
					fields(t, w.Code, w.Header())
					wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
					require.NoError(t, err)
					require.GreaterOrEqual(t, wait, 1)
					if wait > 1 {
						time.Sleep(time.Duration(wait-1) * time.Second)
						require.Equal(t, 429, get(h).Code, "a second too early")
						time.Sleep(time.Second)
					} else {
						time.Sleep(time.Second)
					}
					w = get(h)
					require.Equal(t, 200, w.Code, "after exactly Retry-After")
					fields(t, w.Code, w.Header())
					for get(h).Code == 200 {
					}
				}
			})
		})
	}
}

func TestClientThatPacesItselfIsNeverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(1000), Key: ratelimit.ByIP(peer)})
		for range 995 {
			get(h)
		}
		served, start := 0, time.Now()
		for time.Since(start) < time.Hour {
			w := get(h)
			require.Equal(t, 200, w.Code)
			served++
			_, states := fields(t, w.Code, w.Header())
			s := states["default"]
			time.Sleep(time.Duration(s.ints["t"]) * time.Second / time.Duration(max(1, s.ints["r"])))
		}
		assert.Greater(t, served, 900, "of 1005 possible")
	})
}

func TestRefusalNamesOnlyTheViolatedPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok,
			ratelimit.Policy{Name: "total", Quota: ratelimit.Quota{N: 100, Per: 2400 * time.Hour}, Key: byUser},
			ratelimit.Policy{Name: "minute", Quota: ratelimit.PerMinute(2), Key: byUser},
			ratelimit.Policy{Name: "hour", Quota: ratelimit.PerHour(2), Key: byUser},
		)
		get(h, as("a"))
		get(h, as("a"))
		for range 3 { // refusals change nothing
			w := get(h, as("a"))
			assert.Equal(t, 429, w.Code)
			assert.Equal(t, []string{`"total";q=100;w=8640000,"minute";q=2;w=60,"hour";q=2;w=3600`}, w.Header().Values("RateLimit-Policy"))
			assert.Equal(t, []string{`"minute";r=0;t=30,"hour";r=0;t=1800`}, w.Header().Values("RateLimit"))
			assert.Equal(t, "1800", w.Header().Get("Retry-After"))
			var body struct {
				Type     string
				Status   int
				Violated []string `json:"violated-policies"`
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.Equal(t, []string{"minute", "hour"}, body.Violated)
			assert.Equal(t, 429, body.Status)
			assert.Equal(t, "about:blank", body.Type)
		}
		time.Sleep(30 * time.Second)
		w := get(h, as("a"))
		assert.Equal(t, `"hour";r=0;t=1770`, w.Header().Get("RateLimit"))
		time.Sleep(1770 * time.Second)
		w = get(h, as("a"))
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, `"total";r=97;t=8380800,"minute";r=1;t=30,"hour";r=0;t=1800`, w.Header().Get("RateLimit"), "refused requests cost the other policies nothing")
		assert.Equal(t, 200, get(h, as("b")).Code)
	})
}

func TestShadowPolicyIsNeverSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []ratelimit.Decision
		h := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{
				{Name: "new", Quota: ratelimit.PerHour(1), Key: byUser, Shadow: true},
				{Name: "real", Quota: ratelimit.PerHour(2), Key: byUser},
			},
			OnDecision: func(_ *http.Request, d ratelimit.Decision) { seen = append(seen, d) },
		}).Wrap(http.HandlerFunc(ok))
		for i, code := range []int{200, 200, 429} {
			w := get(h, as("a"))
			assert.Equal(t, code, w.Code, "%d", i)
			assert.NotContains(t, w.Header().Get("RateLimit")+w.Header().Get("RateLimit-Policy")+w.Body.String(), "new")
		}
		require.Len(t, seen, 3)
		assert.True(t, seen[0].Verdicts[0].Allowed)
		assert.False(t, seen[1].Verdicts[0].Allowed)
		assert.True(t, seen[1].Verdicts[0].Shadow)
		assert.True(t, seen[1].Allowed, "what a shadow would refuse passes")
		assert.True(t, seen[1].Verdicts[1].Allowed)
		assert.False(t, seen[2].Allowed)
	})
}

func TestHiddenPolicyRefusesButIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok, ratelimit.Policy{Name: "secret", Quota: ratelimit.PerMinute(1), Key: byUser, Hidden: true})
		w := get(h, as("a"))
		assert.Equal(t, 200, w.Code)
		assert.NotContains(t, w.Header(), "Ratelimit")
		w = get(h, as("a"))
		assert.Equal(t, 429, w.Code)
		assert.Equal(t, "60", w.Header().Get("Retry-After"))
		assert.NotContains(t, w.Header(), "Ratelimit")
		assert.NotContains(t, w.Header(), "Ratelimit-Policy")
		assert.NotContains(t, w.Body.String(), "secret")
		assert.Contains(t, w.Body.String(), `"violated-policies":[]`)
	})
}

func TestCostBeyondTheBurstHasNoRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok,
			ratelimit.Policy{Quota: ratelimit.PerMinute(10), Key: byUser, Cost: func(r *http.Request) int { n, _ := strconv.Atoi(r.Header.Get("X-Cost")); return n }},
			ratelimit.Policy{Name: "hour", Quota: ratelimit.PerHour(1), Key: byUser},
		)
		cost := func(n string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("X-Cost", n) } }
		w := get(h, as("a"), cost("11"))
		assert.Equal(t, 403, w.Code)
		assert.NotContains(t, w.Header(), "Retry-After", "no waiting helps")
		assert.Equal(t, `"default";r=10`, w.Header().Get("RateLimit"))
		w = get(h, as("a"), cost("10"))
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, `"default";r=0;t=6,"hour";r=0;t=3600`, w.Header().Get("RateLimit"))
		w = get(h, as("c"), cost("-5"))
		assert.Equal(t, `"default";r=10;t=60,"hour";r=0;t=3600`, w.Header().Get("RateLimit"), "a negative cost takes nothing and gives nothing")
	})
}

func TestCapacityThatAllShareIsRefusedWith503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok, ratelimit.Policy{Name: "capacity", Quota: ratelimit.PerSecond(1), Key: ratelimit.Everyone})
		assert.Equal(t, 200, get(h, as("a")).Code)
		w := get(h, as("b"))
		fields(t, w.Code, w.Header())
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, "1", w.Header().Get("Retry-After"))
		assert.JSONEq(t, `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later.","violated-policies":["capacity"]}`, w.Body.String())
	})
}

func TestFirstViolatedPolicySaysWhatKindOfProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := func(r *http.Request) string { return "k" }
		h := limit(ok,
			ratelimit.Policy{Name: "a", Quota: ratelimit.PerMinute(1), Key: key, Problem: problem.AbnormalUsageDetected},
			ratelimit.Policy{Name: "b", Quota: ratelimit.PerMinute(1), Key: ratelimit.Everyone},
		)
		get(h)
		w := get(h)
		assert.Equal(t, 429, w.Code)
		assert.Contains(t, w.Body.String(), problem.AbnormalUsageDetected.URI)
		assert.Contains(t, w.Body.String(), `"violated-policies":["a","b"]`)
	})
}

func TestNestedLimitersAddTheirItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := limit(ok, ratelimit.Policy{Name: "inner", Quota: ratelimit.PerMinute(2), Key: byUser})
		h := ratelimit.New(ratelimit.Policy{Name: "outer", Quota: ratelimit.PerHour(10), Key: byUser})(inner)
		w := get(h, as("a"))
		assert.Equal(t, []string{`"outer";q=10;w=3600`, `"inner";q=2;w=60`}, w.Header().Values("RateLimit-Policy"))
		assert.Equal(t, []string{`"outer";r=9;t=3240`, `"inner";r=1;t=30`}, w.Header().Values("RateLimit"))
		fields(t, w.Code, w.Header())
		get(h, as("a"))
		w = get(h, as("a"))
		fields(t, w.Code, w.Header()) // above all, no window longer than Retry-After
		assert.Equal(t, 429, w.Code)
		assert.Equal(t, []string{`"outer";q=10;w=3600`, `"inner";q=2;w=60`}, w.Header().Values("RateLimit-Policy"))
		assert.Equal(t, []string{`"inner";r=0;t=30`}, w.Header().Values("RateLimit"))
	})
}

func TestRateLimitOfNothingLeftIsNotOnRedirects(t *testing.T) {
	for _, c := range []struct {
		reason  string
		user    string
		handler http.HandlerFunc
		code    int
		want    string
	}{
		{"the client may follow at once", "a", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/y", 302) }, 302, `"outer";r=9;t=3240`},
		{"also after a hint", "a", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			http.Redirect(w, r, "/y", 308)
		}, 308, `"outer";r=9;t=3240`},
		{"an error is final", "a", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }, 404, `"outer";r=9;t=3240, "inner";r=0;t=60`},
		{"so is a body", "a", ok, 200, `"outer";r=9;t=3240, "inner";r=0;t=60`},
		{"so is an empty response", "a", func(http.ResponseWriter, *http.Request) {}, 200, `"outer";r=9;t=3240, "inner";r=0;t=60`},
		{"something is left", "b", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/y", 302) }, 302, `"outer";r=9;t=3240, "inner";r=1;t=30`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			quota := func(r *http.Request) ratelimit.Quota {
				if byUser(r) == "b" {
					return ratelimit.PerMinute(2)
				}
				return ratelimit.Quota{}
			}
			inner := limit(c.handler, ratelimit.Policy{Name: "inner", Quota: ratelimit.PerMinute(1), QuotaFor: quota, Key: byUser})
			h := ratelimit.New(ratelimit.Policy{Name: "outer", Quota: ratelimit.PerHour(10), Key: byUser})(inner)
			srv := httptest.NewServer(h)
			defer srv.Close()
			srv.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			req, _ := http.NewRequest("GET", srv.URL, nil)
			req.Header.Set("X-User", c.user)
			res, err := srv.Client().Do(req)
			require.NoError(t, err)
			res.Body.Close()
			assert.Equal(t, c.code, res.StatusCode)
			assert.Equal(t, c.want, strings.Join(res.Header.Values("RateLimit"), ", "))
			assert.Len(t, res.Header.Values("RateLimit-Policy"), 2)
		})
	}
}

func TestFieldsThatAHandlerChangesReachNoOthers(t *testing.T) {
	h := limit(func(w http.ResponseWriter, r *http.Request) {
		for _, values := range w.Header() {
			_ = append(values, "appended")
			values[0] = "changed"
		}
	}, ratelimit.Policy{Quota: ratelimit.PerMinute(10), Key: byUser})
	for range 3 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-User", "a")
		h.ServeHTTP(w, r)
		for _, values := range w.Header() {
			assert.Equal(t, []string{"changed"}, values)
		}
	}
	w := get(limit(ok, ratelimit.Policy{Quota: ratelimit.PerMinute(10), Key: byUser}), as("a"))
	assert.Equal(t, `"default";q=10;w=60`, w.Header().Get("RateLimit-Policy"))
}

func TestPartitionKeyIsTheSameForTheSameKeyOnly(t *testing.T) {
	l := ratelimit.Options{
		Policies:        []ratelimit.Policy{{Quota: ratelimit.PerMinute(10), Key: byUser}, {Name: "hour", Quota: ratelimit.PerHour(10), Key: byUser}},
		PartitionSecret: []byte("a secret of the service"),
	}
	h := ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok))
	key := func(h http.Handler, user string) string {
		w := get(h, as(user))
		policies, states := fields(t, w.Code, w.Header())
		pk := policies["default"].binary["pk"]
		assert.Len(t, pk, 9)
		assert.Equal(t, pk, states["default"].binary["pk"])
		assert.Equal(t, pk, states["hour"].binary["pk"])
		assert.NotContains(t, fmt.Sprint(w.Header()), user, "never who it is")
		return string(pk)
	}
	assert.Equal(t, key(h, "alice"), key(h, "alice"))
	assert.NotEqual(t, key(h, "alice"), key(h, "bobby"))
	l.PartitionSecret = []byte("another secret of it")
	assert.NotEqual(t, key(h, "alice"), key(ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(ok)), "alice"))
}

func TestLegacyFieldsAreThoseOfTheTightestPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a bubble begins at a whole second
		h := ratelimit.NewLimiter(ratelimit.Options{
			Policies: []ratelimit.Policy{{Name: "hour", Quota: ratelimit.PerHour(100), Key: byUser}, {Name: "minute", Quota: ratelimit.PerMinute(2), Key: byUser}},
			Legacy:   true,
		}).Wrap(http.HandlerFunc(ok))
		now := time.Now().Unix()
		for i, want := range []struct {
			code             int
			remaining, reset string
		}{{200, "1", strconv.FormatInt(now+30, 10)}, {200, "0", strconv.FormatInt(now+30, 10)}, {429, "0", strconv.FormatInt(now+30, 10)}} {
			w := get(h, as("a"))
			assert.Equal(t, want.code, w.Code, "%d", i)
			assert.Equal(t, "2", w.Header().Get("X-RateLimit-Limit"), "%d", i)
			assert.Equal(t, want.remaining, w.Header().Get("X-RateLimit-Remaining"), "%d", i)
			assert.Equal(t, want.reset, w.Header().Get("X-RateLimit-Reset"), "%d", i)
		}
		w := get(limit(ok, ratelimit.Policy{Quota: ratelimit.PerMinute(1), Key: byUser}), as("a"))
		assert.NotContains(t, w.Header(), "X-Ratelimit-Limit", "only by choice")
	})
}

func TestEmptyKeyExemptsFromItsPolicyOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limit(ok,
			ratelimit.Policy{Name: "user", Quota: ratelimit.PerHour(1), Key: byUser},
			ratelimit.Policy{Name: "all", Quota: ratelimit.PerHour(3), Key: ratelimit.Everyone},
		)
		w := get(h)
		assert.Equal(t, `"all";q=3;w=3600`, w.Header().Get("RateLimit-Policy"), "the policies that apply")
		assert.Equal(t, `"all";r=2;t=2400`, w.Header().Get("RateLimit"))
		assert.Equal(t, 200, get(h).Code)
		assert.Equal(t, 200, get(h).Code)
		assert.Equal(t, 503, get(h).Code)
		h = limit(ok,
			ratelimit.Policy{Name: "user", Quota: ratelimit.PerHour(1), Key: byUser},
			ratelimit.Policy{Name: "all", Quota: ratelimit.PerHour(3), Key: ratelimit.Everyone, Hidden: true},
		)
		assert.NotContains(t, get(h).Header(), "Ratelimit-Policy", "nor is one reported that does not apply beside one that is hidden")
		h = limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: byUser})
		for range 3 {
			w = get(h)
			assert.Equal(t, 200, w.Code)
			assert.Empty(t, w.Header().Get("RateLimit")+w.Header().Get("RateLimit-Policy"))
		}
	})
}

func TestPreflightsAreExemptByTheKey(t *testing.T) {
	byPeer := ratelimit.ByIP(peer)
	h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: func(r *http.Request) string {
		if r.Method == http.MethodOptions {
			return ""
		}
		return byPeer(r)
	}})
	for range 3 {
		assert.Equal(t, 200, get(h, func(r *http.Request) { r.Method = "OPTIONS" }).Code)
	}
	assert.Equal(t, 200, get(h, func(r *http.Request) { r.Method = "HEAD" }).Code)
	assert.Equal(t, 429, get(h).Code)
}

func TestRefusalOfHEADHasNoBody(t *testing.T) {
	srv := httptest.NewServer(limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(clientip.Direct)}))
	defer srv.Close()
	for _, code := range []int{200, 429} {
		res, err := srv.Client().Head(srv.URL)
		require.NoError(t, err)
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		assert.Equal(t, code, res.StatusCode)
		assert.Empty(t, body)
	}
}

func TestRefusalHasTheFormThatTheClientPrefers(t *testing.T) {
	h := limit(ok, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(peer)})
	get(h)
	w := get(h, func(r *http.Request) { r.Header.Set("Accept", "application/problem+xml, application/json;q=0.5") })
	assert.Equal(t, 429, w.Code)
	assert.Equal(t, "3600", w.Header().Get("Retry-After"))
	assert.Equal(t, "application/problem+xml", w.Header().Get("Content-Type"))
	assert.Contains(t, w.Body.String(), "default")
}
