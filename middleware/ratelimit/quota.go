package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"golang.org/x/time/rate"
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

// Unlimited is what a Policy's QuotaFor returns for a request without a bound.
// It is not a valid Quota of a Policy.
func Unlimited() Quota { return Quota{N: math.MaxInt, Per: 1, Burst: math.MaxInt} }

// AtRate returns the quota of a rate.Limiter with the limit and the burst. The
// rate is exact where a number of units per a number of nanoseconds can be, and
// otherwise as near as float64 can tell. An infinite limit is [Unlimited]; a
// limit or a burst of 0 or less is a quota that is not valid.
func AtRate(limit rate.Limit, burst int) Quota {
	switch {
	case limit == rate.Inf:
		return Unlimited()
	case !(limit > 0) || burst < 1:
		return Quota{}
	}
	n, per := ratio(float64(limit))
	return Quota{N: n, Per: per, Burst: burst}
}

// Limit returns the rate of q, in units per second, for a rate.Limiter with the
// burst Capacity. That of [Unlimited] is rate.Inf, and that of a quota that is
// not valid 0.
func (q Quota) Limit() rate.Limit {
	switch {
	case q == Unlimited():
		return rate.Inf
	case q.N < 1 || q.Per < 1:
		return 0
	}
	return rate.Limit(float64(q.N) / q.Per.Seconds())
}

// ratio returns the simplest fraction of units and nanoseconds that is the
// limit in units per second: the first convergent of its continued fraction
// that float64 cannot tell from it.
func ratio(limit float64) (n int, per time.Duration) {
	var n0, per0, n1, per1 float64 = 0, 1, 1, 0
	x := limit / 1e9
	for range 64 {
		whole := math.Floor(x)
		n2, per2 := whole*n1+n0, whole*per1+per0
		if n2 > float64(maxInteger) || per2 > float64(maxFill) {
			break
		}
		n0, per0, n1, per1 = n1, per1, n2, per2
		if n1 > 0 && n1/time.Duration(per1).Seconds() == limit || x == whole {
			break
		}
		x = 1 / (x - whole)
	}
	if n1 < 1 { // less than a unit in the longest time
		return 1, maxFill
	}
	return int(n1), time.Duration(max(per1, 1))
}

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

// check returns what is wrong with q, or nil.
func (q Quota) check() error {
	switch {
	case q == Unlimited(): // on a 32-bit machine its numbers pass as large ones
		return errors.New("quota of no bound: QuotaFor may return it, a policy cannot have it")
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

// reportable is q with a burst that header fields can report, and that comes
// back within maxFill. The rate has to be valid.
func (q Quota) reportable() Quota {
	most := mulDiv(uint64(maxFill), uint64(q.N), uint64(q.Per), false)
	q.Burst = max(1, int(min(uint64(q.Burst), most, uint64(maxInteger))))
	return q
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
