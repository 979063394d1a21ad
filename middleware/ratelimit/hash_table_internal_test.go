package ratelimit

import (
	"context"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sound checks what has to hold for each table: its hashes are in order, each is
// found, no place is locked, and used of them are taken.
func sound(t *testing.T, b *hashTable, used int) {
	t.Helper()
	require.Equal(t, len(b.hashes), len(b.states))
	for i := range b.hashes {
		h := b.hashes[i].Load()
		require.NotEqual(t, int64(busy), b.states[i].full.Load(), "place %d is locked", i)
		if h == 0 {
			continue
		}
		used--
		at, found := b.find(h)
		require.True(t, found && at == i, "place %d of %d, for %d homes, is found at %d: %v", i, len(b.hashes), b.homes, at, found)
		require.LessOrEqual(t, b.home(h), i)
	}
	require.Zero(t, used)
	require.Equal(t, int(float64(b.homes)*loadMost), b.most)
}

// The oracle is a map. Hashes crowd at both ends and in the middle.
func TestHashTableFindsWhatAMapDoes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		b, oracle := newHashTable(rnd.IntN(40)), map[uint64]int64{}
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
		for step := range int64(300) {
			h := hash()
			at, found := b.find(h)
			_, want := oracle[h]
			require.Equal(t, want, found)
			switch {
			case found && rnd.IntN(2) == 0:
				b.remove(at)
				delete(oracle, h)
			case !found && len(oracle) >= b.most:
				now := max(0, step-100)
				used := b.sweep(now)
				for k, full := range oracle {
					if full <= now {
						delete(oracle, k)
					}
				}
				require.Equal(t, len(oracle), used)
				b = b.resized(used + 1)
			case !found:
				if at < len(b.hashes) && b.hashes[at].Load() != 0 && b.states[at].full.Load() <= step && rnd.IntN(2) == 0 {
					delete(oracle, b.hashes[at].Load())
					require.True(t, b.reuse(at, h, float64(step), step, step))
				} else {
					for !b.insert(at, h, float64(step), step, step) {
						b = b.widened()
						at, _ = b.find(h)
					}
				}
				oracle[h] = step
			}
			sound(t, b, len(oracle))
			for h, last := range oracle {
				at, _ := b.find(h)
				require.Equal(t, last, b.states[at].last)
				require.Equal(t, float64(last), b.states[at].units)
			}
		}
	}
}

func TestHashTableReusesOnlyWhatIsFull(t *testing.T) {
	b := newHashTable(1)
	at, _ := b.find(9)
	assert.False(t, b.reuse(at, 9, 0, 0, 0), "a free place is for insert to count")
	assert.False(t, b.reuse(len(b.hashes), 9, 0, 0, 0))
	full := fullAt(100, 50)
	assert.True(t, b.insert(at, 9, 0, 100, full))
	assert.False(t, b.reuse(at, 8, 0, full-1, full))
	assert.True(t, b.reuse(at, 8, 0, full, full))
	assert.Equal(t, int64(1)<<62, fullAt(0, 1e19), "no time overflows")
	sound(t, b, 1)
}

// A hash whose places are all taken, up to the end of the table, has none.
func TestAShardWithoutAPlaceIsWidened(t *testing.T) {
	s, table := &shard{limit: 1000}, newHashTable(1000)
	s.table.Store(table)
	of := newBucketClass(maphash.MakeSeed(), &Bucket{Quota: PerHour(9)})
	for hash := uint64(3 * minHomes); hash > 0; hash-- { // all of which belong to the last home
		b := Bucket{Quota: PerHour(9), Cost: 1}
		assert.False(t, s.table.Load().decide(&b, of, hash, 0))
		s.insert(hash, 1, 0, 1)
	}
	assert.NotSame(t, table, s.table.Load())
	sound(t, s.table.Load(), 3*minHomes)
}

// A request that comes too late for a bucket may have the lock of its place.
func TestAPlaceIsChangedUnderItsLock(t *testing.T) {
	for name, row := range map[string]struct {
		has    int // the place of a bucket, from its home, which is locked
		change func(b *hashTable, home int)
	}{
		"insert": {1, func(b *hashTable, home int) { b.insert(home, 9, 1, 0, 5) }},
		"remove": {0, func(b *hashTable, home int) { b.remove(home) }},
		"sweep":  {1, func(b *hashTable, home int) { b.sweep(3) }},
	} {
		table := newHashTable(1)
		home := table.home(9)
		table.insert(home+row.has, 9, 1, 0, 5)
		full := table.states[home].lock()
		var done atomic.Bool
		var end sync.WaitGroup
		end.Go(func() { row.change(table, home); done.Store(true) })
		assert.False(t, waits(done.Load), name)
		table.states[home].unlock(full)
		end.Wait()
	}
}

// The time may be read before another goroutine charges the bucket.
func TestATimeInThePastMintsNothing(t *testing.T) {
	table, b := newHashTable(1), Bucket{Quota: Quota{N: 1, Per: 1, Burst: 1000}, Cost: 1}
	of := newBucketClass(maphash.MakeSeed(), &b)
	at, _ := table.find(9)
	require.True(t, table.insert(at, 9, 100, 500, 1400))
	for _, now := range []int64{400, 0, 500} {
		require.True(t, table.decide(&b, of, 9, now))
	}
	assert.EqualValues(t, 903, b.Debt)
}

// Between the search and the lock of a bucket another may have come to its place.
func TestABucketThatHasMovedIsNotDecided(t *testing.T) {
	table, b := newHashTable(1), Bucket{Quota: PerHour(9), Cost: 1}
	of := newBucketClass(maphash.MakeSeed(), &b)
	at, _ := table.find(9)
	require.True(t, table.insert(at, 9, 1, 0, 5))
	full := table.states[at].lock()
	found := make(chan bool, 1)
	go func() { found <- table.decide(&b, of, 9, 0) }()
	waits(func() bool { return false })
	table.hashes[at].Store(8)
	table.states[at].unlock(full)
	assert.False(t, <-found)
	sound(t, table, 1)
	assert.EqualValues(t, 1, table.states[at].units)
}

// A bucket that a request is being charged to at the moment is not dropped.
func TestEvictionLeavesABucketInUse(t *testing.T) {
	s := crowded(20, func(i int) float64 { return float64(1000 + 10*i) })
	table := s.table.Load()
	nearest, found := table.find(math.MaxUint64 / 20)
	require.True(t, found)
	full := table.states[nearest].lock()
	require.Equal(t, crowdedFull(1000), full)
	s.evict(0, 500)
	table.states[nearest].unlock(full)
	sound(t, table, 19)
	_, found = table.find(math.MaxUint64 / 20)
	assert.True(t, found)
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
						b := m.shards[i].table.Load()
						sound(t, b, m.shards[i].used)
						require.LessOrEqual(t, m.shards[i].used, b.most)
					}
				}
			}
			for i := range 20 * limit {
				take(t, m, Bucket{Key: strconv.Itoa(i), Quota: PerHour(10), Cost: 5})
			}
			assert.Equal(t, limit, m.Len(), "all places are of use")
			assert.LessOrEqual(t, len(*m.known.Load()), maxClasses)
		}
		assert.Len(t, NewMemory(1<<20).shards, maxShards)
		assert.Len(t, NewMemory(127).shards, 1)
		assert.Len(t, NewMemory(128).shards, 2, "of 64 buckets each")
	})
}

// looks is how many buckets evict looked at, and when the one that it dropped
// would have been full.
func looks(s *shard, now, full int64) (n int, dropped int64) {
	b, from := s.table.Load(), s.hand
	before := map[uint64]int64{}
	var places []int
	for i := range b.hashes {
		if h := b.hashes[i].Load(); h != 0 {
			before[h] = b.states[i].full.Load()
			places = append(places, i)
		}
	}
	s.evict(now, full)
	for i := from; i != s.hand; {
		if i++; i == len(b.hashes) {
			i = 0
		}
		if slices.Contains(places, i) {
			n++
		}
	}
	for h, full := range before {
		if _, found := b.find(h); !found {
			dropped = full
		}
	}
	return n, dropped
}

func crowded(n int, debt func(i int) float64) *shard {
	s, b := &shard{limit: n, used: n}, newHashTable(n)
	for i := range n {
		h := uint64(i+1) * (math.MaxUint64 / uint64(n)) // from the last place to the first
		at, _ := b.find(h)
		for full := fullAt(0, debt(i)); !b.insert(at, h, 0, 0, full); at, _ = b.find(h) {
			b = b.widened()
		}
	}
	s.table.Store(b)
	return s
}

func TestEvictionLooksAtABoundedNumberOfBuckets(t *testing.T) {
	const n = 3000
	all := func(int) float64 { return 1000 }
	got, dropped := looks(crowded(n, all), 0, 500)
	assert.Equal(t, maxLooks, got, "none is as near to full as the new one")
	assert.Equal(t, crowdedFull(1000), dropped)
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

func crowdedFull(debt float64) int64 { return fullAt(0, debt) }

func TestEvictionDropsTheNearestToFull(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		n := 1 + rnd.IntN(60)
		debts := rnd.Perm(n)
		s := crowded(n, func(i int) float64 { return 1000 + 10*float64(debts[i]) })
		s.hand = rnd.IntN(len(s.table.Load().hashes))
		// The last place before the search ends is where it began.
		_, dropped := looks(s, 0, rnd.Int64N(3000))
		require.Equal(t, crowdedFull(1000), dropped, "of %d", n)
		require.Equal(t, n-1, s.used)
		sound(t, s.table.Load(), n-1)
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
	class := newBucketClass(maphash.MakeSeed(), b)
	assert.EqualValues(t, 1, class.identity(class.hash), "0 is for a free place")
	m := NewMemory(10)
	for i := range 3 * maxClasses {
		take(t, m, Bucket{Key: "k", Quota: PerHour(1 + i), Cost: 1})
	}
	assert.Len(t, *m.known.Load(), maxClasses, "however many quotas there are")
}
