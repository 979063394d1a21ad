package ratelimit

import (
	"context"
	"hash/maphash"
	"math"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// take charges one bucket of m and returns it.
func take(t testing.TB, m Store, b Bucket) Bucket {
	t.Helper()
	buckets := []Bucket{b}
	require.NoError(t, m.Take(context.Background(), buckets))
	return buckets[0]
}

func left(b Bucket) int { return b.Quota.remaining(b.Debt) }

func TestMemoryRejectsInvalidQuotas(t *testing.T) {
	for _, q := range []Quota{{}, {N: 1}, {Per: 1}, {N: -1, Per: 1}, {N: 1, Per: 1, Burst: -1}} {
		assert.Error(t, NewMemory(1).Take(t.Context(), []Bucket{{Quota: q}}), "%+v", q)
	}
	assert.NoError(t, NewMemory(1).Take(t.Context(), nil))
}

// 512 goroutines for two seconds: between a yield and the clock, the hardest
// schedule that a machine offers.
func TestMemoryNeverAdmitsMoreThanTheQuota(t *testing.T) {
	const goroutines, rate, burst = 512, 1000, 100
	duration := 2 * time.Second
	if testing.Short() {
		duration = 200 * time.Millisecond
	}
	m := NewMemory(100)
	var admitted atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range goroutines {
		wg.Go(func() {
			buckets := make([]Bucket, 2)
			for time.Since(start) < duration {
				buckets[0] = Bucket{Policy: "p", Key: "k", Quota: Quota{N: rate, Per: time.Second, Burst: burst}, Cost: 1}
				buckets[1] = Bucket{Policy: "wide", Key: "k", Quota: PerSecond(1_000_000), Cost: 1}
				_ = m.Take(context.Background(), buckets)
				if !buckets[0].Short {
					admitted.Add(1)
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	bound := burst + int64(rate*time.Since(start).Seconds()) + 1
	assert.LessOrEqual(t, admitted.Load(), bound)
	assert.GreaterOrEqual(t, admitted.Load(), int64(burst))
}

func TestMemoryThrottlesThroughAFlood(t *testing.T) {
	const limit = 10_000
	flood := 2_000_000
	if testing.Short() || race.Enabled {
		flood = 100_000
	}
	m := NewMemory(limit)
	quota := Quota{N: 100, Per: 10_000 * time.Hour} // on a slow machine, too, no unit comes back meanwhile
	victim := Bucket{Policy: "p", Key: "exhausted", Quota: quota, Cost: 1}
	for !take(t, m, victim).Short {
	}
	before := heap()
	buckets := make([]Bucket, 1)
	slowest := time.Duration(0)
	for i := range flood {
		began := time.Now()
		buckets[0] = Bucket{Policy: "p", Key: strconv.Itoa(i), Quota: quota, Cost: 1}
		_ = m.Take(context.Background(), buckets)
		slowest = max(slowest, time.Since(began))
	}
	assert.LessOrEqual(t, m.Len(), limit)
	assert.Less(t, int64(heap()-before), int64(limit*60))
	assert.True(t, take(t, m, victim).Short, "a flood of new keys does not free the one that is throttled")
	assert.Greater(t, m.Evicted(), flood/2)
	t.Logf("slowest call: %v", slowest) // the machine has pauses of its own
}

func TestMemoryEvictsWhatIsNearestToFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, q := NewMemory(3), PerMinute(10)
		for key, cost := range map[string]int{"light": 1, "middle": 5, "heavy": 9} {
			take(t, m, Bucket{Key: key, Quota: q, Cost: cost})
		}
		take(t, m, Bucket{Key: "new", Quota: q, Cost: 2})
		assert.Equal(t, 3, m.Len())
		assert.Equal(t, 1, m.Evicted())
		assert.Equal(t, 10, left(take(t, m, Bucket{Key: "light", Quota: q})))
		assert.Equal(t, 5, left(take(t, m, Bucket{Key: "middle", Quota: q})))
		assert.Equal(t, 1, left(take(t, m, Bucket{Key: "heavy", Quota: q})))

		time.Sleep(12 * time.Second) // "new" is full
		take(t, m, Bucket{Key: "newer", Quota: q, Cost: 1})
		assert.Equal(t, 1, m.Evicted(), "a full bucket gives way first, and loses nothing")
		assert.Equal(t, 7, left(take(t, m, Bucket{Key: "middle", Quota: q})))
		assert.Equal(t, 3, left(take(t, m, Bucket{Key: "heavy", Quota: q})))
	})
}

func TestMemoryEvictsNoneOfThoseThatAreUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, q := NewMemory(100), PerMinute(100)
		for i := range 100 {
			take(t, m, Bucket{Key: strconv.Itoa(i), Quota: q, Cost: 1})
		}
		for i := range 100 { // each lacks a unit first, and more later
			cost := 90
			if i%10 == 0 {
				cost = 10
			}
			take(t, m, Bucket{Key: strconv.Itoa(i), Quota: q, Cost: cost})
		}
		take(t, m, Bucket{Key: "new", Quota: q, Cost: 50})
		assert.Equal(t, 100, m.Len())
		assert.Equal(t, 1, m.Evicted())
		for i := range 100 {
			if i%10 != 0 {
				assert.Equal(t, 9, left(take(t, m, Bucket{Key: strconv.Itoa(i), Quota: q})), "an exhausted key is not freed")
			}
		}
	})
}

func TestMemoryMayEvictOneBucketOfTheSameCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(1)
		for range 3 {
			buckets := []Bucket{
				{Policy: "a", Key: "k", Quota: PerMinute(10), Cost: 1},
				{Policy: "b", Key: "k", Quota: PerMinute(10), Cost: 1},
			}
			require.NoError(t, m.Take(t.Context(), buckets))
			assert.False(t, buckets[0].Short || buckets[1].Short)
			assert.Equal(t, 1, m.Len())
		}

		m = NewMemory(2)
		take(t, m, Bucket{Policy: "heavy", Key: "k", Quota: PerMinute(10), Cost: 9})
		take(t, m, Bucket{Policy: "light", Key: "k", Quota: PerMinute(10), Cost: 1})
		require.NoError(t, m.Take(t.Context(), []Bucket{
			{Policy: "new", Key: "k", Quota: PerMinute(10), Cost: 5},
			{Policy: "light", Key: "k", Quota: PerMinute(10), Cost: 2},
		}))
		assert.Equal(t, 8, left(take(t, m, Bucket{Policy: "light", Key: "k", Quota: PerMinute(10)})), "what gave way to its neighbour is charged all the same")
	})
}

// A bucket that gives way in a call that did not charge it is reported as it was.
func TestMemoryReportsABucketThatGaveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, light := range []Bucket{
			{Policy: "light", Key: "k", Quota: PerMinute(10)},
			{Policy: "light", Key: "k", Quota: PerMinute(10), Cost: 10, Mode: Shadow},
		} {
			m := NewMemory(2)
			take(t, m, Bucket{Policy: "heavy", Key: "k", Quota: PerMinute(10), Cost: 9})
			take(t, m, Bucket{Policy: "light", Key: "k", Quota: PerMinute(10), Cost: 1})
			buckets := []Bucket{{Policy: "new", Key: "k", Quota: PerMinute(10), Cost: 5}, light}
			require.NoError(t, m.Take(t.Context(), buckets))
			assert.Equal(t, light.Cost > 0, buckets[1].Short)
			assert.Equal(t, 9, left(buckets[1]))
			assert.Equal(t, 10, left(take(t, m, Bucket{Policy: "light", Key: "k", Quota: PerMinute(10)})), "it was evicted, so it is full")
		}
	})
}

// A call may have a bucket twice.
func TestMemoryChargesABucketTwice(t *testing.T) {
	m := NewMemory(10)
	for _, want := range []int{8, 6} { // a new one, and one that is there
		b := Bucket{Policy: "p", Key: "k", Quota: PerHour(10), Cost: 1}
		require.NoError(t, m.Take(t.Context(), []Bucket{b, b}))
		b.Cost = 0
		assert.Equal(t, want, left(take(t, m, b)))
	}
}

// To read a bucket does not round what has come back since it was charged.
func TestReadingABucketLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, q := NewMemory(10), Quota{N: 1_000_000, Per: time.Second, Burst: int(min(maxInteger, math.MaxInt))}
		take(t, m, Bucket{Key: "a", Quota: q, Cost: 5000})
		take(t, m, Bucket{Key: "b", Quota: q, Cost: 5000})
		for range 20_000 {
			time.Sleep(50 * time.Nanosecond) // in which less than the last bit of Burst comes back
			take(t, m, Bucket{Key: "a", Quota: q})
			require.NoError(t, m.Take(t.Context(), []Bucket{{Key: "b", Quota: q}, {Key: "c", Quota: q}}))
		}
		assert.Equal(t, 4000, q.Burst-left(take(t, m, Bucket{Key: "a", Quota: q})))
		assert.Equal(t, 4000, q.Burst-left(take(t, m, Bucket{Key: "b", Quota: q})))
	})
}

// waits lets goroutines run until cond holds. There is one core, so that they run until they wait.
func waits(cond func() bool) bool {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 1000 {
		if runtime.Gosched(); cond() {
			return true
		}
	}
	return false
}

// All buckets of a call are decided at one instant.
func TestMemoryLocksTheBucketsOfACall(t *testing.T) {
	m := NewMemory(10)
	buckets := []Bucket{{Key: "a", Quota: PerHour(9), Cost: 1}, {Key: "b", Quota: PerHour(9), Cost: 1}}
	require.NoError(t, m.Take(t.Context(), buckets))
	a, b := placeOf(m, &buckets[0]), placeOf(m, &buckets[1])
	full := b.lock()
	var done sync.WaitGroup
	done.Go(func() { assert.NoError(t, m.Take(t.Context(), buckets)) })
	assert.True(t, waits(func() bool { return a.full.Load() == busy }))
	b.unlock(full)
	done.Wait()
	assert.Equal(t, 7, left(buckets[0]))
	assert.Equal(t, 7, left(buckets[1]))
	for i := range buckets { // new ones need the lock of the shard as well
		buckets[i].Policy = "new"
	}
	m.shards[0].mu.Lock()
	var ended atomic.Bool
	done.Go(func() { assert.NoError(t, m.Take(t.Context(), buckets)); ended.Store(true) })
	assert.False(t, waits(ended.Load))
	m.shards[0].mu.Unlock()
	done.Wait()
}

// placeOf returns the state of a bucket that is in m.
func placeOf(m *Memory, b *Bucket) *bucketState {
	key, of := maphash.String(m.seed, b.Key), m.classOf(b)
	table := m.shards[m.home(key)].table.Load()
	at, _ := table.find(of.identity(key))
	return &table.states[at]
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestMemoryTakesAtMost48BytesForAKey(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has bytes of its own for each key")
	}
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	for _, limit := range []int{n, 3 * n} { // full, and with room for more
		before := heap()
		m := NewMemory(limit)
		buckets := make([]Bucket, 1)
		for i := range n {
			buckets[0] = Bucket{Policy: "p", Key: "2001:db8::" + strconv.Itoa(i), Quota: PerHour(10), Cost: 1}
			_ = m.Take(context.Background(), buckets)
		}
		each := float64(heap()-before) / float64(m.Len())
		t.Logf("%.1f bytes for each of %d keys of %d", each, m.Len(), limit)
		assert.LessOrEqual(t, each, 48.0)
		assert.Greater(t, m.Len(), n*98/100, "chance fills some shards before others, but hardly")
		runtime.KeepAlive(m)
	}
}

// The memory of a table comes in whole pages, and so does what a flood adds to it.
func TestATableTakesAFewPagesMore(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has bytes of its own for each cell")
	}
	for _, keys := range []int{64, 700, 1563, 5000} {
		before := heap()
		var tables [64]*hashTable
		for i := range tables {
			tables[i] = newHashTable(keys).widened()
		}
		each := float64(heap()-before) / float64(len(tables))
		t.Logf("%.1f bytes for each of %d keys", each/float64(keys), keys)
		assert.LessOrEqual(t, each, float64(48*keys+(24<<10)))
		runtime.KeepAlive(&tables)
	}
}

func TestCrowdedLastPlacesAddFewCells(t *testing.T) {
	table := newHashTable(1000)
	before := len(table.states)
	for hash := range uint64(3 * minHomes) { // all of which belong to the last place
		at, _ := table.find(hash + 1)
		for !table.insert(at, hash+1, 0, 0, 0) {
			table = table.widened()
		}
	}
	assert.LessOrEqual(t, len(table.states), before+3*minHomes)
	next := table.resized(1000)
	sound(t, table, 0)
	assert.LessOrEqual(t, cap(next.states), before+3*minHomes)
	for hash := range uint64(3 * minHomes) {
		_, found := next.find(hash + 1)
		assert.True(t, found, hash)
		_, found = table.find(hash + 1)
		assert.False(t, found, hash)
	}
}

// What a flood cannot do, and what it can: a key is free again once as many
// other keys as there is room for are further from full.
func TestFloodFreesNoKeyUnlessItUsesUpMore(t *testing.T) {
	const limit = 100
	for _, c := range []struct {
		reason      string
		quota       Quota
		keys, each  int
		stillDenied bool
	}{
		{"any number of keys with one request of ten", PerHour(10), 50_000, 1, true},
		{"and with nine", PerHour(10), 5000, 9, true},
		{"keys that are used up, as many as there is room for", PerHour(10), limit - 1, 10, true},
		{"more keys than that, used up later", PerHour(10), 20 * limit, 10, false},
		{"with a quota of one each request uses one up", PerHour(1), 20 * limit, 1, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := NewMemory(limit)
				take(t, m, Bucket{Key: "victim", Quota: c.quota, Cost: c.quota.N})
				time.Sleep(time.Second)
				for i := range c.keys {
					take(t, m, Bucket{Key: strconv.Itoa(i), Quota: c.quota, Cost: c.each})
				}
				assert.Equal(t, c.stillDenied, take(t, m, Bucket{Key: "victim", Quota: c.quota, Cost: 1}).Short)
				assert.LessOrEqual(t, m.Len(), limit)
			})
		})
	}
}

func TestMemoryDecidesWithoutAllocation(t *testing.T) {
	m, buckets := NewMemory(1000), make([]Bucket, 3)
	for name, q := range map[string]Quota{"granted": PerSecond(1_000_000), "refused": PerHour(1)} {
		decide := func() {
			buckets[0] = Bucket{Policy: "a", Key: "k", Quota: q, Cost: 1}
			buckets[1] = Bucket{Policy: "b", Key: "k", Quota: q, Cost: 1}
			buckets[2] = Bucket{Policy: "a", Key: "l", Quota: q, Cost: 1}
			_ = m.Take(context.Background(), buckets)
			_ = m.Take(context.Background(), buckets[:1])
		}
		decide()
		assert.Zero(t, testing.AllocsPerRun(100, decide), name)
	}
}

// A client that knew the hash of each key could choose keys that share a bucket
// or crowd one part of the table.
func TestMemoriesHashKeysDifferently(t *testing.T) {
	// Whether two keys collide depends on the difference of their hashes.
	one, other := differences(t), differences(t)
	for i := range one {
		assert.NotEqual(t, one[i], other[i], i)
	}
}

// differences returns how the hashes of keys in a new memory differ from that of the
// first.
func differences(t *testing.T) (all []uint64) {
	m := NewMemory(100)
	var first uint64
	known := map[uint64]bool{}
	for i := range 50 {
		take(t, m, Bucket{Policy: "p", Key: strconv.Itoa(i), Quota: PerHour(10), Cost: 1})
		for at := range m.shards {
			table := m.shards[at].table.Load()
			for j := range table.hashes {
				switch h := table.hashes[j].Load(); {
				case h == 0 || known[h]:
				case i == 0:
					first, known[h] = h, true
				default:
					all, known[h] = append(all, h^first), true
				}
			}
		}
	}
	require.Len(t, all, 49)
	return all
}

// While nothing is owed, no request waits for what another one does about debts.
func TestNothingIsSettledWithoutAnOutage(t *testing.T) {
	store := struct{ Store }{NewMemory(10)} // as one that is shared
	l := NewLimiter(Options{Store: store, Policies: []Policy{{Quota: PerHour(9), Key: Everyone}}})
	for i := range l.shared.share.owed.shards {
		l.shared.share.owed.shards[i].mu.Lock()
	}
	var done atomic.Bool
	go func() {
		_, err := l.Check(httptest.NewRequest("GET", "/", nil))
		assert.NoError(t, err)
		done.Store(true)
	}()
	assert.True(t, waits(done.Load))
}
