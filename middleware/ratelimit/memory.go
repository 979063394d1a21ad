package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"time"

	"golang.org/x/time/rate"
)

// Memory is a [Store] in the memory of the process. It has no goroutine and
// needs no closing. It never returns an error for a valid bucket.
//
// It keeps hashes of 64 bits under a secret seed in place of the keys, so that
// no address and no API key stays behind. That two of a million buckets are
// taken for one has a probability of one in thirty million, and nobody can
// choose which.
//
// The zero value is not valid; use [NewMemory].
type Memory struct {
	seed   maphash.Seed
	start  time.Time // durations since then are monotonic, and cheaper to read than time.Now
	shards []shard   // a power of two, at most maxShards
}

// NewMemory returns a store for at most maxKeys buckets: one for each key of
// each policy that is not full. It takes about 140 bytes for each, whatever
// arrives.
//
// When there is no room for a new bucket, the one that is nearest to full gives
// way. If it is full it is as good as a new one, and nothing is lost. Else it
// loses the least: a flood of new keys does not free a key that has used up
// its quota. Panics if maxKeys is less than 1.
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
		s.limiters.slots = make([]slot, 8)
	}
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
		n += len(s.due)
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

// scratch is what Memory notes in a Bucket during a call.
type scratch struct {
	hash  uint64
	shard uint8
	lim   *rate.Limiter // nil if the bucket is not kept, thus full
	units float64
}

// Take implements [Store]. It ignores ctx.
func (m *Memory) Take(_ context.Context, buckets []Bucket) error {
	for i := range buckets {
		b := &buckets[i]
		if b.Quota.N < 1 || b.Quota.Per < 1 || b.Quota.Burst < 0 {
			return fmt.Errorf("ratelimit: policy %q: %w", b.Policy, b.Quota.check())
		}
		b.Quota.Burst = b.Quota.Capacity()
		m.identify(b)
	}
	if len(buckets) == 1 {
		m.takeOne(&buckets[0])
	} else {
		m.takeAll(buckets)
	}
	return nil
}

// identify computes the identity of a bucket. The key alone chooses the shard,
// so that several policies with one key need one lock.
func (m *Memory) identify(b *Bucket) {
	key := maphash.String(m.seed, b.Key)
	b.shard = uint8(key & uint64(len(m.shards)-1))
	// Odd constants without a pattern keep apart what differs in one number.
	b.hash = key ^ (maphash.String(m.seed, b.Policy)*0x9e3779b97f4a7c15 +
		uint64(b.Quota.N)*0xbf58476d1ce4e5b9 + uint64(b.Quota.Per)*0x94d049bb133111eb + uint64(b.Quota.Burst)*0xd6e8feb86659fd93)
}

// takeOne is takeAll for the most frequent case.
func (m *Memory) takeOne(b *Bucket) {
	s := &m.shards[b.shard]
	s.mu.Lock()
	since := time.Since(m.start)
	now := m.start.Add(since)
	b.look(s, now)
	if b.Cost != 0 && !b.Short {
		s.charge(b, now, since)
	}
	s.mu.Unlock()
	b.answer()
}

// takeAll decides buckets at one instant.
func (m *Memory) takeAll(buckets []Bucket) {
	var set uint64
	for i := range buckets {
		set |= 1 << buckets[i].shard
	}
	m.lock(set)
	defer m.unlock(set)
	since := time.Since(m.start)
	now := m.start.Add(since)
	refused := false
	for i := range buckets {
		b := &buckets[i]
		b.look(&m.shards[b.shard], now)
		refused = refused || b.Short && b.Rule == Enforce
	}
	inserted := false
	for i := range buckets {
		b := &buckets[i]
		if b.Cost != 0 && !refused && !b.Short {
			s := &m.shards[b.shard]
			if inserted { // which may have evicted this one
				b.look(s, now)
			}
			inserted = s.charge(b, now, since) || inserted
		}
		b.answer()
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

// drain fills a bucket and returns the debt that it had.
func (m *Memory) drain(b *Bucket) time.Duration {
	m.identify(b)
	s := &m.shards[b.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.start.Add(time.Since(m.start))
	b.look(s, now)
	if b.lim != nil {
		b.lim.AllowN(now, -2*b.Quota.Burst) // the most it can owe
	}
	b.answer()
	return b.Debt
}

// look finds b in its shard and sees whether its units are enough, by the very
// arithmetic of rate.Limiter's AllowN.
func (b *Bucket) look(s *shard, now time.Time) {
	b.units = float64(b.Quota.Burst)
	if b.lim = s.limiters.find(b.hash); b.lim != nil {
		b.units = b.lim.TokensAt(now)
	}
	lack := float64(b.Cost) - b.units
	b.Short = lack > 0 && b.Cost > 0 && b.Rule != Force &&
		(b.Cost > b.Quota.Burst || time.Duration(lack/float64(b.Quota.limit())*1e9) > 0)
}

// answer sets what the caller wants to know.
func (b *Bucket) answer() {
	debt := (float64(b.Quota.Burst) - b.units) * float64(b.Quota.Per) / float64(b.Quota.N)
	b.Debt = time.Duration(math.Floor(debt + 0.5))
	b.lim = nil // which may be dropped
}

func (q Quota) limit() rate.Limit { return rate.Limit(float64(q.N) / q.Per.Seconds()) }
