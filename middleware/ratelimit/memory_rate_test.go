package ratelimit_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// twin is a bucket in a Memory and a rate.Limiter that have to agree.
type twin struct {
	memory  *ratelimit.Memory
	limiter *rate.Limiter
	bucket  ratelimit.Bucket
}

func newTwin(m *ratelimit.Memory, name string, q ratelimit.Quota) *twin {
	return &twin{m, rate.NewLimiter(q.Limit(), q.Burst), ratelimit.Bucket{Policy: name, Key: "k", Quota: q}}
}

// take takes n units of both, and returns the time until as many are there.
func (w *twin) take(t testing.TB, n int) (wait time.Duration) {
	t.Helper()
	w.bucket.Cost = n
	buckets := []ratelimit.Bucket{w.bucket}
	require.NoError(t, w.memory.Take(t.Context(), buckets))
	now := time.Now()
	before := w.limiter.TokensAt(now)
	if allowed := w.limiter.AllowN(now, n); allowed == buckets[0].Short {
		t.Fatalf("%+v: AllowN(%d) with %v tokens is %v, Short is %v", w.bucket.Quota, n, before, allowed, buckets[0].Short)
	}
	limit := float64(w.limiter.Limit())
	debt := (float64(w.bucket.Quota.Burst) - min(w.limiter.TokensAt(now), float64(w.bucket.Quota.Burst))) / limit * 1e9
	if off := debt - float64(buckets[0].Debt); off > 1+debt*1e-12 || -off > 1+debt*1e-12 {
		t.Fatalf("%+v: Debt is %d, want %v", w.bucket.Quota, buckets[0].Debt, debt)
	}
	if !buckets[0].Short || n > w.bucket.Quota.Burst {
		return 0
	}
	return time.Duration((float64(n) - before) / limit * 1e9)
}

// rates are quotas whose units come back within nanoseconds up to days.
func rates(rnd *rand.Rand) ratelimit.Quota {
	return ratelimit.Quota{
		N:     1 + rnd.IntN(1<<rnd.IntN(21)),
		Per:   time.Duration(1 + rnd.Int64N(1<<rnd.IntN(50))),
		Burst: 1 + rnd.IntN(1<<rnd.IntN(16)),
	}
}

// The oracle is golang.org/x/time/rate: at any time and for any cost the
// memory decides as AllowN does, also at the nanosecond at which units are back.
// The table grows with the buckets, and forgets those that are full.
func TestMemoryDecidesAsAllowNDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(3, 4))
		rounds := 1500
		if testing.Short() {
			rounds = 150
		}
		refused, granted := 0, 0
		m := ratelimit.NewMemory(1 << 16)
		for round := range rounds {
			q := rates(rnd)
			w := newTwin(m, strconv.Itoa(round), q)
			unit := int64(float64(q.Per)/float64(q.N)) + 1
			for range 60 {
				n := 1 + rnd.IntN(q.Burst+1)
				switch rnd.IntN(5) {
				case 0:
					n = 1
				case 1:
					n = -n
				}
				wait := w.take(t, n)
				if wait > 0 {
					refused++
				} else {
					granted++
				}
				switch rnd.IntN(5) {
				case 0: // at the same time
				case 1:
					time.Sleep(wait)
				case 2:
					time.Sleep(max(0, wait-1))
				case 3:
					time.Sleep(time.Duration(rnd.Int64N(3*unit + 2)))
				default:
					time.Sleep(time.Duration(rnd.Int64N(8)))
				}
			}
		}
		require.Greater(t, refused, rounds)
		require.Greater(t, granted, rounds)
	})
}

// The oracle is as above. Each byte of steps is something to do.
func FuzzMemoryDecidesAsAllowN(f *testing.F) {
	f.Add(uint32(10), int64(time.Second), uint16(10), []byte("\x01\x81\xff\x40\x7f"))
	f.Add(uint32(1), int64(24*time.Hour), uint16(3), []byte("\x03\xc0\x01\x01"))
	f.Add(uint32(1<<20), int64(7), uint16(1<<15), []byte("\xff\xfe\x00\x80"))
	f.Fuzz(func(t *testing.T, n uint32, per int64, burst uint16, steps []byte) {
		q := ratelimit.Quota{N: 1 + int(n>>1), Per: time.Duration(1 + max(0, per)&(1<<50-1)), Burst: 1 + int(burst)}
		if fill := float64(q.Burst) * float64(q.Per) / float64(q.N); fill > float64(100*365*24*time.Hour) {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(ratelimit.NewMemory(100), "p", q)
			wait := time.Duration(0)
			for _, s := range steps[:min(len(steps), 200)] {
				size := 1 + int(s&63)*q.Burst/63
				switch s >> 6 {
				case 0:
					wait = w.take(t, size)
				case 1:
					wait = w.take(t, -size)
				case 2:
					time.Sleep(max(0, wait-time.Duration(s&3)))
				default:
					time.Sleep(time.Duration(float64(s&63) * float64(q.Per) / float64(q.N)))
				}
			}
		})
	})
}
