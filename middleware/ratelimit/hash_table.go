package ratelimit

import (
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"
)

// hashTable finds the buckets of a shard by their hashes, with linear probing. The
// hashes are in descending order, so that a search ends at the first one that is
// not larger (that of a free place never is), and a table of another size is
// filled in one pass from the left. The table has no pointers for the garbage
// collector to follow.
//
// Hashes and states are in separate slices, so that two cores which charge buckets
// only exchange cache lines of states. Any goroutine may search. To change which
// bucket is at a place, a goroutine needs the lock of the shard and that of the
// place.
//
// The zero table is not valid; use newHashTable.
type hashTable struct {
	hashes []atomic.Uint64 // of the identities of the buckets; 0 in a free place
	states []bucketState
	homes  int // the number of places where a search can start
	most   int // how many places may be used before the shard makes room
}

// bucketState is what one bucket held at a time, and a lock.
type bucketState struct {
	// full is the time at which the bucket is full again, or busy while a
	// goroutine reads or changes the other fields.
	full  atomic.Int64
	last  int64   // nanoseconds since the start of the Memory
	units float64 // held at that time; the bucket owes what is below zero
}

// busy is never the time when a bucket is full.
const busy = -1

// lock returns the time when the bucket is full again, which unlock needs. It
// exchanges the value without reading it first: otherwise a core would fetch the
// cache line from another one twice, once to read and once to write.
func (s *bucketState) lock() (full int64) {
	for {
		if full = s.full.Swap(busy); full != busy {
			return full
		}
		for spins := 0; s.full.Load() == busy; spins++ {
			if spins >= 30 { // the owner takes a few nanoseconds, unless it is not running
				runtime.Gosched()
			}
		}
	}
}

func (s *bucketState) unlock(full int64) { s.full.Store(full) }

// fullAt returns the time when a bucket that had a debt at the time last is full
// again. It adds what float64 may have rounded off a long debt, so that a bucket
// which is removed after that time was full to the last bit.
func fullAt(last int64, debt float64) int64 {
	if debt > 1<<61 {
		return 1 << 62
	}
	return last + int64(debt+debt*0x1p-49+0.99)
}

// A table is at most loadMost full, and loadLeast after it has made room.
const (
	loadMost, loadLeast = 0.8, 0.7
	minHomes            = 16
)

// newHashTable returns a table for so many buckets, or some more if that takes
// no more memory.
func newHashTable(keys int) *hashTable {
	states := slices.Grow([]bucketState(nil), max(minHomes, int(float64(keys)/loadLeast))+minHomes)
	states = states[:cap(states)]
	return tableOf(len(states)-minHomes, states)
}

// tableOf returns a table with the states. The places after the last home are for
// what is pushed out of those before.
func tableOf(homes int, states []bucketState) *hashTable {
	return &hashTable{
		hashes: make([]atomic.Uint64, len(states)),
		states: states,
		homes:  homes,
		most:   int(float64(homes) * loadMost),
	}
}

// home returns the place where the search for a hash starts. The larger the hash,
// the further to the left.
func (t *hashTable) home(hash uint64) int {
	hi, _ := bits.Mul64(^hash, uint64(t.homes))
	return int(hi)
}

// find returns the place of a hash, or the place where to insert it. Without the
// lock of the shard it may miss a bucket that is being moved, and the bucket that
// it finds may be moved before it is locked.
func (t *hashTable) find(hash uint64) (at int, found bool) {
	for at = t.home(hash); at < len(t.hashes); at++ {
		if h := t.hashes[at].Load(); h <= hash {
			return at, h == hash
		}
	}
	return at, false
}

// decide decides b on the bucket with the hash, and reports whether there is one.
// It may miss what find misses.
//
// The time is read outside the lock, so it can be older than the bucket. The
// bucket then stays in its time: rate.Limiter would go back, and mint units when
// it comes forward again (go.dev/issue/56287).
func (t *hashTable) decide(b *Bucket, of *bucketClass, hash uint64, now int64) (found bool) {
	at, found := t.find(hash)
	if !found {
		return false
	}
	s := &t.states[at]
	full := s.lock()
	if t.hashes[at].Load() != hash { // it was moved meanwhile
		s.unlock(full)
		return false
	}
	units := of.units(s, now)
	b.Short = of.short(b, units)
	debt := of.debt(units)
	if !b.Short && b.Cost != 0 {
		debt, full = s.charge(b, of, units, now)
	}
	s.unlock(full)
	b.Debt = round(debt)
	return true
}

// charge takes the cost of b from the units that the bucket holds now. It returns
// the debt, and the time when the bucket is full again. The caller has the lock.
func (s *bucketState) charge(b *Bucket, of *bucketClass, units float64, now int64) (debt float64, full int64) {
	s.units = of.charged(b, units)
	s.last = max(s.last, now)
	debt = of.debt(s.units)
	return debt, fullAt(s.last, debt)
}

// The methods below need the lock of the shard.

// reuse replaces the bucket at the place that find returned for a new one, if that
// is full again. A full bucket is not missed, and both belong between the same
// neighbors.
func (t *hashTable) reuse(at int, hash uint64, units float64, now, full int64) bool {
	if at == len(t.hashes) || t.hashes[at].Load() == 0 {
		return false
	}
	s := &t.states[at]
	was := s.lock()
	if was > now {
		s.unlock(was)
		return false
	}
	t.hashes[at].Store(hash)
	s.units, s.last = units, now
	s.unlock(full)
	return true
}

// insert adds a bucket at the place that find returned for it. It moves the buckets
// between there and the next free place, and reports whether there is one.
func (t *hashTable) insert(at int, hash uint64, units float64, now, full int64) bool {
	free := at
	for free < len(t.hashes) && t.hashes[free].Load() != 0 {
		free++
	}
	if free == len(t.hashes) {
		return false
	}
	t.states[free].lock()
	for ; free > at; free-- {
		t.move(free-1, free)
	}
	t.hashes[at].Store(hash)
	s := &t.states[at]
	s.units, s.last = units, now
	s.unlock(full)
	return true
}

// move moves a bucket to another place, whose lock the caller has. It unlocks that
// place and leaves the former one locked.
func (t *hashTable) move(from, to int) {
	s, d := &t.states[from], &t.states[to]
	full := s.lock()
	d.units, d.last = s.units, s.last
	t.hashes[to].Store(t.hashes[from].Load())
	d.unlock(full)
}

// remove frees a place. Buckets that were pushed past it move back, so that no
// search ends there too early.
func (t *hashTable) remove(at int) {
	t.states[at].lock()
	for next := at + 1; next < len(t.hashes); next++ {
		if h := t.hashes[next].Load(); h == 0 || t.home(h) == next {
			break
		}
		t.move(next, at)
		at = next
	}
	t.hashes[at].Store(0)
	t.states[at].unlock(0)
}

// sweep removes the buckets that are full at the time now, and returns how many
// are left.
func (t *hashTable) sweep(now int64) (used int) {
	at := 0
	for i := range t.hashes {
		h := t.hashes[i].Load()
		if h == 0 {
			continue
		}
		s := &t.states[i]
		full := s.lock()
		if full <= now {
			t.hashes[i].Store(0)
			s.unlock(0)
			continue
		}
		s.unlock(full)
		used++
		if at = max(at, t.home(h)); at < i { // never to the right of i
			t.states[at].lock()
			t.move(i, at)
			t.hashes[i].Store(0)
			s.unlock(0)
		}
		at++
	}
	return used
}

// resized moves the buckets to a new table for so many. A search in the old one
// finds none of them any more.
func (t *hashTable) resized(keys int) *hashTable {
	next := newHashTable(keys)
	for !next.fits(t) { // hardly ever: the last places are crowded
		next = tableOf(next.homes, make([]bucketState, len(next.states)+minHomes))
	}
	t.moveTo(next)
	return next
}

// widened moves the buckets to a new table with a few more places after the last
// home. A long flood crowds those of each table sooner or later.
func (t *hashTable) widened() *hashTable {
	next := tableOf(t.homes, make([]bucketState, len(t.states)+minHomes))
	t.moveTo(next)
	return next
}

// fits reports whether the empty table t has a place for each bucket of another.
func (t *hashTable) fits(other *hashTable) bool {
	at := 0
	for i := range other.hashes {
		if h := other.hashes[i].Load(); h != 0 {
			at = max(at, t.home(h)) + 1
		}
	}
	return at <= len(t.hashes)
}

// moveTo moves the buckets to an empty table in which they fit.
func (t *hashTable) moveTo(next *hashTable) {
	at := 0
	for i := range t.hashes {
		h := t.hashes[i].Load()
		if h == 0 {
			continue
		}
		at = max(at, next.home(h))
		s, d := &t.states[i], &next.states[at]
		full := s.lock()
		next.hashes[at].Store(h)
		d.units, d.last = s.units, s.last
		d.full.Store(full)
		t.hashes[i].Store(0)
		s.unlock(0)
		at++
	}
}
