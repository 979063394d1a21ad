package ratelimit

import (
	"context"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// takeWithLimiters decides on a request if some policies have a rate.Limiter of
// the caller. The store decides first. If a rate.Limiter refuses then, the units
// that the store and the other limiters have granted are returned.
func (l *Limiter) takeWithLimiters(ctx context.Context, e *evaluation) {
	all := e.buckets
	var stored []Bucket
	for i := range all {
		if e.applied[i].policy.Limiter == nil {
			stored = append(stored, all[i])
		}
	}
	if e.buckets = stored; len(stored) > 0 {
		l.takeBuckets(ctx, e)
	}
	stored, e.buckets = e.buckets, all
	if e.undecided {
		return
	}
	next := 0
	for i := range all {
		if e.applied[i].policy.Limiter == nil {
			all[i] = stored[next]
			next++
		}
	}
	if !l.chargeLimiters(e) {
		e.returnUnits(ctx)
	}
}

// returnUnits returns the units that the store has granted, in the verdicts as
// well.
func (e *evaluation) returnUnits(ctx context.Context) {
	var back []Bucket
	for i := range e.buckets {
		b := &e.buckets[i]
		if p := &e.applied[i]; p.policy.Limiter == nil && !b.Short && b.Cost > 0 {
			b.Debt -= b.Quota.span(b.Cost)
			quota := b.Quota
			if e.local { // the bucket has that of the share
				quota = p.quota
			}
			back = append(back, Bucket{Policy: b.Policy, Key: b.Key, Quota: quota, Cost: -b.Cost, Mode: Force})
		}
	}
	if len(back) > 0 {
		_ = e.charge(context.WithoutCancel(ctx), back)
	}
}

// chargeLimiters lets the rate.Limiters decide, and reports whether what the
// store has charged stays. The clock is read under a lock, since a rate.Limiter
// mints units when it sees the time go back (go.dev/issue/56287).
func (l *Limiter) chargeLimiters(e *evaluation) bool {
	refused := false
	for i := range e.buckets {
		refused = refused || e.violates(i)
	}
	already := refused // then the store has charged nothing
	l.limitersMu.Lock()
	defer l.limitersMu.Unlock()
	now := time.Now()
	var taken []int
	for i := range e.buckets {
		limiter, b := e.applied[i].policy.Limiter, &e.buckets[i]
		if limiter == nil {
			continue
		}
		b.Short = b.Cost > 0 && lacking(limiter, now, b.Cost)
		if !refused && !b.Short && limiter.AllowN(now, b.Cost) {
			taken = append(taken, i)
		} else if !refused && b.Mode == Enforce && b.Cost > 0 {
			b.Short, refused = true, true
		}
		b.Debt = debtOf(limiter, now)
	}
	if !refused || already {
		return true
	}
	for _, i := range taken {
		limiter := e.applied[i].policy.Limiter
		limiter.ReserveN(now, -e.buckets[i].Cost)
		e.buckets[i].Debt = debtOf(limiter, now)
	}
	return false
}

// lacking reports whether the limiter would refuse n units.
func lacking(limiter *rate.Limiter, now time.Time, n int) bool {
	lack := float64(n) - limiter.TokensAt(now)
	return n > limiter.Burst() || lack > 0 && (limiter.Limit() <= 0 || time.Duration(lack/float64(limiter.Limit())*1e9) > 0)
}

// debtOf returns the time until the limiter is full.
func debtOf(limiter *rate.Limiter, now time.Time) time.Duration {
	if limiter.Limit() <= 0 {
		return 0
	}
	debt := (float64(limiter.Burst()) - limiter.TokensAt(now)) / float64(limiter.Limit()) * 1e9
	return time.Duration(min(max(0, math.Round(debt)), float64(maxFill)))
}

// correctLimiter takes n units even if the limiter does not have them, or returns
// units. It takes at most twice the burst.
func (l *Limiter) correctLimiter(limiter *rate.Limiter, n int) {
	l.limitersMu.Lock()
	defer l.limitersMu.Unlock()
	now, burst := time.Now(), limiter.Burst()
	if n < 0 {
		limiter.ReserveN(now, n)
		return
	}
	limiter.ReserveN(now, min(n, burst)) // it reserves no more at once
	if n > burst {
		limiter.ReserveN(now, min(n-burst, burst))
	}
}
