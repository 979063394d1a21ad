package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"golang.org/x/time/rate"
)

// Quota is the rate that a policy grants: N units per Per, which come back
// evenly, and at most Burst of them at once. A request costs one unit unless the
// policy has a Cost.
//
// The bucket of a key is full at first, refills at the rate N/Per and never holds
// more than Burst units. In any time d it grants at most Burst + d*N/Per units.
type Quota struct {
	N     int
	Per   time.Duration
	Burst int // 0 means N
}

// PerSecond returns a quota of n units per second.
func PerSecond(n int) Quota { return Quota{N: n, Per: time.Second} }

// PerMinute returns a quota of n units per minute.
func PerMinute(n int) Quota { return Quota{N: n, Per: time.Minute} }

// PerHour returns a quota of n units per hour.
func PerHour(n int) Quota { return Quota{N: n, Per: time.Hour} }

// Unlimited returns the quota for a request without a limit. A Policy's QuotaFor
// may return it; it is not a valid Quota of a Policy.
func Unlimited() Quota { return Quota{N: math.MaxInt, Per: 1, Burst: math.MaxInt} }

// AtRate returns the quota of a rate.Limiter with this limit and burst. The rate
// is exact if it is a number of units per number of nanoseconds, and otherwise
// as close as float64 can represent. It returns [Unlimited] for rate.Inf, and an
// invalid quota for a limit or a burst of 0 or less.
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

// Limit returns the rate of q in units per second, for a rate.Limiter with the
// burst Capacity. It returns rate.Inf for [Unlimited], and 0 if N or Per is not
// positive.
func (q Quota) Limit() rate.Limit {
	switch {
	case q == Unlimited():
		return rate.Inf
	case q.N < 1 || q.Per < 1:
		return 0
	}
	return rate.Limit(float64(q.N) / q.Per.Seconds())
}

// ratio returns the simplest fraction of units and nanoseconds for a limit in
// units per second: the first convergent of its continued fraction that has the
// same float64.
func ratio(limit float64) (n int, per time.Duration) {
	var n0, per0, n1, per1 float64 = 0, 1, 1, 0
	x, most := limit/1e9, min(float64(maxInteger), math.MaxInt)
	for range 64 {
		whole := math.Floor(x)
		n2, per2 := whole*n1+n0, whole*per1+per0
		if n2 > most || per2 > float64(maxFill) {
			break
		}
		n0, per0, n1, per1 = n1, per1, n2, per2
		if n1 > 0 && n1/time.Duration(per1).Seconds() == limit || x == whole {
			break
		}
		x = 1 / (x - whole)
	}
	if per1 == 0 { // more than can come back in a nanosecond
		return int(most), 1
	}
	if n1 < 1 { // less than a unit in the longest time
		return 1, maxFill
	}
	return int(n1), time.Duration(per1)
}

// Capacity returns the number of units in a full bucket: Burst, or N if Burst is
// 0.
func (q Quota) Capacity() int {
	if q.Burst == 0 {
		return q.N
	}
	return q.Burst
}

// maxFill bounds the time in which an empty bucket fills. It is far from where a
// time.Duration overflows.
const maxFill = 100 * 365 * 24 * time.Hour

// check returns an error if q is invalid.
func (q Quota) check() error {
	switch {
	case q == Unlimited(): // on a 32-bit machine its numbers pass as large ones
		return errors.New("quota Unlimited: only QuotaFor may return it")
	case q.N < 1:
		return fmt.Errorf("quota N = %d: at least 1 is required", q.N)
	case q.Per < 1:
		return fmt.Errorf("quota Per = %v: a positive duration is required", q.Per)
	case q.Burst < 0:
		return fmt.Errorf("quota Burst = %d: 0 (for N) or more is required", q.Burst)
	case int64(q.N) > maxInteger || int64(q.Burst) > maxInteger:
		return fmt.Errorf("quota N = %d, Burst = %d: header fields can carry at most %d", q.N, q.Burst, maxInteger)
	case q.span(q.Capacity()) > maxFill:
		return fmt.Errorf("quota of %d per %v, Burst = %d: a bucket takes over 100 years to fill", q.N, q.Per, q.Burst)
	}
	return nil
}

// reportable returns q with a burst that header fields can carry and that comes
// back within maxFill. The rate must be valid.
func (q Quota) reportable() Quota {
	most := mulDiv(uint64(maxFill), uint64(q.N), uint64(q.Per))
	q.Burst = int(min(uint64(q.Burst), most, uint64(maxInteger)))
	return q
}

// full returns q with its Burst set, so that equal quotas are ==.
func (q Quota) full() Quota {
	q.Burst = q.Capacity()
	return q
}

// The three methods below turn the debt of a bucket, the time until it is full,
// into what clients read. They count in whole nanoseconds, so that stores which
// agree on the debt agree on the rest.

// span returns the time in which n units come back, rounded up.
func (q Quota) span(n int) time.Duration {
	return time.Duration(mulDivUp(uint64(n), uint64(q.Per), uint64(q.N)))
}

// remaining returns the number of whole units in a bucket with the debt. A unit
// whose last nanosecond is missing counts, since the store grants it.
func (q Quota) remaining(debt time.Duration) int {
	if debt <= 1 {
		return q.Capacity()
	}
	used := mulDivUp(uint64(debt-1), uint64(q.N), uint64(q.Per))
	if used >= uint64(q.Capacity()) {
		return 0
	}
	return q.Capacity() - int(used)
}

// wait returns the time until a bucket with the debt holds cost units, rounded
// up, or [Never] if it cannot hold that many.
func (q Quota) wait(debt time.Duration, cost int) time.Duration {
	spare := q.Capacity() - cost
	if spare < 0 {
		return Never
	}
	return max(0, debt-time.Duration(mulDiv(uint64(spare), uint64(q.Per), uint64(q.N))))
}

// mulDiv returns a*b/c, rounded down. It saturates at the largest int64.
func mulDiv(a, b, c uint64) uint64 {
	quo, _ := mulDivMod(a, b, c)
	return quo
}

// mulDivUp returns a*b/c, rounded up. It saturates at the largest int64.
func mulDivUp(a, b, c uint64) uint64 {
	quo, rem := mulDivMod(a, b, c)
	if rem > 0 && quo < math.MaxInt64 {
		quo++
	}
	return quo
}

// mulDivMod returns a*b/c and the remainder. The quotient saturates at the largest
// int64.
func mulDivMod(a, b, c uint64) (quo, rem uint64) {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return math.MaxInt64, 0
	}
	quo, rem = bits.Div64(hi, lo, c)
	return min(quo, math.MaxInt64), rem
}
