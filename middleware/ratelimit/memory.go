package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// Memory is a [Store] in the memory of the process. It has no goroutine and
// needs no closing. It never returns an error for a valid bucket.
//
// It keeps hashes of 64 bits under a secret seed in place of the keys, so that
// no address and no API key stays behind. That two of a million buckets are
// taken for one has a probability of one in thirty million, and no client can
// choose which.
//
// The zero value is not valid; use [NewMemory].
type Memory struct {
	seed   maphash.Seed
	start  time.Time // durations since then are monotonic, and cheaper to read than time.Now
	shards []shard   // a power of two, at most maxShards
	known  atomic.Pointer[[]terms]
}

// NewMemory returns a store for at most maxKeys buckets: one for each key of
// each policy that is not full. It takes about 45 bytes for each, whatever
// arrives, and keeps what it has taken.
//
// When there is no room for a new bucket, one that is near to full gives way.
// If it is full it is equivalent to a new one, and nothing is lost. Otherwise
// it loses the least: with a quota of 100 per hour, no number of new keys with
// one request each frees a key that has used up its quota. To do that, a flood
// needs maxKeys other keys that are further from full than this one: as many
// requests as would use up their quotas too. So under a quota of one request,
// or of few, maxKeys should be larger than the number of keys that a client
// can have within the time of the quota. [Memory.Evicted] shows whether it is.
//
// NewMemory panics if maxKeys is less than 1.
func NewMemory(maxKeys int) *Memory {
	if maxKeys < 1 {
		panic(fmt.Sprintf("ratelimit: NewMemory: maxKeys = %d: at least 1 is required", maxKeys))
	}
	// A shard keeps 64 keys or more: with fewer, chance would fill some of
	// them long before the others.
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
		s.table = newTable(0)
	}
	m.known.Store(new([]terms))
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
		n += s.table.used
		s.mu.Unlock()
	}
	return n
}

// Evicted returns how many buckets had to give way before they were full. If
// it keeps growing, maxKeys is too small, or somebody floods the service.
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
		var keys [fewBuckets]uint64
		m.takeAll(buckets, keys[:len(buckets)])
	default:
		m.takeAll(buckets, make([]uint64, len(buckets)))
	}
	return nil
}

// home is the number of the shard of a key, given its hash. The key alone
// chooses it, so that several policies with one key need one lock.
func (m *Memory) home(key uint64) int { return int(key & uint64(len(m.shards)-1)) }

// now is the time since the start.
func (m *Memory) now() int64 { return int64(time.Since(m.start)) }

// takeOne is takeAll for the most frequent case.
func (m *Memory) takeOne(b *Bucket) {
	key, t := maphash.String(m.seed, b.Key), m.terms(b)
	hash, s := t.identity(key), &m.shards[m.home(key)]
	now := m.now()
	s.mu.Lock()
	at, found := s.table.find(hash)
	units := t.holds
	if found {
		units = t.units(&s.table.cells[at], now)
	}
	b.Short = t.short(b, units)
	var debt float64
	switch {
	case b.Short || b.Cost == 0:
		debt = t.debt(units)
	case found:
		units = t.charged(b, units)
		debt = t.debt(units)
		s.table.cells[at].set(units, debt, now)
	default:
		debt = s.charge(b, t, hash, now, at, found, units)
	}
	s.mu.Unlock()
	b.Debt = round(debt)
}

// takeAll decides buckets at one instant.
func (m *Memory) takeAll(buckets []Bucket, keys []uint64) {
	var set uint64
	for i := range buckets {
		keys[i] = maphash.String(m.seed, buckets[i].Key)
		set |= 1 << m.home(keys[i])
	}
	now := m.now()
	m.lock(set)
	defer m.unlock(set)
	refused := false
	for i := range buckets {
		b, t := &buckets[i], m.terms(&buckets[i])
		_, _, units := m.shards[m.home(keys[i])].look(b, t, t.identity(keys[i]), now)
		b.Debt = round(t.debt(units))
		refused = refused || b.Short && b.Mode == Enforce
	}
	if refused {
		return
	}
	for i := range buckets {
		b, t, s := &buckets[i], m.terms(&buckets[i]), &m.shards[m.home(keys[i])]
		if b.Cost == 0 || b.Short {
			continue
		}
		// Again, since the one before may have moved or evicted this one.
		hash := t.identity(keys[i])
		at, found, units := s.look(b, t, hash, now)
		b.Debt = round(s.charge(b, t, hash, now, at, found, units))
	}
}

// lock takes the locks of a set of shards, always in ascending order, so that
// two calls cannot wait for each other.
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
