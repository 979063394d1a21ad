package ratelimit_test

import (
	"context"
	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/stretchr/testify/require"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"testing"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/ratelimittest"
)

func TestMemoryIsAStore(t *testing.T) {
	ratelimittest.Run(t, func(*testing.T) ratelimit.Store { return ratelimit.NewMemory(1000) })
}

// Buckets are charged while others are added, which moves them, and lets the
// table grow: none may be charged twice, or where it no longer is.
func TestMemoryGrantsEachBurstOnce(t *testing.T) {
	rounds := 500
	if testing.Short() || race.Enabled {
		rounds = 50
	}
	for range rounds {
		grantBursts(t)
	}
}

func grantBursts(t *testing.T) {
	const keys, burst, goroutines = 300, 3, 4
	m := ratelimit.NewMemory(64 * 2 * keys) // no shard is full by chance
	var requested, granted [keys]atomic.Int32
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			buckets := make([]ratelimit.Bucket, 1, 2)
			for i := range 2 * burst * keys {
				// All goroutines proceed through the keys side by side.
				key := min(keys-1, i/(2*burst)+rnd.IntN(8))
				buckets = buckets[:1+rnd.IntN(2)]
				for i := range buckets {
					buckets[i] = ratelimit.Bucket{Policy: strconv.Itoa(i), Key: strconv.Itoa(key), Quota: ratelimit.Quota{N: 1, Per: 1000 * time.Hour, Burst: burst << (8 * i)}, Cost: 1}
				}
				requested[key].Add(1)
				if _ = m.Take(context.Background(), buckets); !buckets[0].Short {
					granted[key].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for key := range keys {
		require.Equal(t, min(burst, requested[key].Load()), granted[key].Load(), "key %d", key)
	}
}

// The same with buckets that are soon full again, and with less room than keys.
// A call that names a bucket twice breaks the contract, but nothing else.
func TestMemoryStaysBoundedUnderContention(t *testing.T) {
	const limit = 500
	m := ratelimit.NewMemory(limit)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 2))
			for range 10_000 {
				buckets := make([]ratelimit.Bucket, 1+rnd.IntN(3))
				for i := range buckets {
					q := ratelimit.Quota{N: 1, Per: time.Duration(1 + rnd.Int64N(1<<(1+rnd.IntN(35)))), Burst: 1 + rnd.IntN(3)}
					buckets[i] = ratelimit.Bucket{Policy: "p", Key: strconv.Itoa(rnd.IntN(2 * limit)), Quota: q, Cost: rnd.IntN(4) - 1, Mode: ratelimit.Mode(rnd.IntN(3))}
				}
				_ = m.Take(context.Background(), append(buckets, buckets[0]))
				for _, b := range buckets {
					if b.Debt < 0 || b.Debt > 2*b.Quota.Per*time.Duration(b.Quota.Burst)+2 {
						t.Errorf("%+v: the debt is out of bounds", b)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, m.Len(), limit)
	require.Positive(t, m.Evicted(), "there was no room for all")
}
