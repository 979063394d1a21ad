package ratelimit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// shard is a part of the buckets with a lock of its own. One lock for map,
// clock and limiters is what makes a decision exact: read outside, the time
// would go backwards between goroutines, and rate.Limiter mints units then
// (go.dev/issue/56287).
type shard struct {
	mu       sync.Mutex
	limit    int
	evicted  int
	limiters table
	due      dueHeap  // one entry for each limiter
	_        [64]byte // keeps two locks out of one cache line
}

// charge takes or gives back b's cost, and reports whether that took a new
// limiter. A bucket without one is full: there is nothing to give back.
func (s *shard) charge(b *Bucket, now time.Time, since time.Duration) (inserted bool) {
	cost := b.Cost
	if b.lim == nil {
		if cost < 0 {
			return false
		}
		b.lim, inserted = s.insert(b, now, since), true
	}
	if b.Rule == Force && cost > 0 {
		cost = max(0, min(cost, int(math.Floor(b.units))+b.Quota.Burst))
		for left := cost; left > 0; left -= b.Quota.Burst { // it reserves no more at once
			b.lim.ReserveN(now, min(left, b.Quota.Burst))
		}
	} else {
		b.lim.AllowN(now, cost)
	}
	b.units = min(float64(b.Quota.Burst), b.units-float64(cost))
	return inserted
}

// insert adds a full limiter for b, which has none.
func (s *shard) insert(b *Bucket, now time.Time, since time.Duration) *rate.Limiter {
	s.reclaim(now, since)
	lim := rate.NewLimiter(b.Quota.limit(), b.Quota.Burst)
	s.limiters.insert(slot{b.hash, lim})
	s.due.push(due{since + b.Quota.span(min(b.Cost, b.Quota.Burst)), b.hash})
	return lim
}

// maxSteps bounds the time for which a call to reclaim can hold the lock: the
// number of buckets it looks at whose place in the heap is out of date.
const maxSteps = 64

// reclaim makes room for one bucket if there is none. It drops the one that is
// nearest to full, which loses nothing if it is full.
//
// The heap is lazy. Whoever uses a bucket makes it full later, never sooner,
// and leaves its place in the heap alone; the place is put right here, when
// the bucket comes to the root.
func (s *shard) reclaim(now time.Time, since time.Duration) {
	var best due
	for step := 0; len(s.due) >= s.limit; step++ {
		root := s.due[0]
		at := since + untilFull(s.limiters.find(root.hash), now)
		if at <= root.at || at <= since {
			s.remove(0)
			if at > since {
				s.evicted++
			}
			return
		}
		root.at = at
		s.due[0] = root
		s.due.down(0)
		if step == 0 || at < best.at {
			best = root
		}
		if step == maxSteps {
			s.remove(s.due.index(best))
			s.evicted++
			return
		}
	}
}

func untilFull(lim *rate.Limiter, now time.Time) time.Duration {
	return time.Duration((float64(lim.Burst()) - lim.TokensAt(now)) / float64(lim.Limit()) * 1e9)
}

// remove drops the bucket at place i of the heap.
func (s *shard) remove(i int) {
	s.limiters.remove(s.due[i].hash)
	s.due.remove(i)
}
