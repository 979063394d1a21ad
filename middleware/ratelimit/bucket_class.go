package ratelimit

import (
	"hash/maphash"
	"math"
	"slices"
	"time"
)

// bucketClass is what the buckets of a policy with the same quota have in common.
// To compute it takes as long as to decide.
type bucketClass struct {
	policy    string
	quota     Quota
	hash      uint64  // of policy and quota
	perSecond float64 // the rate, as in rate.Limiter
	perUnit   float64 // nanoseconds in which one unit comes back
	holds     float64 // the burst
}

// maxClasses bounds the classes that a Memory keeps. Those of further quotas are
// computed each time.
const maxClasses = 16

// classOf returns the class of the bucket.
func (m *Memory) classOf(b *Bucket) *bucketClass {
	known := m.known.Load()
	for i := range *known {
		if c := &(*known)[i]; c.quota == b.Quota && c.policy == b.Policy {
			return c
		}
	}
	c := newBucketClass(m.seed, b)
	if len(*known) < maxClasses {
		more := append(slices.Clip(*known), *c)
		m.known.CompareAndSwap(known, &more) // if it fails, the next request tries again
	}
	return c
}

func newBucketClass(seed maphash.Seed, b *Bucket) *bucketClass {
	q := b.Quota
	return &bucketClass{
		policy: b.Policy, quota: q,
		// Odd constants without a pattern give quotas that differ in one number
		// different hashes.
		hash: maphash.String(seed, b.Policy)*0x9e3779b97f4a7c15 +
			uint64(q.N)*0xbf58476d1ce4e5b9 + uint64(q.Per)*0x94d049bb133111eb + uint64(q.Burst)*0xd6e8feb86659fd93,
		perSecond: float64(q.N) / q.Per.Seconds(),
		perUnit:   float64(q.Per) / float64(q.N),
		holds:     float64(q.Burst),
	}
}

// identity returns the hash of a bucket, given that of its key. It is never 0, the
// hash of a free place.
func (c *bucketClass) identity(key uint64) uint64 { return max(1, key^c.hash) }

// debt returns the time in nanoseconds until a bucket with the units is full.
func (c *bucketClass) debt(units float64) float64 { return (c.holds - units) * c.perUnit }

// The arithmetic below is that of rate.Limiter's AllowN, operation for operation.

// units returns what a bucket holds at the time now.
func (c *bucketClass) units(s *bucketState, now int64) float64 {
	units := s.units + seconds64(now-s.last)*c.perSecond
	if units > c.holds {
		return c.holds
	}
	return units
}

// short reports whether the units are not enough for b.
func (c *bucketClass) short(b *Bucket, units float64) bool {
	lack := float64(b.Cost) - units
	return lack > 0 && b.Cost > 0 && b.Mode != Force && (b.Cost > c.quota.Burst || c.lacks(lack))
}

// charged returns what is left of the units after the cost of b is taken. A bucket
// owes at most what it can hold, and holds no more.
func (c *bucketClass) charged(b *Bucket, units float64) float64 {
	cost := float64(b.Cost)
	if b.Mode == Force && b.Cost > 0 {
		cost = max(0, min(cost, math.Floor(units)+c.holds))
	}
	if units -= cost; units > c.holds {
		return c.holds
	}
	return units
}

// lacks reports whether the units take a nanosecond or more to come back, as
// rate.Limiter decides it. Where that is obvious, it saves a division.
func (c *bucketClass) lacks(units float64) bool {
	return units*c.perUnit > 2 || time.Duration(units/c.perSecond*1e9) > 0
}

// seconds64 returns the Seconds of a duration, or 0 if it is negative. For less
// than a second it saves the division into whole seconds and the rest.
func seconds64(ns int64) float64 {
	switch {
	case ns < 0:
		return 0
	case ns < 1e9:
		return float64(ns) / 1e9
	}
	return time.Duration(ns).Seconds()
}

// round returns a debt to the nearest nanosecond.
func round(debt float64) time.Duration { return time.Duration(debt + 0.5) }
