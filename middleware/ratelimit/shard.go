package ratelimit

import (
	"sync"
)

// shard is a part of the buckets with a lock of its own. What a decision reads
// comes first, to be in one cache line.
type shard struct {
	mu      sync.Mutex
	table   table
	limit   int      // of the buckets
	hand    int      // where the search for a bucket to give way goes on
	evicted int      // how many had to
	_       [56]byte // keeps two locks out of one cache line
}

// The arithmetic is that of rate.Limiter's AllowN, operation for operation, on
// a bucket without an allocation and a lock of its own.

// look finds the bucket with the hash at the time now, and sees whether its
// units are enough for b. It returns its place in the table, or the place where
// to insert it, and its units.
//
// The time is read outside the lock, so it can be older than the bucket. The
// bucket then does not change: rate.Limiter would go back in time, and mint
// units when it comes forward again (go.dev/issue/56287).
func (s *shard) look(b *Bucket, t *terms, hash uint64, now int64) (at int, found bool, units float64) {
	units = t.holds
	if at, found = s.table.find(hash); found {
		units = t.units(&s.table.cells[at], now)
	}
	b.Short = t.short(b, units)
	return at, found, units
}

// charge takes b's cost from what look has found, or gives it back, and returns
// the debt that is left. Where there is no cell the bucket is full, and there
// is nothing to give back.
func (s *shard) charge(b *Bucket, t *terms, hash uint64, now int64, at int, found bool, units float64) (debt float64) {
	if !found && b.Cost < 0 {
		return 0
	}
	units = t.charged(b, units)
	debt = t.debt(units)
	if found {
		s.table.cells[at].set(units, debt, now)
		return debt
	}
	c := cell{hash, units, now, debt}
	if s.table.reuse(at, c) {
		return debt
	}
	if s.makeRoom(now, c.full()) {
		at, _ = s.table.find(hash)
	}
	s.table.insert(at, c)
	return debt
}

// makeRoom makes room for a bucket that will be full at the time full, and
// reports whether places have changed.
func (s *shard) makeRoom(now, full int64) (moved bool) {
	if s.table.used >= s.limit {
		s.evict(now, full)
		moved = true
	}
	if s.table.used >= s.table.most {
		// It grows only for buckets that are in use. It does not shrink: where
		// clients stay below their quotas, it would grow again at once.
		if s.table.sweep(now); float64(s.table.used) > loadLeast*float64(s.table.homes) {
			s.table = s.table.resized(min(s.table.used+1, s.limit))
		}
		s.hand, moved = 0, true
	}
	return moved
}

// A call that makes room looks at fairLooks buckets, and at up to maxLooks if
// none of them is as near to full as the new one will be.
const fairLooks, maxLooks = 64, 1024

// evict drops a bucket that is full, which loses nothing, or else the one that
// is nearest to full of those that it looks at. The search goes on where the
// last one ended, so that all buckets have their turn.
func (s *shard) evict(now, full int64) {
	best, soonest, looks, cells := -1, int64(0), 0, s.table.cells
	for range cells {
		if s.hand++; s.hand >= len(cells) {
			s.hand = 0
		}
		c := &cells[s.hand]
		if c.free() {
			continue
		}
		at := c.full()
		if looks++; best < 0 || at < soonest {
			best, soonest = s.hand, at
		}
		if at <= now || looks >= maxLooks || looks >= fairLooks && soonest <= full {
			break
		}
	}
	if soonest > now {
		s.evicted++
	}
	s.table.remove(best)
}
