package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// Memory is a [Store] in the memory of the process. It has no goroutine and
// needs no closing. It never returns an error for a valid bucket.
//
// In place of the keys it keeps hashes of 64 bits under a secret seed, so that no
// address and no API key stays in memory. The probability that two of a million
// buckets have the same hash is one in thirty million, and no client can choose
// which.
//
// The zero value is not valid; use [NewMemory].
type Memory struct {
	seed   maphash.Seed
	start  time.Time                     // durations since then are monotonic, and cheaper to read than time.Now
	shards []shard                       // a power of two, at most maxShards
	known  atomic.Pointer[[]bucketClass] // at most maxClasses
}

// NewMemory returns a store for at most maxKeys buckets: one for each key of each
// policy whose bucket is not full. It allocates at most 48 bytes for each, and
// 1.5 MiB more, and never shrinks.
//
// If there is no room for a new bucket, one that is nearly full is evicted. A full
// bucket is equivalent to a new one, so that loses nothing. Otherwise the evicted
// client gains the least: with a quota of 100 per hour, no number of new keys
// with one request each frees a key that has used up its quota. A flood frees it
// only with maxKeys other keys that are further from full, which takes as many
// requests as use up their quotas. So for a quota of one or a few requests,
// maxKeys should exceed the number of keys that a client can have within the time
// of the quota. [Memory.Evicted] reports whether it does.
//
// NewMemory panics if maxKeys is less than 1.
func NewMemory(maxKeys int) *Memory {
	if maxKeys < 1 {
		panic(fmt.Sprintf("ratelimit: NewMemory: maxKeys = %d: at least 1 is required", maxKeys))
	}
	// A shard keeps 64 keys or more: with fewer, some would by chance be full
	// long before the others.
	n := 1
	for n < maxShards && maxKeys/(2*n) >= 64 {
		n *= 2
	}
	m := &Memory{seed: maphash.MakeSeed(), start: time.Now(), shards: make([]shard, n)}
	for i := range m.shards {
		s := &m.shards[i]
		s.limit = maxKeys / n
		if i < maxKeys%n {
			s.limit++
		}
		s.table.Store(newHashTable(0))
	}
	m.known.Store(new([]bucketClass))
	return m
}

// maxShards is the number of bits in the set of shards that a call locks.
const maxShards = 64

// Len returns the number of buckets that are kept.
func (m *Memory) Len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += s.used
		s.mu.Unlock()
	}
	return n
}

// Evicted returns how many buckets were evicted before they were full. If it keeps
// growing, maxKeys is too small, or a flood of requests is arriving.
func (m *Memory) Evicted() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += s.evicted
		s.mu.Unlock()
	}
	return n
}

// fewBuckets is the number of buckets up to which a call needs no allocation.
const fewBuckets = 8

// Take implements [Store]. It ignores ctx.
func (m *Memory) Take(_ context.Context, buckets []Bucket) error {
	for i := range buckets {
		b := &buckets[i]
		if b.Quota.N < 1 || b.Quota.Per < 1 || b.Quota.Burst < 0 {
			return fmt.Errorf("ratelimit: policy %q: %w", b.Policy, b.Quota.check())
		}
		if b.Quota.Burst == 0 {
			b.Quota.Burst = b.Quota.N
		}
	}
	switch {
	case len(buckets) == 1:
		m.takeOne(&buckets[0])
	case len(buckets) <= fewBuckets:
		var lookups [fewBuckets]lookup
		m.takeAll(buckets, lookups[:len(buckets)])
	default:
		m.takeAll(buckets, make([]lookup, len(buckets)))
	}
	return nil
}

// home returns the number of the shard of a key, given its hash. It depends on the
// key alone, so that several policies with one key need one lock.
func (m *Memory) home(key uint64) int { return int(key & uint64(len(m.shards)-1)) }

// now returns the time since the start.
func (m *Memory) now() int64 { return int64(time.Since(m.start)) }

// takeOne is takeAll for the most frequent case. It needs the lock of the shard
// only for a bucket that is not there yet.
func (m *Memory) takeOne(b *Bucket) {
	key, of := maphash.String(m.seed, b.Key), m.classOf(b)
	hash, s := of.identity(key), &m.shards[m.home(key)]
	now := m.now()
	if s.table.Load().decide(b, of, hash, now) {
		return
	}
	s.mu.Lock()
	if !s.table.Load().decide(b, of, hash, now) {
		s.add(b, of, hash, now)
	}
	s.mu.Unlock()
}

// lookup is what takeAll found out about one of its buckets.
type lookup struct {
	*bucketClass
	shard *shard
	hash  uint64
	state *bucketState // locked; nil if the bucket is not there, or is that of an earlier lookup
	full  int64        // that of state, for unlock
	units float64
}

// takeAll decides buckets at one instant: it holds the locks of all shards that
// they belong to, and of all buckets that are there.
func (m *Memory) takeAll(buckets []Bucket, lookups []lookup) {
	var set uint64
	for i := range buckets {
		l, key := &lookups[i], maphash.String(m.seed, buckets[i].Key)
		l.bucketClass, l.shard = m.classOf(&buckets[i]), &m.shards[m.home(key)]
		l.hash = l.identity(key)
		set |= 1 << m.home(key)
	}
	now := m.now()
	m.lock(set)
	defer m.unlock(set)
	refused := false
	for i := range buckets {
		b, l := &buckets[i], &lookups[i]
		l.lock(now, lookups[:i])
		b.Short = l.short(b, l.units)
		b.Debt = round(l.debt(l.units))
		refused = refused || b.Short && b.Mode == Enforce
	}
	for i := range buckets {
		if !refused {
			lookups[i].charge(&buckets[i], now)
		}
		lookups[i].unlock()
	}
	if !refused {
		addMissing(buckets, lookups, now)
	}
}

// lock finds the bucket and locks it, unless an earlier lookup has done so.
func (l *lookup) lock(now int64, earlier []lookup) {
	t := l.shard.table.Load()
	at, found := t.find(l.hash)
	if !found {
		l.units = l.holds
		return
	}
	s := &t.states[at]
	if !slices.ContainsFunc(earlier, func(e lookup) bool { return e.state == s }) {
		l.state, l.full = s, s.lock()
	}
	l.units = l.bucketClass.units(s, now)
}

// charge charges a bucket that is there.
func (l *lookup) charge(b *Bucket, now int64) {
	if l.state == nil || b.Short || b.Cost == 0 {
		return
	}
	var debt float64
	debt, l.full = l.state.charge(b, l.bucketClass, l.units, now)
	b.Debt = round(debt)
}

// unlock unlocks a bucket that is there.
func (l *lookup) unlock() {
	if l.state != nil {
		l.state.unlock(l.full)
	}
}

// addMissing charges the buckets that were not there. One that gives way to them
// is charged all the same.
func addMissing(buckets []Bucket, lookups []lookup, now int64) {
	added := false
	for i := range buckets {
		b, l := &buckets[i], &lookups[i]
		if l.state != nil {
			continue
		}
		if !l.shard.table.Load().decide(b, l.bucketClass, l.hash, now) {
			l.shard.add(b, l.bucketClass, l.hash, now)
			added = true
		}
	}
	for i := range buckets {
		b, l := &buckets[i], &lookups[i]
		if !added || b.Short || b.Cost == 0 {
			continue
		}
		if _, found := l.shard.table.Load().find(l.hash); !found {
			l.shard.add(b, l.bucketClass, l.hash, now)
		}
	}
}

// lock takes the locks of a set of shards in ascending order, so that two calls
// cannot wait for each other.
func (m *Memory) lock(set uint64) {
	for ; set != 0; set &= set - 1 {
		m.shards[bits.TrailingZeros64(set)].mu.Lock()
	}
}

func (m *Memory) unlock(set uint64) {
	for ; set != 0; set &= set - 1 {
		m.shards[bits.TrailingZeros64(set)].mu.Unlock()
	}
}
