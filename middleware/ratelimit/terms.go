package ratelimit

import (
	"hash/maphash"
	"math"
	"slices"
	"time"
)

// terms is what all buckets of a policy with the same quota have in common. To
// compute it takes as long as to decide.
type terms struct {
	policy    string
	quota     Quota
	hash      uint64  // which that of a key turns into the identity of a bucket
	perSecond float64 // the rate as rate.Limiter has it
	perUnit   float64 // nanoseconds in which a unit comes back
	holds     float64 // the burst
}

// maxTerms is the number of terms that a Memory keeps. Those of further quotas
// are computed each time.
const maxTerms = 16

// terms returns those of the bucket.
func (m *Memory) terms(b *Bucket) *terms {
	known := m.known.Load()
	for i := range *known {
		if t := &(*known)[i]; t.quota == b.Quota && t.policy == b.Policy {
			return t
		}
	}
	t := newTerms(m.seed, b)
	if len(*known) < maxTerms {
		more := append(slices.Clip(*known), *t)
		m.known.CompareAndSwap(known, &more) // if it fails, the next request tries again
	}
	return t
}

func newTerms(seed maphash.Seed, b *Bucket) *terms {
	q := b.Quota
	return &terms{
		policy: b.Policy, quota: q,
		// Odd constants without a pattern keep apart what differs in one number.
		hash: maphash.String(seed, b.Policy)*0x9e3779b97f4a7c15 +
			uint64(q.N)*0xbf58476d1ce4e5b9 + uint64(q.Per)*0x94d049bb133111eb + uint64(q.Burst)*0xd6e8feb86659fd93,
		perSecond: float64(q.N) / q.Per.Seconds(),
		perUnit:   float64(q.Per) / float64(q.N),
		holds:     float64(q.Burst),
	}
}

// identity is the hash of a bucket, given that of its key: never 0, which is
// that of a free cell.
func (t *terms) identity(key uint64) uint64 { return max(1, key^t.hash) }

// debt is the time, in nanoseconds, until a bucket with the units is full.
func (t *terms) debt(units float64) float64 { return (t.holds - units) * t.perUnit }

// units is what a bucket holds at the time now.
func (t *terms) units(s *bucketState, now int64) float64 {
	units := s.units + seconds64(now-s.last)*t.perSecond
	if units > t.holds {
		return t.holds
	}
	return units
}

// short reports whether so many units are not enough for b.
func (t *terms) short(b *Bucket, units float64) bool {
	lack := float64(b.Cost) - units
	return lack > 0 && b.Cost > 0 && b.Mode != Force && (b.Cost > t.quota.Burst || t.lacks(lack))
}

// charged is what is left of so many units after the cost of b was taken. A
// bucket owes at most what it can hold, and holds no more.
func (t *terms) charged(b *Bucket, units float64) float64 {
	cost := float64(b.Cost)
	if b.Mode == Force && b.Cost > 0 {
		cost = max(0, min(cost, math.Floor(units)+t.holds))
	}
	if units -= cost; units > t.holds {
		return t.holds
	}
	return units
}

// lacks reports whether it takes a nanosecond or more until so many units come
// back, as rate.Limiter decides it. Where that is clear, a division is saved.
func (t *terms) lacks(units float64) bool {
	return units*t.perUnit > 2 || time.Duration(units/t.perSecond*1e9) > 0
}

// seconds64 is the Seconds of a duration, or 0 if it is negative. Below a second
// it has nothing to divide the duration into, and is faster.
func seconds64(ns int64) float64 {
	switch {
	case ns < 0:
		return 0
	case ns < 1e9:
		return float64(ns) / 1e9
	}
	return time.Duration(ns).Seconds()
}

// round is a debt to the nearest nanosecond.
func round(debt float64) time.Duration { return time.Duration(debt + 0.5) }
