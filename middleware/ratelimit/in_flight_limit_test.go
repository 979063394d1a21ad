package ratelimit_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
)

// byRank is a Priority: what X-Rank says, for tests only.
func byRank(r *http.Request) int {
	n, _ := strconv.Atoi(r.Header.Get("X-Name")[:1])
	return n
}

// Names begin with their priority.
func TestInFlightServesTheHighestPriorityFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, MaxWait: time.Hour, MaxWaiting: 4, Priority: byRank})(inside)
		for _, name := range []string{"0 first", "0 second", "1 paying", "2 health", "1 paying too"} {
			visit(t.Context(), h, "", name)
		}
		assert.Equal(t, 503, visit(t.Context(), h, "", "0 late").Code, "the queue is full")
		visit(t.Context(), h, "", "2 health again") // drives out the last
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, []string{"0 first", "2 health", "2 health again", "1 paying", "1 paying too"}, inside.entered)
	})
}

func TestInFlightDisplacesTheLowestFromAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 1, MaxWait: time.Hour, MaxWaiting: 1, Priority: byRank})(inside)
		visit(t.Context(), h, "", "0 first")
		low := visit(t.Context(), h, "", "0 second")
		visit(t.Context(), h, "", "1 paying")
		assert.Equal(t, 503, low.Code, "at once, long before its time")
		assert.Equal(t, "1", low.Header().Get("Retry-After"))
		assert.Equal(t, 503, visit(t.Context(), h, "", "1 paying too").Code, "no one of its own rank")
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, []string{"0 first", "1 paying"}, inside.entered)
	})
}

func TestInFlightKeepsReservedSlotsForPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: 3, Reserved: 2, MaxWait: time.Hour, Priority: byRank})(inside)
		visit(t.Context(), h, "", "0 first")
		visit(t.Context(), h, "", "0 waits")
		visit(t.Context(), h, "", "1 health")
		visit(t.Context(), h, "", "1 paying")
		visit(t.Context(), h, "", "1 waits")
		assert.Equal(t, []string{"0 first", "1 health", "1 paying"}, inside.entered)
		inside.out <- struct{}{}
		synctest.Wait()
		assert.Equal(t, "1 waits", inside.entered[3])
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, "0 waits", inside.entered[4])
	})
}

func TestInFlightFollowsALimitThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := newHall()
		var limit atomic.Int64
		limit.Store(1)
		h := ratelimit.InFlightWith(ratelimit.InFlightOptions{
			Max: 4, Limit: func() int { return int(limit.Load()) }, MaxWait: time.Hour, MaxWaiting: 2, Advertise: true,
		})(inside)
		visit(t.Context(), h, "", "1")
		visit(t.Context(), h, "", "2")
		assert.Equal(t, []string{"1"}, inside.entered)
		limit.Store(3)
		visit(t.Context(), h, "", "3")
		assert.ElementsMatch(t, []string{"1", "2", "3"}, inside.entered, "also one that waits")
		limit.Store(100)
		visit(t.Context(), h, "", "4")
		visit(t.Context(), h, "", "5")
		assert.Len(t, inside.entered, 4, "Max stays")
		limit.Store(-1)
		for range 3 {
			inside.out <- struct{}{}
			synctest.Wait()
		}
		assert.Len(t, inside.entered, 4, "those that are in stay, and none comes")
		w := visit(t.Context(), h, "", "6")
		inside.out <- struct{}{}
		synctest.Wait()
		assert.Len(t, inside.entered, 5, "less than 1 is 1")
		close(inside.out)
		synctest.Wait()
		assert.Equal(t, `"in-flight";q=1;qu="concurrent-requests"`, w.Header().Get("RateLimit-Policy"))
	})
}

// A handler that ignores its deadline goes on after Timeout has responded.
func TestInFlightInsideTimeoutCountsLateHandlers(t *testing.T) {
	for name, timeout := range map[string]func(http.Handler) http.Handler{
		"middleware.Timeout":  middleware.Timeout(time.Second),
		"http.TimeoutHandler": func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Second, "") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inside := newHall()
				h := timeout(ratelimit.InFlight(2)(inside))
				for i := range 5 {
					visit(t.Context(), h, "", strconv.Itoa(i))
					time.Sleep(2 * time.Second)
				}
				assert.Equal(t, 2, inside.most)
				close(inside.out)
				synctest.Wait()
				assert.Equal(t, 200, visit(t.Context(), h, "", "later").Code)
			})
		})
	}
}

// service does work that takes a hundredth of a second on one of ten cores. More
// requests at once share the cores, and lose time to each other.
type service struct{ inside atomic.Int64 }

const cores = 10

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.inside.Add(-1)
	s.inside.Add(1)
	for range 10 {
		share := max(1, float64(s.inside.Load())/cores)
		share *= 1 + share/50 // switching, caches, the garbage of all
		select {
		case <-time.After(time.Duration(float64(time.Millisecond) * share)):
		case <-r.Context().Done():
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// offer sends so many requests a second for five seconds, at random times, and
// returns how many of them in a second get a response within patience.
func offer(t *testing.T, h http.Handler, perSecond int) float64 {
	const seconds, patience = 5, 50 * time.Millisecond
	rnd := rand.New(rand.NewPCG(11, 12))
	var good atomic.Int64
	var wg sync.WaitGroup
	for range seconds * perSecond {
		time.Sleep(time.Duration(rnd.ExpFloat64() / float64(perSecond) * 1e9))
		name := strconv.Itoa(rnd.IntN(10) / 9) // a tenth has priority
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			r.Header.Set("X-Name", name)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == http.StatusNoContent {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(good.Load()) / seconds
}

// At five times the load that the service can bear, it does as much good as at
// its peak. Without a limit it works for clients that have gone.
func TestInFlightKeepsGoodputUnderOverload(t *testing.T) {
	bounded := func() http.Handler {
		return ratelimit.InFlightWith(ratelimit.InFlightOptions{Max: cores, MaxWait: 20 * time.Millisecond})(new(service))
	}
	adaptive := func() http.Handler {
		s := new(service)
		l := &additive{limit: 100}
		return ratelimit.InFlightWith(ratelimit.InFlightOptions{Limit: l.current, MaxWait: 20 * time.Millisecond})(l.measure(s))
	}
	for _, c := range []struct {
		name  string
		build func() http.Handler
		least float64
	}{
		{"Max", bounded, 0.9},
		{"a Limit that adapts", adaptive, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peak := 0.0
				for _, load := range []int{600, 800, 900, 1000} {
					peak = max(peak, offer(t, c.build(), load))
				}
				overload := offer(t, c.build(), 5000)
				t.Logf("peak %.0f a second, at five times the load %.0f", peak, overload)
				assert.GreaterOrEqual(t, overload, c.least*peak)
			})
		})
	}
	t.Run("without a limit it breaks down", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			overload := offer(t, new(service), 5000)
			t.Logf("%.0f a second", overload)
			assert.Less(t, overload, 300.0)
		})
	})
}

// additive raises its limit by one where requests take no longer than they
// should, and lowers it by a tenth where they do.
type additive struct {
	mu    sync.Mutex
	limit float64
}

func (l *additive) current() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

func (l *additive) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		next.ServeHTTP(w, r)
		l.mu.Lock()
		defer l.mu.Unlock()
		if time.Since(start) > 14*time.Millisecond {
			l.limit = max(1, l.limit*(1-0.1/l.limit))
		} else {
			l.limit = min(200, l.limit+0.1/l.limit)
		}
	})
}
