package ratelimit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
)

// hall is a handler in which requests stay until they are let out, and a
// record of who came in.
type hall struct {
	mu      sync.Mutex
	inside  int
	most    int
	entered []string
	out     chan struct{}
}

func newHall() *hall { return &hall{out: make(chan struct{})} }

func (h *hall) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.inside++
	h.most = max(h.most, h.inside)
	h.entered = append(h.entered, r.Header.Get("X-Name"))
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.inside--
		h.mu.Unlock()
	}()
	<-h.out
	_, _ = io.WriteString(w, "served")
}

// visit sends a request of a user in a goroutine of its own.
func visit(ctx context.Context, h http.Handler, user, name string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header.Set("X-User", user)
	r.Header.Set("X-Name", name)
	go h.ServeHTTP(w, r)
	synctest.Wait()
	return w
}

func TestInFlightRefusesTheNextWith503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlight(2)(inside)
		one, two := visit(t.Context(), h, "", "1"), visit(t.Context(), h, "", "2")
		w := visit(t.Context(), h, "", "3")
		assert.Equal(t, 503, w.Code)
		assert.JSONEq(t, `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later.","violated-policies":["in-flight"]}`, w.Body.String())
		assert.Equal(t, "1", w.Header().Get("Retry-After"))
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.NotContains(t, w.Header(), "Ratelimit-Policy", "only by choice")
		inside.out <- struct{}{}
		synctest.Wait()
		four := visit(t.Context(), h, "", "4")
		close(inside.out)
		synctest.Wait()
		for _, w := range []*httptest.ResponseRecorder{one, two, four} {
			assert.Equal(t, "served", w.Body.String())
		}
		assert.Equal(t, []string{"1", "2", "4"}, inside.entered)
	})
}

func TestInFlightIsSharedByItsHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		mw := ratelimit.InFlight(1)
		visit(t.Context(), mw(inside), "", "1")
		assert.Equal(t, 503, visit(t.Context(), mw(inside), "", "2").Code)
		apart := ratelimit.InFlightOptions{Max: 1}
		visit(t.Context(), ratelimit.InFlightWith(apart)(inside), "", "3")
		visit(t.Context(), ratelimit.InFlightWith(apart)(inside), "", "4")
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, []string{"1", "3", "4"}, inside.entered)
	})
}

func TestInFlightFreesTheSlotOfAHandlerThatPanics(t *testing.T) {
	h := ratelimit.InFlight(1)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }))
	for range 3 {
		assert.PanicsWithValue(t, "oops", func() { get(h) })
	}
}

func TestInFlightKeepsAKeyFromTakingAllSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 4, Key: byUser, PerKey: 2})(inside)
		visit(t.Context(), h, "greedy", "g1")
		visit(t.Context(), h, "greedy", "g2")
		w := visit(t.Context(), h, "greedy", "g3")
		assert.Equal(t, 503, w.Code)
		assert.Contains(t, w.Body.String(), `"violated-policies":["in-flight-per-key"]`)
		visit(t.Context(), h, "modest", "m1")
		visit(t.Context(), h, "", "free")
		w = visit(t.Context(), h, "late", "l1")
		assert.Contains(t, w.Body.String(), `"violated-policies":["in-flight"]`)
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, []string{"g1", "g2", "m1", "free"}, inside.entered)
	})
}

func TestInFlightWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 2, MaxWait: time.Minute, MaxWaiting: 3, Key: byUser, PerKey: 1})(inside)
		visit(t.Context(), h, "a", "a1")
		visit(t.Context(), h, "b", "b1")
		visit(t.Context(), h, "a", "a2")
		assert.Equal(t, 503, visit(t.Context(), h, "a", "a3").Code, "no key may fill the queue")
		visit(t.Context(), h, "c", "c1")
		visit(t.Context(), h, "d", "d1")
		assert.Equal(t, 503, visit(t.Context(), h, "e", "e1").Code, "the queue is bounded")
		for range 5 {
			inside.out <- struct{}{}
			synctest.Wait()
		}
		assert.Len(t, inside.entered, 5)
		assert.Equal(t, 2, inside.most)
		// Either a1 or b1 was first to leave. If b1, then a2 has to let c1 go
		// before, since a1 still has its share.
		assert.Contains(t, []string{"[a1 b1 a2 c1 d1]", "[a1 b1 c1 a2 d1]", "[a1 b1 c1 d1 a2]"}, fmt.Sprint(inside.entered))
	})
}

func TestInFlightWaitersGiveUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		limited := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, MaxWait: 5 * time.Second, RetryAfter: 1500 * time.Millisecond})(inside)
		var served atomic.Int64
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			limited.ServeHTTP(w, r)
			served.Add(1)
		})
		visit(t.Context(), h, "", "1")
		w := visit(t.Context(), h, "", "2")
		time.Sleep(5*time.Second - 1)
		synctest.Wait()
		assert.Zero(t, served.Load())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, "2", w.Header().Get("Retry-After"), "rounded up")
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, []string{"1"}, inside.entered)
	})
}

func TestInFlightClientThatLeavesFreesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, MaxWait: time.Hour, MaxWaiting: 1})(inside)
		visit(t.Context(), h, "", "1")
		ctx, leave := context.WithCancel(t.Context())
		gone := visit(ctx, h, "", "2")
		assert.Equal(t, 503, visit(t.Context(), h, "", "3").Code, "2 has the only place")
		leave()
		synctest.Wait()
		assert.Equal(t, 503, gone.Code)
		visit(t.Context(), h, "", "4")
		inside.out <- struct{}{}
		inside.out <- struct{}{}
		synctest.Wait()
		assert.Equal(t, []string{"1", "4"}, inside.entered, "no work is done for 2")
	})
}

func TestInFlightHoldsUnderManyAtOnce(t *testing.T) {
	var inside, most, served, refused atomic.Int64
	var h http.Handler
	h = ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 7, Key: byUser, PerKey: 3, MaxWait: time.Millisecond, MaxWaiting: 20})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := inside.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n := len(r.Header["X-Nested"]); n > 0 {
			r.Header["X-Nested"] = r.Header["X-Nested"][1:]
			h.ServeHTTP(w, r)
		}
		inside.Add(-1)
		served.Add(1)
	}))
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%8 == 0 {
					cancel() // gone from the start
				}
				r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
				r.Header.Set("X-User", fmt.Sprint(i%5))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code == 503 {
					refused.Add(1)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, most.Load(), int64(7))
	assert.Equal(t, int64(64*50), served.Load()+refused.Load())

	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	r.Header["X-Nested"] = make([]string, 6)
	h.ServeHTTP(w, r)
	assert.Equal(t, 200, w.Code, "every slot came back: seven can be held at once")
}

func TestInFlightReportsHowManyMoreIfAdvertised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 3, Key: byUser, PerKey: 2, Advertise: true, Name: "slots"})(inside)
		one := visit(t.Context(), h, "a", "1")
		two := visit(t.Context(), h, "a", "2")
		three := visit(t.Context(), h, "a", "3")
		four := visit(t.Context(), h, "", "4")
		close(inside.out)
		synctest.Wait()
		policy := `"slots";q=3;qu="concurrent-requests","slots-per-key";q=2;qu="concurrent-requests"`
		for i, c := range []struct {
			w    *httptest.ResponseRecorder
			want string
		}{
			{one, `"slots";r=2,"slots-per-key";r=1`},
			{two, `"slots";r=1,"slots-per-key";r=0`},
			{three, `"slots";r=1,"slots-per-key";r=0`},
			{four, `"slots";r=0`},
		} {
			assert.Equal(t, policy, c.w.Header().Get("RateLimit-Policy"), "%d", i+1)
			assert.Equal(t, c.want, c.w.Header().Get("RateLimit"), "%d", i+1)
		}
		assert.Equal(t, 503, three.Code)
	})
}

func TestInFlightRefusalOnTheWire(t *testing.T) {
	var h http.Handler
	h = ratelimit.InFlight(1)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := httptest.NewRecorder()
		h.ServeHTTP(inner, r) // while this one is in flight
		for k, v := range inner.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(inner.Code)
		_, _ = w.Write(inner.Body.Bytes())
	}))
	res, _ := fetch(t, h)
	assert.Equal(t, 503, res.StatusCode)
	assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	assert.Equal(t, "1", res.Header.Get("Retry-After"))
}

func TestInFlightOptionsThatAreInvalidPanic(t *testing.T) {
	for _, c := range []struct {
		reason string
		limit  ratelimit.InFlightOptions
		want   string
	}{
		{"nothing could be served", ratelimit.InFlightOptions{}, "Max = 0"},
		{"a share is required with a key", ratelimit.InFlightOptions{Max: 2, Key: byUser}, "PerKey = 0"},
		{"a share beyond the whole", ratelimit.InFlightOptions{Max: 2, Key: byUser, PerKey: 3}, "PerKey = 3"},
		{"a share without a key", ratelimit.InFlightOptions{Max: 2, PerKey: 1}, "without a Key"},
		{"a negative wait", ratelimit.InFlightOptions{Max: 2, MaxWait: -1}, "MaxWait = -1ns"},
		{"a name that a field cannot carry", ratelimit.InFlightOptions{Max: 2, Name: "a\nb"}, "printable ASCII"},
		{"no slot for others", ratelimit.InFlightOptions{Max: 2, Reserved: 2, Priority: func(*http.Request) int { return 1 }}, "Reserved = 2"},
		{"slots for a priority that none has", ratelimit.InFlightOptions{Max: 2, Reserved: 1}, "without a Priority"},
		{"a problem that is not an error", ratelimit.InFlightOptions{Max: 2, Problem: problem.Define("about:ok", "OK", 200, "")}, "status 200"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			defer func() {
				got, _ := recover().(string)
				assert.Contains(t, got, "ratelimit: InFlight: ")
				assert.Contains(t, got, c.want)
			}()
			ratelimit.InFlightWith(c.limit)(http.NotFoundHandler())
		})
	}
	assert.Panics(t, func() { ratelimit.InFlight(0) })
	assert.Panics(t, func() { ratelimit.InFlight(1)(nil) })
}
