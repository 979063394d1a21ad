package ratelimit

import (
	"context"
	"hash/maphash"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// sharded is the baseline that people write themselves: a map of limiters in
// shards. It reports neither how many units are left nor when the next one
// comes, and it never forgets a key.
type sharded struct {
	seed   maphash.Seed
	shards [64]struct {
		mu   sync.Mutex
		keys map[string]*rate.Limiter
		_    [64]byte
	}
}

func newSharded() *sharded {
	s := &sharded{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].keys = make(map[string]*rate.Limiter)
	}
	return s
}

func (s *sharded) allow(key string, limit rate.Limit, burst int) bool {
	shard := &s.shards[maphash.String(s.seed, key)%64]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	l := shard.keys[key]
	if l == nil {
		l = rate.NewLimiter(limit, burst)
		shard.keys[key] = l
	}
	return l.AllowN(time.Now(), 1)
}

func keysOf(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "10.20." + strconv.Itoa(i)
	}
	return keys
}

// BenchmarkDecision measures the memory beside the baseline. Both have their
// turns within one run, a thousand decisions each, and the lower quartiles of
// the turns are reported, since the machine may be shared: memory-ns and
// xrate-ns for a decision, and xrate, which is the one divided by the other.
// ns/op is the time of a pair of turns.
func BenchmarkDecision(b *testing.B) {
	for _, c := range []struct {
		name  string
		keys  int
		quota Quota
	}{
		{"1", 1, generous},
		{"10000", 10_000, generous},
		{"1000000", 1_000_000, generous},
		{"full-again", 10_000, PerSecond(1_000_000)}, // before its next turn
		{"denied", 1, PerHour(1)},
		{"10000-denied", 10_000, PerHour(1)},
	} {
		if testing.Short() && c.keys > 10_000 {
			continue
		}
		d := newDecider(c.keys, c.quota)
		b.Run(c.name, func(b *testing.B) { d.compare(b, 1) })
		b.Run("parallel/"+c.name, func(b *testing.B) { d.compare(b, runtime.GOMAXPROCS(0)) })
	}
}

// generous is a quota that no benchmark uses up.
var generous = Quota{N: 1_000_000, Per: time.Hour, Burst: 1_000_000_000}

// decider decides for the same keys in the memory and in the baseline.
type decider struct {
	keys   []string
	quota  Quota
	memory *Memory
	base   *sharded
}

func newDecider(keys int, q Quota) *decider {
	d := &decider{keysOf(keys), q, NewMemory(2*keys + 1000), newSharded()}
	for i := 0; i < keys; i += decisionsOfATurn { // then both know all keys
		d.memoryTurn(d.place(i))
		d.baseTurn(d.place(i))
	}
	return d
}

// stride leads from key to key, so that no two neighbors have their turn one
// after the other.
const stride = 7919

// place is the key of the i-th decision.
func (d *decider) place(i int) int { return i * stride % len(d.keys) }

// compare measures turns of so many goroutines.
func (d *decider) compare(b *testing.B, goroutines int) {
	var memory, base []turn
	for i := 0; b.Loop(); i += turnsInARow * decisionsOfATurn {
		memory = append(memory, d.turns(goroutines, i, d.memoryTurn)...)
		base = append(base, d.turns(goroutines, i, d.baseTurn)...)
	}
	m, x := lowerQuartile(undisturbed(memory)), lowerQuartile(undisturbed(base))
	b.ReportMetric(m, "memory-ns")
	b.ReportMetric(x, "xrate-ns")
	b.ReportMetric(m/x, "xrate")
}

const decisionsOfATurn, turnsInARow = 1000, 20

// turn is a thousand decisions in a row, and the others that other goroutines
// took in the meantime.
type turn struct {
	took    time.Duration
	alone   bool // no other goroutine was at work all the time
	slowest time.Duration
}

// turns measures several turns in a row of each goroutine, which bring the state
// of the one who has them into the processor's caches again.
func (d *decider) turns(goroutines, from int, decide func(i int) int) []turn {
	type span struct{ began, ended time.Duration }
	spans := make([][turnsInARow]span, goroutines)
	var wg sync.WaitGroup
	var waiting atomic.Int32
	start := time.Now()
	for g := range goroutines {
		wg.Go(func() {
			i := d.place(from + g*len(d.keys)/2) // not where another one is
			for waiting.Add(1); int(waiting.Load()) < goroutines; {
			}
			for n := range turnsInARow {
				spans[g][n].began = time.Since(start)
				i = decide(i)
				spans[g][n].ended = time.Since(start)
			}
		})
	}
	wg.Wait()
	var all []turn
	for g := range spans {
		for _, s := range spans[g] {
			t := turn{took: s.ended - s.began}
			for other := range spans {
				t.alone = t.alone || spans[other][0].began > s.began || spans[other][turnsInARow-1].ended < s.ended
				for _, o := range spans[other] {
					if o.began < s.ended && o.ended > s.began {
						t.slowest = max(t.slowest, o.ended-o.began)
					}
				}
			}
			all = append(all, t)
		}
	}
	return all
}

// undisturbed returns the times of a decision in nanoseconds in the turns during
// which all goroutines were at work: no one had finished, or waited for a
// processor, which shows in a turn that took many times as long as others.
func undisturbed(turns []turn) []float64 {
	fastest := turns[0].took
	for _, t := range turns {
		fastest = min(fastest, t.took)
	}
	var times []float64
	for _, t := range turns {
		if !t.alone && t.slowest < 4*fastest {
			times = append(times, float64(t.took)/decisionsOfATurn)
		}
	}
	return times
}

func lowerQuartile(times []float64) float64 {
	if len(times) == 0 { // the machine never ran all goroutines at once
		return math.NaN()
	}
	slices.Sort(times)
	return times[len(times)/4]
}

// memoryTurn decides a thousand times, beginning with the i-th key, and returns
// the number of the next key.
func (d *decider) memoryTurn(i int) int {
	step := stride % len(d.keys)
	buckets := []Bucket{{Policy: "p", Quota: d.quota, Cost: 1}}
	for range decisionsOfATurn {
		buckets[0].Key = d.keys[i]
		_ = d.memory.Take(context.Background(), buckets)
		if i += step; i >= len(d.keys) {
			i -= len(d.keys)
		}
	}
	return i
}

func (d *decider) baseTurn(i int) int {
	step, limit, burst := stride%len(d.keys), d.quota.Limit(), d.quota.Capacity()
	for range decisionsOfATurn {
		d.base.allow(d.keys[i], limit, burst)
		if i += step; i >= len(d.keys) {
			i -= len(d.keys)
		}
	}
	return i
}

// BenchmarkThreePolicies decides for one key under three policies.
func BenchmarkThreePolicies(b *testing.B) {
	memory := NewMemory(10)
	buckets := []Bucket{
		{Policy: "a", Key: "k", Quota: generous, Cost: 1},
		{Policy: "b", Key: "k", Quota: generous, Cost: 1},
		{Policy: "c", Key: "k", Quota: generous, Cost: 1},
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = memory.Take(context.Background(), buckets)
	}
}

// BenchmarkLongestCall fills a memory with a million keys, and goes on with new
// ones, which make it evict. It reports the longest call of a round, of the round
// in which that was shortest: in others the machine had pauses of its own.
func BenchmarkLongestCall(b *testing.B) {
	keys := 1_000_000
	if testing.Short() {
		keys = 10_000
	}
	names, least := keysOf(3*keys), time.Duration(math.MaxInt64)
	for b.Loop() {
		m, buckets := NewMemory(keys), make([]Bucket, 1)
		longest := time.Duration(0)
		for _, name := range names {
			buckets[0] = Bucket{Policy: "p", Key: name, Quota: Quota{N: 10, Per: 1000 * time.Hour}, Cost: 1}
			began := time.Now()
			_ = m.Take(context.Background(), buckets)
			longest = max(longest, time.Since(began))
		}
		least = min(least, longest)
	}
	b.ReportMetric(float64(least)/1e6, "longest-ms")
}
