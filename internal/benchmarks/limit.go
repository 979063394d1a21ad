package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// limitBar is the bar for a decision of a limiter that keeps its buckets by value and
// reads the clock once.
var limitBar = bar{ratio: 0.6, allocs: -1}

var (
	limitOne          = decide("LimitOne", "decide, 1 key", "clock, hash, lock and arithmetic", 1, generous, takeSerial, limitBar)
	limitOneParallel  = decide("LimitOneParallel", "decide, 1 key, all cores", "the same when all cores contend for one lock", 1, generous, takeParallel, limitBar)
	limitSome         = decide("LimitSome", "decide, 10k keys", "a service with some clients", 10_000, generous, takeSerial, limitBar)
	limitSomeParallel = decide("LimitSomeParallel", "decide, 10k keys, all cores", "how much of it waits for locks", 10_000, generous, takeParallel, limitBar)
	limitIdle         = decide("LimitIdle", "decide, 10k keys, each full again before it returns", "clients far below their quota, which a limiter may have forgotten", 10_000, instant, takeSerial, limitBar)
	limitMany         = decide("LimitMany", "decide, 1M keys", "misses of the cache: one for each pointer that is followed", 1_000_000, generous, takeSerial, limitBar)
	limitManyParallel = decide("LimitManyParallel", "decide, 1M keys, all cores", "the same on all cores", 1_000_000, generous, takeParallel, limitBar)
)

var (
	// generous is a quota that no benchmark uses up, although units return so
	// slowly that no bucket is full again before its next turn.
	generous = quota{50_000_000, 50_000_000 * time.Minute}
	// instant is a quota whose units return before the next turn of a key.
	instant = quota{1_000_000, time.Second}
)

func decide(name, title, bounds string, keys int, quota quota, run runFunc, bar bar) work {
	return work{
		name: name, title: title, bounds: bounds, base: "x/time/rate", bar: bar, few: keys >= 1_000_000,
		all: func() []contender {
			var all []contender
			for _, l := range libraries {
				all = append(all, contender{l.name, l.note, func() (func(*testing.B), error) {
					if err := l.checkTake(); err != nil {
						return nil, err
					}
					take, err := l.take(quota)
					if err != nil {
						return nil, err
					}
					names := keyNames(few(keys))
					for i := range names {
						// A string of its own, as in a service, where the key
						// of each request is a new one.
						if key := keyName(i); !take(key) {
							return nil, fmt.Errorf("denies the first request of %s", key)
						}
					}
					runtime.GC()
					return run(take, names), nil
				}})
			}
			return all
		},
	}
}

var limitDenied = work{
	name:   "LimitDenied",
	title:  "deny, 1 key",
	bounds: "the cost of an attacker who continues after the quota is used up",
	base:   "x/time/rate",
	bar:    limitBar,
	all: func() []contender {
		var all []contender
		for _, l := range libraries {
			all = append(all, contender{l.name, l.note, func() (func(*testing.B), error) {
				take, err := l.take(quota{1, time.Hour})
				if err != nil {
					return nil, err
				}
				names := keyNames(1)
				if !take(names[0]) || take(names[0]) {
					return nil, errors.New("does not allow exactly one request")
				}
				return denySerial(take, names), l.checkTake()
			}})
		}
		return all
	},
}

// stride is coprime to the numbers of keys, so that stepping by it visits each key once,
// and hardly ever the neighbour of the last.
const stride = 7_368_787

// runFunc returns a benchmark that takes a unit of one key after the other.
type runFunc func(take func(string) bool, keys []string) func(*testing.B)

func takeSerial(take func(string) bool, keys []string) func(*testing.B) {
	return func(b *testing.B) {
		i := 0
		for b.Loop() {
			if !take(keys[i]) {
				b.Fatalf("%s is denied", keys[i])
			}
			i = (i + stride) % len(keys)
		}
	}
}

func denySerial(take func(string) bool, keys []string) func(*testing.B) {
	return func(b *testing.B) {
		i := 0
		for b.Loop() {
			if take(keys[i]) {
				b.Fatalf("%s is allowed", keys[i])
			}
			i = (i + stride) % len(keys)
		}
	}
}

func takeParallel(take func(string) bool, keys []string) func(*testing.B) {
	return func(b *testing.B) {
		var workers atomic.Int64
		var denied atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			i := int(workers.Add(1)) * stride * 31 % len(keys)
			for pb.Next() {
				if !take(keys[i]) {
					denied.Add(1)
				}
				i = (i + stride) % len(keys)
			}
		})
		if n := denied.Load(); n > 0 {
			b.Fatalf("%d of %d requests denied", n, b.N)
		}
	}
}

// few returns n, or at most 10k if each benchmark runs a single time, which only checks
// that all contenders still respond correctly.
func few(n int) int {
	if f := flag.Lookup("test.benchtime"); f != nil && f.Value.String() == "1x" {
		return min(n, 10_000)
	}
	return n
}

// keyNames returns n client addresses, each a string of its own.
func keyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = keyName(i)
	}
	return names
}

// keyName is an address from the block for benchmarks, 198.18.0.0/15, as far as
// it goes, with a port. No two numbers below 2^32 have the same name.
func keyName(i int) string {
	b := make([]byte, 0, 24)
	b = append(b, "198."...)
	b = strconv.AppendInt(b, int64(18+i>>16&1), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(i>>8&255), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(i&255), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(1024+i>>17), 10)
	return string(b)
}

var limitHandlerAllowed = work{
	name:   "LimitHandlerAllowed",
	title:  "limiter middleware, allowed, 10k keys",
	bounds: "the decision and its header fields, on every request of a service",
	base:   "httprate",
	bar:    bar{ratio: 0.40, allocs: 3},
	all: func() []contender {
		return limitHandlers(generous, func(library) expected { return expected{status: 200} }, func(l library) string { return l.fields })
	},
}

var limitHandlerDenied = work{
	name:   "LimitHandlerDenied",
	title:  "limiter middleware, denied, 10k keys",
	bounds: "the decision and a 429 with Retry-After",
	base:   "httprate",
	bar:    bar{ratio: 0.45, allocs: 3},
	all: func() []contender {
		return limitHandlers(quota{1, time.Hour}, func(l library) expected {
			a := l.denied
			a.status = http.StatusTooManyRequests
			return a
		}, func(l library) string { return l.text })
	},
}

// limitHandlers is the middleware of each library in front of a handler that
// does nothing. With a quota of one, each key has used it up beforehand.
func limitHandlers(q quota, want func(library) expected, note func(library) string) []contender {
	var all []contender
	for _, l := range libraries {
		all = append(all, contender{l.name, note(l), func() (func(*testing.B), error) {
			h, err := l.wrap(q, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			if err != nil {
				return nil, err
			}
			times := 1
			if q.n == 1 {
				times = 2 // on one connection, hence with one RemoteAddr
			}
			if err := want(l).check(h, path, times); err != nil {
				return nil, err
			}
			names := keyNames(10_000)
			w, r := newDiscard(), httptest.NewRequest(http.MethodGet, path, nil)
			for i := range names {
				r.RemoteAddr = keyName(i)
				w.reset()
				h.ServeHTTP(w, r)
			}
			return func(b *testing.B) {
				i := 0
				for b.Loop() {
					w.reset()
					r.RemoteAddr = names[i]
					h.ServeHTTP(w, r)
					i = (i + stride) % len(names)
				}
			}, nil
		}})
	}
	return all
}
