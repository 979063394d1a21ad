package ratelimit

import (
	"sync"
	"sync/atomic"
)

// shard keeps some of the buckets of a [Memory]. What every decision reads is in a
// cache line of its own, which changes only when the table grows.
type shard struct {
	table atomic.Pointer[hashTable] // never nil
	_     [56]byte

	mu      sync.Mutex // guards which buckets there are, and the fields below
	used    int        // how many there are
	limit   int        // how many there may be
	hand    int        // where the search for one to evict goes on
	evicted int        // how many were not full
	_       [24]byte
}

// The methods below need the lock.

// add decides b on a bucket that is not in the table, so it is full, and keeps
// it if it is charged.
func (s *shard) add(b *Bucket, of *bucketClass, hash uint64, now int64) {
	units := of.holds
	b.Debt, b.Short = 0, of.short(b, units)
	if b.Short || b.Cost <= 0 {
		return
	}
	units = of.charged(b, units)
	debt := of.debt(units)
	b.Debt = round(debt)
	s.insert(hash, units, now, fullAt(now, debt))
}

// insert adds a bucket.
func (s *shard) insert(hash uint64, units float64, now, full int64) {
	t := s.table.Load()
	at, _ := t.find(hash)
	if t.reuse(at, hash, units, now, full) {
		return
	}
	if s.makeRoom(now, full) {
		t = s.table.Load()
		at, _ = t.find(hash)
	}
	for !t.insert(at, hash, units, now, full) { // the last places are crowded
		t = t.widened() // and the others are the same
		s.table.Store(t)
	}
	s.used++
}

// makeRoom makes room for a bucket that will be full at the time full, and
// reports whether places have changed.
func (s *shard) makeRoom(now, full int64) (moved bool) {
	if s.used >= s.limit {
		s.evict(now, full)
		moved = true
	}
	if t := s.table.Load(); s.used >= t.most {
		// The table grows only for buckets that are in use. It does not shrink:
		// while clients stay below their quotas, it would grow again at once.
		if s.used = t.sweep(now); float64(s.used) > loadLeast*float64(t.homes) {
			s.table.Store(t.resized(min(s.used+1, s.limit)))
		}
		s.hand, moved = 0, true
	}
	return moved
}

// A call that makes room looks at fairLooks buckets, and at up to maxLooks if
// none of them is as near to full as the new one will be.
const fairLooks, maxLooks = 64, 1024

// evict removes a bucket that is full, which loses nothing, or otherwise the one
// nearest to full of those that it looks at. The search continues where the last
// one ended, so that every bucket is looked at in turn.
func (s *shard) evict(now, full int64) {
	t := s.table.Load()
	best, soonest, looks := -1, int64(0), 0
	for best < 0 { // one that another goroutine charges at the moment stays
		for range t.hashes {
			if s.hand++; s.hand >= len(t.hashes) {
				s.hand = 0
			}
			if t.hashes[s.hand].Load() == 0 {
				continue
			}
			at := t.states[s.hand].full.Load()
			if at == busy {
				continue
			}
			if looks++; best < 0 || at < soonest {
				best, soonest = s.hand, at
			}
			if at <= now || looks >= maxLooks || looks >= fairLooks && soonest <= full {
				break
			}
		}
	}
	if soonest > now {
		s.evicted++
	}
	t.remove(best)
	s.used--
}
