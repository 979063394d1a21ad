package ratelimit

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// probeEvery is the time between two requests that probe a part of a store that is
// down.
const probeEvery = time.Second

// maxParts bounds the parts that are known to be down.
const maxParts = 1024

// breaker keeps requests from the parts of a Store that are down.
type breaker struct {
	part  func(Bucket) string
	start time.Time

	failing atomic.Int32 // len(down); the usual 0 needs no lock
	mu      sync.Mutex
	down    map[string]*failure
}

// failure is that of a part that could not be reached.
type failure struct {
	err   error
	probe time.Duration // since start: when to try again
}

func newBreaker(s Store, start time.Time) *breaker {
	b := &breaker{part: func(Bucket) string { return "" }, start: start, down: make(map[string]*failure)}
	if p, ok := s.(PartedStore); ok {
		b.part = p.Part
	}
	return b
}

// admit returns an error if a part that the buckets need is down and it is not
// time to probe it. Otherwise it returns the parts that are down, which no other
// request probes for a while.
func (b *breaker) admit(buckets []Bucket) (probed []string, err error) {
	if b.failing.Load() == 0 {
		return nil, nil
	}
	needed, now := b.parts(buckets), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range needed {
		if f := b.down[part]; f != nil {
			if now < f.probe {
				return nil, f.err
			}
			probed = append(probed, part)
		}
	}
	for _, part := range probed {
		b.down[part].probe = now + probeEvery
	}
	return probed, nil
}

// parts returns the names of the parts that keep the buckets, after that of the
// whole store.
func (b *breaker) parts(buckets []Bucket) []string {
	names := []string{""}
	for _, bucket := range buckets {
		if p := b.part(bucket); !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	return names
}

// succeed notes that parts which were down are not.
func (b *breaker) succeed(probed []string) {
	if probed == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range probed {
		delete(b.down, part)
	}
	b.failing.Store(int32(len(b.down)))
}

// fail notes which parts could not be reached: those with the names, or if there
// are none, all that the buckets need.
func (b *breaker) fail(err error, names []string, buckets []Bucket) {
	if names == nil {
		if names = b.parts(buckets); len(names) > 1 {
			names = names[1:] // not the whole store
		}
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if len(b.down) >= maxParts && b.down[name] == nil { // some are perhaps of servers that no longer exist
			clear(b.down)
		}
		b.down[name] = &failure{err, now + probeEvery}
	}
	b.failing.Store(int32(len(b.down)))
}

// untilProbe returns the time until the parts that the buckets need are probed.
func (b *breaker) untilProbe(buckets []Bucket) time.Duration {
	names, now := b.parts(buckets), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := time.Duration(0)
	for _, name := range names {
		if f := b.down[name]; f != nil {
			wait = max(wait, f.probe-now)
		}
	}
	return wait
}

func (b *breaker) now() time.Duration { return time.Since(b.start) }
