package ratelimit

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sound checks what has to hold for each table: its cells are in order, each is
// found, and they are counted.
func sound(t *testing.T, b *table) {
	t.Helper()
	used := 0
	for i := range b.cells {
		c := &b.cells[i]
		if c.free() {
			continue
		}
		used++
		at, found := b.find(c.hash)
		require.True(t, found && at == i, "cell %d of %d, for %d homes, is found at %d: %v", i, len(b.cells), b.homes, at, found)
		require.LessOrEqual(t, b.home(c.hash), i)
	}
	require.Equal(t, used, b.used)
	require.Equal(t, int(float64(b.homes)*loadMost), b.most)
}

// The oracle is a map. Hashes crowd at both ends and in the middle.
func TestTableFindsWhatAMapDoes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		b, oracle := newTable(rnd.IntN(40)), map[uint64]int64{}
		hash := func() uint64 {
			switch h := 1 + rnd.Uint64N(30); rnd.IntN(3) {
			case 0:
				return h // home at the end
			case 1:
				return -h // home at the beginning
			default:
				return 1 + rnd.Uint64()>>1
			}
		}
		for step := range 300 {
			h := hash()
			at, found := b.find(h)
			_, want := oracle[h]
			require.Equal(t, want, found)
			switch {
			case found && rnd.IntN(2) == 0:
				b.remove(at)
				delete(oracle, h)
			case !found && b.used >= b.most:
				now := max(0, int64(step)-100)
				b.sweep(now)
				for k, full := range oracle {
					if full <= now {
						delete(oracle, k)
					}
				}
				b = b.resized(b.used + 1)
			case !found:
				c := cell{hash: h, last: int64(step)}
				if i := at; i < len(b.cells) && !b.cells[i].free() && b.cells[i].full() <= c.last && rnd.IntN(2) == 0 {
					delete(oracle, b.cells[i].hash)
					require.True(t, b.reuse(at, c))
				} else {
					b.insert(at, c)
				}
				oracle[h] = c.full()
			}
			sound(t, &b)
			require.Equal(t, len(oracle), b.used)
		}
	}
}

func TestTableReusesOnlyWhatIsFull(t *testing.T) {
	b := newTable(1)
	at, _ := b.find(9)
	assert.False(t, b.reuse(at, cell{hash: 9}), "a free place is for insert to count")
	assert.False(t, b.reuse(len(b.cells), cell{hash: 9}))
	b.insert(at, cell{hash: 9, last: 100, debt: 50})
	full := b.cells[at].full()
	assert.False(t, b.reuse(at, cell{hash: 8, last: full - 1}))
	assert.True(t, b.reuse(at, cell{hash: 8, last: full}))
	assert.Equal(t, int64(1)<<62, (&cell{debt: 1e19}).full(), "no time overflows")
	sound(t, &b)
}

// A shard never holds more than its limit, whatever comes and goes.
func TestShardsStaySound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(7, 8))
		for _, limit := range []int{1, 2, 17, 60, 200, 1007} {
			m := NewMemory(limit)
			require.LessOrEqual(t, len(m.shards), maxShards)
			for step := range 3000 {
				buckets := make([]Bucket, 1+rnd.IntN(3))
				for i := range buckets {
					buckets[i] = Bucket{Policy: strconv.Itoa(i), Key: strconv.Itoa(rnd.IntN(3 * limit)), Quota: PerMinute(10), Cost: rnd.IntN(12) - 2, Mode: Mode(rnd.IntN(3))}
				}
				require.NoError(t, m.Take(t.Context(), buckets))
				if rnd.IntN(50) == 0 {
					time.Sleep(time.Duration(rnd.IntN(70)) * time.Second)
				}
				require.LessOrEqual(t, m.Len(), limit)
				if step%50 == 0 {
					for i := range m.shards {
						sound(t, &m.shards[i].table)
						require.LessOrEqual(t, m.shards[i].table.used, m.shards[i].table.most)
					}
				}
			}
			for i := range 20 * limit {
				take(t, m, Bucket{Key: strconv.Itoa(i), Quota: PerHour(10), Cost: 5})
			}
			assert.Equal(t, limit, m.Len(), "all places are of use")
			assert.LessOrEqual(t, len(*m.known.Load()), maxTerms)
		}
		assert.Len(t, NewMemory(1<<20).shards, maxShards)
		assert.Len(t, NewMemory(127).shards, 1)
		assert.Len(t, NewMemory(128).shards, 2, "of 64 buckets each")
	})
}

// looks is how many buckets evict looked at, and what it dropped.
func looks(s *shard, now, full int64) (n int, dropped cell) {
	before, from := slices.Clone(s.table.cells), s.hand
	s.evict(now, full)
	for i := from; i != s.hand; {
		if i++; i == len(before) {
			i = 0
		}
		if !before[i].free() {
			n++
		}
	}
	for _, c := range before {
		if _, found := s.table.find(c.hash); !c.free() && !found {
			dropped = c
		}
	}
	return n, dropped
}

func crowded(n int, debt func(i int) float64) *shard {
	s := &shard{table: newTable(n), limit: n}
	for i := range n {
		h := uint64(i+1) << 40
		at, _ := s.table.find(h)
		s.table.insert(at, cell{hash: h, debt: debt(i)})
	}
	return s
}

func TestEvictionLooksAtABoundedNumberOfBuckets(t *testing.T) {
	const n = 3000
	all := func(int) float64 { return 1000 }
	got, dropped := looks(crowded(n, all), 0, 500)
	assert.Equal(t, maxLooks, got, "none is as near to full as the new one")
	assert.Equal(t, 1000.0, dropped.debt)
	got, _ = looks(crowded(n, all), 0, 5000)
	assert.Equal(t, fairLooks, got, "each is")
	got, _ = looks(crowded(n, all), 0, crowdedFull(1000))
	assert.Equal(t, fairLooks, got, "each is as near")
	s := crowded(n, all)
	got, _ = looks(s, crowdedFull(1000), 5000)
	assert.Equal(t, 1, got, "the first is full")
	assert.Zero(t, s.evicted, "so that nothing is lost")
	s = crowded(n, all)
	_, _ = looks(s, crowdedFull(1000)-1, 5000)
	assert.Equal(t, 1, s.evicted)
	assert.EqualValues(t, 1024, maxLooks)
	assert.EqualValues(t, 64, fairLooks)
}

func crowdedFull(debt float64) int64 { return (&cell{debt: debt}).full() }

func TestEvictionDropsTheNearestToFull(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		n := 1 + rnd.IntN(60)
		debts := rnd.Perm(n)
		s := crowded(n, func(i int) float64 { return 1000 + 10*float64(debts[i]) })
		s.hand = rnd.IntN(len(s.table.cells))
		// The last place before the search ends is where it began.
		_, dropped := looks(s, 0, rnd.Int64N(3000))
		require.Equal(t, 1000.0, dropped.debt, "of %d", n)
		require.Equal(t, n-1, s.table.used)
		sound(t, &s.table)
	}
}

func TestMemoryKeepsNothingOfWhatIsFull(t *testing.T) {
	m := NewMemory(100)
	require.NoError(t, m.Take(t.Context(), []Bucket{{Key: "a", Quota: PerHour(1)}, {Key: "b", Quota: PerHour(1)}}))
	take(t, m, Bucket{Key: "a", Quota: PerHour(1)})
	take(t, m, Bucket{Key: "a", Quota: PerHour(1), Cost: -1})
	require.NoError(t, m.Take(t.Context(), []Bucket{{Key: "a", Quota: PerHour(1), Cost: -1}, {Key: "b", Quota: PerHour(1), Cost: -1}}))
	assert.Zero(t, m.Len(), "nothing was taken")
	for range 5 {
		require.NoError(t, m.Take(t.Context(), []Bucket{{Key: "a", Quota: PerHour(9), Cost: 1}, {Key: "b", Quota: PerHour(9), Cost: 1}}))
		assert.Equal(t, 2, m.Len())
	}
}

// More buckets in one call than there is room for without an allocation.
func TestMemoryDecidesManyBucketsAtOnce(t *testing.T) {
	for _, n := range []int{fewBuckets - 1, fewBuckets, fewBuckets + 1, 40} {
		m := NewMemory(1000)
		for round := range 3 {
			buckets := make([]Bucket, n)
			for i := range buckets {
				buckets[i] = Bucket{Policy: strconv.Itoa(i), Key: "k", Quota: PerHour(2), Cost: 1}
			}
			require.NoError(t, m.Take(context.Background(), buckets))
			for i := range buckets {
				assert.Equal(t, round == 2, buckets[i].Short, "%d of %d", i, n)
			}
		}
	}
}

func TestBucketThatOwesGrantsWhatIsFree(t *testing.T) {
	m := NewMemory(10)
	take(t, m, Bucket{Key: "k", Quota: PerHour(10), Cost: 15, Mode: Force})
	assert.False(t, take(t, m, Bucket{Key: "k", Quota: PerHour(10)}).Short)
	assert.True(t, take(t, m, Bucket{Key: "k", Quota: PerHour(10), Cost: 1}).Short)
	assert.False(t, take(t, m, Bucket{Key: "k", Quota: PerHour(10), Cost: -1}).Short)
}

func TestTermsAreExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for range 100_000 {
		ns := rnd.Int64N(1 << (1 + rnd.IntN(61)))
		require.Equal(t, time.Duration(ns).Seconds(), seconds64(ns))
	}
	assert.Zero(t, seconds64(-1), "a clock that was read before the lock")
	assert.Zero(t, seconds64(0))
	b := &Bucket{Policy: "p", Quota: PerHour(1).full()}
	terms := newTerms(maphash.MakeSeed(), b)
	assert.EqualValues(t, 1, terms.identity(terms.hash), "0 is for a free cell")
	m := NewMemory(10)
	for i := range 3 * maxTerms {
		take(t, m, Bucket{Key: "k", Quota: PerHour(1 + i), Cost: 1})
	}
	assert.Len(t, *m.known.Load(), maxTerms, "however many quotas there are")
}
