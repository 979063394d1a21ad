package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Memory is a [Store] in the memory of the process. It has no goroutine and
// needs no closing. It never returns an error for a valid bucket.
//
// The zero value is not valid; use [NewMemory].
type Memory struct {
	seed   maphash.Seed
	start  time.Time // durations since then are monotonic, and cheaper to read than time.Now
	shards []shard   // a power of two, at most 64
}

// NewMemory returns a store for at most maxKeys buckets: one for each key of
// each policy that is not full. It takes about 200 bytes for each, whatever
// arrives.
//
// A bucket that is full again is as good as a new one, and is dropped when
// room is needed. If there is none, the bucket that is nearest to full gives
// way: it loses the least, and a flood of new keys does not free a key that
// has used up its quota. Panics if maxKeys is less than 1.
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
		s.seed = m.seed
		s.limit = maxKeys / n
		if i < maxKeys%n {
			s.limit++
		}
		s.cells = make(map[uint64]*cell)
		s.grants = make(map[grant]*shared)
	}
	return m
}

// maxShards is the number of bits in the set of shards that a call locks.
const maxShards = 64

// shard is a part of the buckets with a lock of its own. One lock for map,
// clock and limiters is what makes a decision exact: read outside, the time
// would go backwards between goroutines, and rate.Limiter mints units then
// (go.dev/issue/56287).
type shard struct {
	mu      sync.Mutex
	seed    maphash.Seed
	limit   int
	evicted int
	cells   map[uint64]*cell // by the hash of the key; see cell.next
	grants  map[grant]*shared
	due     dueHeap
	_       [64]byte // keeps two locks out of one cache line
}

// cell is one bucket. It has 112 bytes, which the allocator does not round up.
type cell struct {
	units rate.Limiter
	key   string
	grant *shared
	next  *cell // the same key under another policy or quota, or a hash collision
}

// grant is what many keys have in common.
type grant struct {
	policy string
	quota  Quota
}

// shared is a grant that is stored once for its cells.
type shared struct {
	grant
	cells int
}

// scratch is what Memory notes in a Bucket during a call.
type scratch struct {
	hash  uint64
	cell  *cell
	units float64
}

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

// Take implements [Store]. It ignores ctx.
func (m *Memory) Take(_ context.Context, buckets []Bucket) error {
	var set uint64
	for i := range buckets {
		b := &buckets[i]
		if b.Quota.N < 1 || b.Quota.Per < 1 || b.Quota.Burst < 0 {
			return fmt.Errorf("ratelimit: policy %q: %w", b.Policy, b.Quota.check())
		}
		b.Quota.Burst = b.Quota.Capacity()
		b.hash = maphash.String(m.seed, b.Key)
		set |= 1 << m.index(b.hash)
	}
	m.lock(set)
	defer m.unlock(set)
	m.take(buckets)
	return nil
}

// take is Take with the shards of all buckets locked.
func (m *Memory) take(buckets []Bucket) {
	since := time.Since(m.start)
	now := m.start.Add(since)

	refused := false
	for i := range buckets {
		b := &buckets[i]
		b.cell = m.shards[m.index(b.hash)].find(b)
		b.look(now)
		refused = refused || b.Short && b.Rule == Enforce
	}
	inserted := false
	for i := range buckets {
		b := &buckets[i]
		if b.Cost != 0 && !refused && !b.Short {
			s := &m.shards[m.index(b.hash)]
			if inserted { // which may have evicted this one
				b.cell = s.find(b)
				b.look(now)
			}
			if b.cell == nil && b.Cost > 0 {
				inserted = true
				b.cell = s.insert(b, now, since)
			}
			b.charge(now)
		}
		b.Debt = b.Quota.debt(b.units)
		b.cell = nil
	}
}

// drain fills a bucket and returns the debt that it had.
func (m *Memory) drain(b *Bucket) time.Duration {
	b.hash = maphash.String(m.seed, b.Key)
	s := &m.shards[m.index(b.hash)]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.start.Add(time.Since(m.start))
	b.cell = s.find(b)
	b.look(now)
	debt := b.Quota.debt(b.units)
	if b.cell != nil {
		b.cell.units.SetBurstAt(time.Time{}, b.Quota.Burst) // full, as in insert
	}
	b.cell = nil
	return debt
}

// look reads the units of b and whether they are enough, by the very
// arithmetic of rate.Limiter's AllowN.
func (b *Bucket) look(now time.Time) {
	b.units = float64(b.Quota.Burst)
	if b.cell != nil {
		b.units = b.cell.units.TokensAt(now)
	}
	lack := float64(b.Cost) - b.units
	b.Short = b.Cost > 0 && b.Rule != Force &&
		(b.Cost > b.Quota.Burst || lack > 0 && time.Duration(lack/b.Quota.perSecond()*1e9) > 0)
}

// charge takes or gives back b's cost. A bucket without a cell is full: there
// is nothing to give back.
func (b *Bucket) charge(now time.Time) {
	if b.cell == nil {
		return
	}
	cost, lim := b.Cost, &b.cell.units
	if b.Rule == Force && cost > 0 {
		cost = max(0, min(cost, int(math.Floor(b.units))+b.Quota.Burst))
		for left := cost; left > 0; left -= b.Quota.Burst { // it reserves no more at once
			lim.ReserveN(now, min(left, b.Quota.Burst))
		}
	} else {
		lim.AllowN(now, cost)
	}
	b.units = min(float64(b.Quota.Burst), b.units-float64(cost))
}

func (q Quota) perSecond() float64 { return float64(q.N) / q.Per.Seconds() }

// debt is the time in which a bucket that holds the units gets full.
func (q Quota) debt(units float64) time.Duration {
	return time.Duration(math.Round((float64(q.Burst) - units) * float64(q.Per) / float64(q.N)))
}

func (m *Memory) index(hash uint64) uint64 { return hash & uint64(len(m.shards)-1) }

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

func (s *shard) find(b *Bucket) *cell {
	for c := s.cells[b.hash]; c != nil; c = c.next {
		if c.key == b.Key && c.grant.quota == b.Quota && c.grant.policy == b.Policy {
			return c
		}
	}
	return nil
}

// insert adds a full bucket for b, which has none.
func (s *shard) insert(b *Bucket, now time.Time, since time.Duration) *cell {
	s.reclaim(now, since)
	g := grant{b.Policy, b.Quota}
	sh := s.grants[g]
	if sh == nil {
		sh = &shared{grant: g}
		s.grants[g] = sh
	}
	sh.cells++
	c := &cell{key: strings.Clone(b.Key), grant: sh, next: s.cells[b.hash]}
	// A limiter whose last event was in the year 1 is full.
	c.units.SetBurstAt(time.Time{}, b.Quota.Burst)
	c.units.SetLimitAt(time.Time{}, rate.Limit(b.Quota.perSecond()))
	s.cells[b.hash] = c
	s.due.push(due{since + b.Quota.span(min(b.Cost, b.Quota.Burst)), c})
	return c
}

// Steps of one call to reclaim: enough to free more than one insertion takes,
// and, where there is no room, to come past buckets whose place in the heap is
// out of date. Both bound the time for which a call can hold the lock.
const (
	stepsWithRoom    = 3
	stepsWithoutRoom = 64
)

// reclaim drops buckets that are full, and one that is not if the shard has no
// room otherwise.
//
// The heap is lazy. Whoever uses a bucket makes it full later, never sooner,
// and leaves its place in the heap alone; the place is put right here, when
// the bucket comes to the root.
func (s *shard) reclaim(now time.Time, since time.Duration) {
	var best due
	for step := 0; len(s.due) > 0; step++ {
		room := len(s.due) < s.limit
		if room && (step >= stepsWithRoom || s.due[0].at > since) {
			return
		}
		root := s.due[0]
		q := root.cell.grant.quota
		at := since + q.debt(root.cell.units.TokensAt(now))
		switch {
		case at <= since:
			s.remove(0)
			continue
		case at > root.at:
			root.at = at
			s.due[0] = root
			s.due.down(0)
		default: // the root is exact: nobody is nearer to full
			s.remove(0)
			s.evicted++
			return
		}
		if best.cell == nil || at < best.at {
			best = root
		}
		if step >= stepsWithoutRoom {
			for i := range s.due {
				if s.due[i].cell == best.cell {
					s.remove(i)
					break
				}
			}
			s.evicted++
			return
		}
	}
}

// remove drops the bucket at place i of the heap.
func (s *shard) remove(i int) {
	c := s.due[i].cell
	s.due.remove(i)
	c.grant.cells--
	if c.grant.cells == 0 {
		delete(s.grants, c.grant.grant)
	}
	hash := maphash.String(s.seed, c.key)
	head := s.cells[hash]
	switch {
	case head != c:
		for head.next != c {
			head = head.next
		}
		head.next = c.next
	case c.next != nil:
		s.cells[hash] = c.next
	default:
		delete(s.cells, hash)
	}
}

// due is a bucket and a time, since the store's start, before which it is not
// full.
type due struct {
	at   time.Duration
	cell *cell
}

// dueHeap is a binary heap with the earliest time at index 0. (The one of
// container/heap would allocate for each entry.)
type dueHeap []due

func (h *dueHeap) push(d due) {
	*h = append(*h, d)
	h.up(len(*h) - 1)
}

func (h *dueHeap) remove(i int) {
	last := len(*h) - 1
	(*h)[i] = (*h)[last]
	(*h)[last] = due{}
	*h = (*h)[:last]
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h dueHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= h[i].at {
			return
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
}

func (h dueHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].at < h[child].at {
			child++
		}
		if h[i].at <= h[child].at {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
