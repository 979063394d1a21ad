package ratelimit

import (
	"context"
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// The decision is measured beside the baseline that people write themselves, a
// map of limiters in shards. It answers neither how many units are left nor
// when the next one comes, and it never forgets a key.
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

func BenchmarkDecision(b *testing.B) {
	plenty := Quota{N: 1_000_000, Per: time.Second, Burst: 1_000_000}
	for _, n := range []int{1, 10_000, 1_000_000} {
		if testing.Short() && n > 10_000 {
			continue
		}
		keys := keysOf(n)
		memory, base := NewMemory(2*n+1000), newSharded()
		buckets := make([]Bucket, 1)
		for _, k := range keys {
			buckets[0] = Bucket{Policy: "p", Key: k, Quota: plenty, Cost: 1}
			_ = memory.Take(context.Background(), buckets)
			base.allow(k, 1e6, 1e6)
		}
		stride := 7919 % n
		if n == 1 {
			stride = 0
		}
		b.Run("memory/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				buckets[0] = Bucket{Policy: "p", Key: keys[i], Quota: plenty, Cost: 1}
				_ = memory.Take(context.Background(), buckets)
				if i += stride; i >= n {
					i -= n
				}
			}
		})
		b.Run("xrate/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				base.allow(keys[i], 1e6, 1e6)
				if i += stride; i >= n {
					i -= n
				}
			}
		})
		if n == 1 {
			continue
		}
		var start atomic.Int64
		b.Run("memory/parallel/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				buckets := make([]Bucket, 1)
				i := int(start.Add(1)) * 101 % n
				for pb.Next() {
					buckets[0] = Bucket{Policy: "p", Key: keys[i], Quota: plenty, Cost: 1}
					_ = memory.Take(context.Background(), buckets)
					if i += stride; i >= n {
						i -= n
					}
				}
			})
		})
		b.Run("xrate/parallel/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := int(start.Add(1)) * 101 % n
				for pb.Next() {
					base.allow(keys[i], 1e6, 1e6)
					if i += stride; i >= n {
						i -= n
					}
				}
			})
		})
	}
	b.Run("memory/denied", func(b *testing.B) {
		memory, buckets := NewMemory(10), make([]Bucket, 1)
		b.ReportAllocs()
		for b.Loop() {
			buckets[0] = Bucket{Policy: "p", Key: "k", Quota: PerHour(1), Cost: 1}
			_ = memory.Take(context.Background(), buckets)
		}
	})
	b.Run("xrate/denied", func(b *testing.B) {
		base := newSharded()
		b.ReportAllocs()
		for b.Loop() {
			base.allow("k", 1.0/3600, 1)
		}
	})
	b.Run("memory/three", func(b *testing.B) { // the same key under three policies
		memory, buckets := NewMemory(10), make([]Bucket, 3)
		b.ReportAllocs()
		for b.Loop() {
			buckets[0] = Bucket{Policy: "a", Key: "k", Quota: plenty, Cost: 1}
			buckets[1] = Bucket{Policy: "b", Key: "k", Quota: plenty, Cost: 1}
			buckets[2] = Bucket{Policy: "c", Key: "k", Quota: plenty, Cost: 1}
			_ = memory.Take(context.Background(), buckets)
		}
	})
}
