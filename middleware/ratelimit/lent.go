package ratelimit

import (
	"context"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// takeLent decides a request of which some policies have a rate.Limiter of the
// caller's. The store is asked first. If one of the limiters refuses then, what
// the store and the others have granted is given back.
func (l *Limiter) takeLent(ctx context.Context, a *attempt) {
	all := a.buckets
	var kept []Bucket
	for i := range all {
		if a.parts[i].rule.Limiter == nil {
			kept = append(kept, all[i])
		}
	}
	if a.buckets = kept; len(kept) > 0 {
		l.ask(ctx, a)
	}
	kept, a.buckets = a.buckets, all
	if a.undecided {
		return
	}
	next := 0
	for i := range all {
		if a.parts[i].rule.Limiter == nil {
			all[i] = kept[next]
			next++
		}
	}
	if l.borrow(a) {
		return
	}
	var back []Bucket
	for i, b := range all {
		if p := &a.parts[i]; p.rule.Limiter == nil && !b.Short && b.Cost > 0 {
			quota := b.Quota
			if a.local { // where it is that of a share
				quota = p.quota
			}
			back = append(back, Bucket{Policy: b.Policy, Key: b.Key, Quota: quota, Cost: -b.Cost, Mode: Force})
		}
	}
	if len(back) > 0 {
		_ = l.giveBack(context.WithoutCancel(ctx), back, a.local)
	}
}

// borrow decides by the rate.Limiters, and reports whether nothing has to be
// given back. The clock is read under a lock, since a rate.Limiter mints units
// when it sees the time go back (go.dev/issue/56287).
func (l *Limiter) borrow(a *attempt) bool {
	refused := false
	for i := range a.buckets {
		refused = refused || a.violates(i)
	}
	already := refused // then the store has charged nothing
	l.borrows.Lock()
	defer l.borrows.Unlock()
	now := time.Now()
	var taken []int
	for i := range a.buckets {
		lim, b := a.parts[i].rule.Limiter, &a.buckets[i]
		if lim == nil {
			continue
		}
		b.Short = b.Cost > 0 && lacking(lim, now, b.Cost)
		if !refused && !b.Short && lim.AllowN(now, b.Cost) {
			taken = append(taken, i)
		} else if !refused && b.Mode == Enforce && b.Cost > 0 {
			b.Short, refused = true, true
		}
		b.Debt = debtOf(lim, now)
	}
	if !refused || already {
		return true
	}
	for _, i := range taken {
		lim := a.parts[i].rule.Limiter
		lim.ReserveN(now, -a.buckets[i].Cost)
		a.buckets[i].Debt = debtOf(lim, now)
	}
	return false
}

// lacking reports whether the limiter would refuse n units.
func lacking(lim *rate.Limiter, now time.Time, n int) bool {
	lack := float64(n) - lim.TokensAt(now)
	return n > lim.Burst() || lack > 0 && (lim.Limit() <= 0 || time.Duration(lack/float64(lim.Limit())*1e9) > 0)
}

// debtOf is the time until the limiter is full.
func debtOf(lim *rate.Limiter, now time.Time) time.Duration {
	if lim.Limit() <= 0 {
		return 0
	}
	debt := (float64(lim.Burst()) - lim.TokensAt(now)) / float64(lim.Limit()) * 1e9
	return time.Duration(min(max(0, math.Round(debt)), float64(maxFill)))
}

// reserve takes n units whether there are enough or not, or gives units back.
func (l *Limiter) reserve(lim *rate.Limiter, n int) {
	l.borrows.Lock()
	defer l.borrows.Unlock()
	now, burst := time.Now(), lim.Burst()
	if n < 0 {
		lim.ReserveN(now, n)
		return
	}
	lim.ReserveN(now, min(n, burst)) // it reserves no more at once
	if n > burst {
		lim.ReserveN(now, min(n-burst, burst))
	}
}
