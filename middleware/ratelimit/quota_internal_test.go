package ratelimit

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestQuotaReportsWhatABucketHolds(t *testing.T) {
	const s = time.Second
	week := Quota{N: 1, Per: 7 * 24 * time.Hour}
	for _, c := range []struct {
		reason    string
		quota     Quota
		debt      time.Duration
		remaining int
		next      time.Duration // until it holds one
	}{
		{"full", PerMinute(60), 0, 60, 0},
		{"one taken", PerMinute(60), s, 59, 0},
		{"a nanosecond after that", PerMinute(60), s - 1, 59, 0},
		{"half a unit is none", PerMinute(60), s / 2, 59, 0},
		{"the last nanosecond of a unit is forgiven", PerMinute(60), 1, 60, 0},
		{"but two are not", PerMinute(60), 2, 59, 0},
		{"empty", PerMinute(60), 60 * s, 0, s},
		{"nearly one", PerMinute(60), 59*s + 2, 0, 2},
		{"one to the nanosecond", PerMinute(60), 59*s + 1, 1, 1},
		{"owing", PerMinute(60), 90 * s, 0, 31 * s},
		{"a burst of its own", Quota{N: 1, Per: s, Burst: 5}, 2 * s, 3, 0},
		{"a burst below N", Quota{N: 10, Per: s, Burst: 2}, s / 10, 1, 0},
		{"a unit takes a third of a second", PerSecond(3), 333333333, 2, 0},
		{"and three thirds are a second", PerSecond(3), s, 0, 333333334},
		{"a slow one", week, week.Per, 0, week.Per},
		{"a fast one", PerSecond(1e9), 5, 1e9 - 4, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			assert.Equal(t, c.remaining, c.quota.remaining(c.debt), "remaining")
			assert.Equal(t, c.next, c.quota.wait(c.debt, 1), "wait for one")
		})
	}
}

func TestQuotaWaitsForeverForMoreThanABucketHolds(t *testing.T) {
	assert.Equal(t, Never, PerMinute(5).wait(0, 6))
	assert.Equal(t, time.Duration(0), PerMinute(5).wait(0, 5))
	assert.Equal(t, time.Minute, PerMinute(5).wait(time.Minute, 5))
}

// The oracle is the same division in integers of any size.
func TestMulDivIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	number := func() uint64 { return rnd.Uint64() >> (1 + rnd.IntN(63)) }
	for range 100_000 {
		a, b, c := number(), number(), max(1, number())
		quo, rem := new(big.Int).QuoRem(new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b)), new(big.Int).SetUint64(c), new(big.Int))
		down := quo.Uint64()
		if !quo.IsUint64() || down > math.MaxInt64 {
			down = math.MaxInt64
		}
		up := down
		if rem.Sign() > 0 && up < math.MaxInt64 {
			up++
		}
		if got := mulDiv(a, b, c); got != down {
			t.Fatalf("mulDiv(%d, %d, %d) = %d, want %d", a, b, c, got, down)
		}
		if got := mulDivUp(a, b, c); got != up {
			t.Fatalf("mulDivUp(%d, %d, %d) = %d, want %d", a, b, c, got, up)
		}
	}
}

func TestQuotaNeverPromisesAFasterPaceThanItsRate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		q := randomQuota(rnd)
		debt := time.Duration(rnd.Int64N(int64(q.span(q.Capacity())) + 1))
		r := q.remaining(debt)
		assert.True(t, 0 <= r && r <= q.Capacity())
		if r == 0 {
			continue
		}
		window := q.span(r)
		// r/window <= N/Per
		pace := new(big.Int).Mul(big.NewInt(int64(r)), big.NewInt(int64(q.Per)))
		rate := new(big.Int).Mul(big.NewInt(int64(q.N)), big.NewInt(int64(window)))
		if pace.Cmp(rate) > 0 {
			t.Fatalf("%+v with debt %v: %d in %v", q, debt, r, window)
		}
	}
}

// randomQuota is any quota that a developer may write.
func randomQuota(rnd *rand.Rand) Quota {
	pers := []time.Duration{time.Millisecond, time.Second, 7 * time.Second, time.Minute, time.Hour, 24 * time.Hour}
	q := Quota{N: 1 + rnd.IntN(1<<rnd.IntN(14)), Per: pers[rnd.IntN(len(pers))]}
	if rnd.IntN(2) == 0 {
		q.Burst = 1 + rnd.IntN(1<<rnd.IntN(12))
	}
	return q.full()
}
