package main

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/didip/tollbooth/v7"
	tollboothlimiter "github.com/didip/tollbooth/v7/limiter"
	"github.com/go-chi/httprate"
	sethvargo "github.com/sethvargo/go-limiter"
	"github.com/sethvargo/go-limiter/httplimit"
	sethvargostore "github.com/sethvargo/go-limiter/memorystore"
	"github.com/throttled/throttled/v2"
	throttledstore "github.com/throttled/throttled/v2/store/memstore"
	ulule "github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	ululestore "github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
)

// quota allows n requests of a key in the time per, possibly all at once. Libraries that
// can forget unused keys do so after per.
type quota struct {
	n   int
	per time.Duration
}

func (q quota) limit() rate.Limit { return rate.Limit(float64(q.n) / q.per.Seconds()) }

// maxKeys is the number of keys that bounded limiters may keep.
const maxKeys = 1 << 20

// library makes limiters. take decides on one request of a key; wrap is the middleware, with the request's RemoteAddr as the key, or nil if there is none.
type library struct {
	name, note string
	bounded    bool
	take       func(quota) (func(key string) bool, error)
	wrap       func(quota, http.Handler) (http.Handler, error)
	// denied is what the middleware sends besides the 429.
	denied expected
	fields string // that the middleware sends with each response
	text   string // of the note on denied
}

// libraries are all limiters, including ours.
var libraries = []library{
	{
		name: "x/time/rate", note: "in a map of 64 locked shards, never forgets a key",
		take: func(q quota) (func(string) bool, error) {
			s := newShards(q)
			return s.take, nil
		},
		wrap: func(q quota, next http.Handler) (http.Handler, error) {
			s := newShards(q)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !s.take(r.RemoteAddr) {
					http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
					return
				}
				next.ServeHTTP(w, r)
			}), nil
		},
		fields: "no fields",
		denied: expected{header: text, body: "Too Many Requests\n"},
		text:   "text/plain, no fields at all",
	},
	{
		name: "httprate", note: "sliding window over 64-bit hashes",
		take: func(q quota) (func(string) bool, error) {
			l := httprate.NewRateLimiter(q.n, q.per, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))
			r := new(http.Request)
			return func(key string) bool { return !l.OnLimit(nil, r, key) }, nil
		},
		wrap: func(q quota, next http.Handler) (http.Handler, error) {
			return httprate.LimitBy(q.n, q.per, remoteAddr)(next), nil
		},
		fields: "three X-RateLimit fields",
		denied: expected{header: retryable(text), body: "Too Many Requests\n"},
		text:   "text/plain; Retry-After is always the whole window",
	},
	{
		name: "sethvargo", note: "fixed window",
		take: func(q quota) (func(string) bool, error) {
			s, err := newSethvargo(q)
			return func(key string) bool {
				_, _, _, ok, err := s.Take(context.Background(), key)
				return ok && err == nil
			}, err
		},
		wrap: func(q quota, next http.Handler) (http.Handler, error) {
			s, err := newSethvargo(q)
			if err != nil {
				return nil, err
			}
			m, err := httplimit.NewMiddleware(s, remoteAddr)
			return m.Handle(next), err
		},
		fields: "three X-RateLimit fields, the time as text",
		denied: expected{header: retryable(text), body: "Too Many Requests\n"},
		text:   "text/plain; Retry-After is not a valid date (UTC in place of GMT)",
	},
	{
		name: "throttled", note: "never forgets a key; called again where it fails because of a race",
		take:   func(q quota) (func(string) bool, error) { return takeThrottled(q, 0) },
		wrap:   func(q quota, next http.Handler) (http.Handler, error) { return wrapThrottled(q, 0, next) },
		fields: "three X-RateLimit fields",
		denied: expected{header: retryable(text), body: "limit exceeded\n"},
		text:   "text/plain",
	},
	{
		name: "throttled.LRU", note: "keeps the keys used last; called again as well", bounded: true,
		take:   func(q quota) (func(string) bool, error) { return takeThrottled(q, maxKeys) },
		wrap:   func(q quota, next http.Handler) (http.Handler, error) { return wrapThrottled(q, maxKeys, next) },
		fields: "three X-RateLimit fields",
		denied: expected{header: retryable(text), body: "limit exceeded\n"},
		text:   "text/plain",
	},
	{
		name: "ulule", note: "fixed window",
		take: func(q quota) (func(string) bool, error) {
			l := newUlule(q)
			return func(key string) bool {
				c, err := l.Get(context.Background(), key)
				return err == nil && !c.Reached
			}, nil
		},
		wrap: func(q quota, next http.Handler) (http.Handler, error) {
			key := func(r *http.Request) string { return r.RemoteAddr }
			return stdlib.NewMiddleware(newUlule(q), stdlib.WithKeyGetter(key)).Handler(next), nil
		},
		fields: "three X-RateLimit fields",
		denied: expected{header: text, body: "Limit exceeded\n"},
		text:   "text/plain, no Retry-After",
	},
	{
		name: "tollbooth", note: "one lock",
		take: func(q quota) (func(string) bool, error) {
			l := newTollbooth(q)
			return func(key string) bool { return !l.LimitReached(key) }, nil
		},
		wrap: func(q quota, next http.Handler) (http.Handler, error) {
			l := newTollbooth(q).SetIPLookups([]string{"RemoteAddr"}).SetIgnoreURL(true)
			return tollbooth.LimitHandler(l, next), nil
		},
		fields: "three RateLimit and three X-Rate-Limit fields",
		denied: expected{header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, body: "You have reached maximum request limit."},
		text:   "text/plain, no Retry-After; the key is the address without its port",
	},
	{
		name: ours, note: "token bucket", bounded: true,
		take: func(q quota) (func(string) bool, error) {
			m := ratelimit.NewMemory(maxKeys)
			grant := ratelimit.Quota{N: q.n, Per: q.per}
			return func(key string) bool {
				buckets := [1]ratelimit.Bucket{{Policy: "default", Key: key, Quota: grant, Cost: 1}}
				err := m.Take(context.Background(), buckets[:])
				return err == nil && !buckets[0].Short
			}, nil
		},
		wrap: func(q quota, next http.Handler) (http.Handler, error) {
			return ratelimit.New(ratelimit.Policy{
				Quota: ratelimit.Quota{N: q.n, Per: q.per},
				Key:   func(r *http.Request) string { return r.RemoteAddr },
			})(next), nil
		},
		fields: "RateLimit and RateLimit-Policy",
		denied: expected{
			header: retryable(map[string]string{"Content-Type": problem.MediaType, "Ratelimit": "*", "Ratelimit-Policy": "*"}),
			members: map[string]any{
				"type": problem.BlankType, "title": "Too Many Requests", "status": 429.0,
				"violated-policies": []any{"default"},
			},
		},
		text: "a problem that names the violated policies; RateLimit and RateLimit-Policy",
	},
}

var text = map[string]string{"Content-Type": "text/plain; charset=utf-8"}

func retryable(fields map[string]string) map[string]string {
	all := map[string]string{"Retry-After": "*"}
	for k, v := range fields {
		all[k] = v
	}
	return all
}

func remoteAddr(r *http.Request) (string, error) { return r.RemoteAddr, nil }

// shards is x/time/rate in a map, as users write it: a limiter for each key, and shards
// so that locks are seldom contended.
type shards struct {
	quota quota
	seed  maphash.Seed
	all   [64]struct {
		mu       sync.Mutex
		limiters map[string]*rate.Limiter
		_        [48]byte // a cache line each
	}
}

func newShards(q quota) *shards {
	s := &shards{quota: q, seed: maphash.MakeSeed()}
	for i := range s.all {
		s.all[i].limiters = make(map[string]*rate.Limiter)
	}
	return s
}

func (s *shards) take(key string) bool {
	shard := &s.all[maphash.String(s.seed, key)%uint64(len(s.all))]
	shard.mu.Lock()
	l := shard.limiters[key]
	if l == nil {
		l = rate.NewLimiter(s.quota.limit(), s.quota.n)
		shard.limiters[key] = l
	}
	shard.mu.Unlock()
	return l.Allow()
}

func newSethvargo(q quota) (sethvargo.Store, error) {
	return sethvargostore.New(&sethvargostore.Config{
		Tokens: uint64(q.n), Interval: q.per, SweepInterval: q.per, SweepMinTTL: q.per,
	})
}

func newThrottled(q quota, keys int) (*throttled.GCRARateLimiterCtx, error) {
	store, err := throttledstore.NewCtx(keys)
	if err != nil {
		return nil, err
	}
	return throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerDuration(q.n, q.per), MaxBurst: q.n - 1,
	})
}

func takeThrottled(q quota, keys int) (func(string) bool, error) {
	l, err := newThrottled(q, keys)
	return func(key string) bool {
		for {
			// It returns an error where it lost the race for a key ten
			// times. Its middleware then responds with 500; here it is called again.
			if limited, _, err := l.RateLimitCtx(context.Background(), key, 1); err == nil {
				return !limited
			}
		}
	}, err
}

func wrapThrottled(q quota, keys int, next http.Handler) (http.Handler, error) {
	l, err := newThrottled(q, keys)
	m := throttled.HTTPRateLimiterCtx{RateLimiter: l, VaryBy: &throttled.VaryBy{RemoteAddr: true}}
	return m.RateLimit(next), err
}

func newUlule(q quota) *ulule.Limiter {
	store := ululestore.NewStoreWithOptions(ulule.StoreOptions{Prefix: "", CleanUpInterval: q.per})
	return ulule.New(store, ulule.Rate{Limit: int64(q.n), Period: q.per})
}

func newTollbooth(q quota) *tollboothlimiter.Limiter {
	l := tollbooth.NewLimiter(float64(q.limit()), &tollboothlimiter.ExpirableOptions{DefaultExpirationTTL: q.per})
	return l.SetBurst(q.n)
}

// checkTake sees to it that a key has its quota, no more, and for itself alone.
func (l library) checkTake() error {
	take, err := l.take(quota{3, time.Hour})
	if err != nil {
		return err
	}
	for range 3 {
		if !take("192.0.2.1") {
			return errors.New("denies a request within the quota")
		}
	}
	if take("192.0.2.1") {
		return errors.New("allows more than the quota")
	}
	if !take("192.0.2.2") {
		return errors.New("denies another key")
	}
	return nil
}
