package ratelimit

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Quota is how much a policy grants: N units per Per, which come back evenly,
// and at most Burst of them at once. A request costs one unit unless the
// policy has a Cost.
//
// A bucket of Burst units is full at first, refills at the rate N/Per and
// never holds more than Burst. Over any time d it grants at most
// Burst + d*N/Per units.
type Quota struct {
	N     int
	Per   time.Duration
	Burst int // 0 means N
}

// PerSecond is a quota of n units per second.
func PerSecond(n int) Quota { return Quota{N: n, Per: time.Second} }

// PerMinute is a quota of n units per minute.
func PerMinute(n int) Quota { return Quota{N: n, Per: time.Minute} }

// PerHour is a quota of n units per hour.
func PerHour(n int) Quota { return Quota{N: n, Per: time.Hour} }

// Unlimited is the answer of a Policy's Vary for whom the policy does not
// bound. It is no Quota of a Policy.
func Unlimited() Quota { return Quota{N: math.MaxInt, Per: 1, Burst: math.MaxInt} }

// Capacity is the number of units in a full bucket: Burst, or N if Burst is 0.
func (q Quota) Capacity() int {
	if q.Burst == 0 {
		return q.N
	}
	return q.Burst
}

// maxFill bounds the time in which an empty bucket fills, far from where a
// time.Duration would overflow.
const maxFill = 100 * 365 * 24 * time.Hour

// check says what is wrong with q, or returns nil.
func (q Quota) check() error {
	switch {
	case q.N < 1:
		return fmt.Errorf("quota N = %d: at least 1 is required", q.N)
	case q.Per < 1:
		return fmt.Errorf("quota Per = %v: a positive duration is required", q.Per)
	case q.Burst < 0:
		return fmt.Errorf("quota Burst = %d: 0 (for N) or more is required", q.Burst)
	case int64(q.N) > maxInteger || int64(q.Burst) > maxInteger:
		return fmt.Errorf("quota of %d, burst %d: header fields cannot say more than %d", q.N, q.Burst, maxInteger)
	case q.span(q.Capacity()) > maxFill:
		return fmt.Errorf("quota of %d per %v, burst %d: a bucket would take over 100 years to fill", q.N, q.Per, q.Burst)
	}
	return nil
}

// full is q with its Burst spelled out, so that equal quotas are ==.
func (q Quota) full() Quota {
	q.Burst = q.Capacity()
	return q
}

// The three functions below turn a bucket's debt into what a client is told.
// The debt is the time until the bucket is full; they count in whole
// nanoseconds, so that every store that agrees on the debt agrees on the rest.

// span is the time in which n units come back, rounded up.
func (q Quota) span(n int) time.Duration {
	return time.Duration(mulDiv(uint64(n), uint64(q.Per), uint64(q.N), true))
}

// remaining is the number of whole units in a bucket with the debt. A unit
// whose last nanosecond is missing counts: the store grants it.
func (q Quota) remaining(debt time.Duration) int {
	if debt <= 1 {
		return q.Capacity()
	}
	used := mulDiv(uint64(debt-1), uint64(q.N), uint64(q.Per), true)
	if used >= uint64(q.Capacity()) {
		return 0
	}
	return q.Capacity() - int(used)
}

// wait is the time until a bucket with the debt holds cost units, rounded up,
// or [Never] if it cannot hold so many.
func (q Quota) wait(debt time.Duration, cost int) time.Duration {
	spare := q.Capacity() - cost
	if spare < 0 {
		return Never
	}
	return max(0, debt-time.Duration(mulDiv(uint64(spare), uint64(q.Per), uint64(q.N), false)))
}

// mulDiv is a*b/c, rounded up or down. It saturates at the largest int64.
func mulDiv(a, b, c uint64, up bool) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return math.MaxInt64
	}
	quo, rem := bits.Div64(hi, lo, c)
	if up && rem > 0 {
		quo++
	}
	return min(quo, math.MaxInt64)
}
