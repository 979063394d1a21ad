package ratelimit

import (
	"context"
	"errors"
	"math"
)

// errNothing is what Spend returns where there is nothing to charge.
var errNothing = errors.New("ratelimit: Spend: the context belongs to no request that a policy with a Cost let pass")

// Spend charges n more units to the request that ctx belongs to, in all
// policies with a Cost whose limiter let it pass: what it has really cost, once
// that is known. They are charged even if there is not enough; then the client
// waits the longer. A negative n gives units back, at most as many as the
// request was charged.
//
// It returns an error if there is no such request or if the store cannot be
// asked.
func Spend(ctx context.Context, n int) error {
	d, ok := FromContext(ctx)
	if !ok {
		return errNothing
	}
	var errs []error
	for a := d.attempt; a != nil; a = a.outer {
		errs = append(errs, a.spend(ctx, n))
	}
	return errors.Join(errs...)
}

func (a *attempt) spend(ctx context.Context, n int) error {
	return a.correct(ctx, func(p *part) int {
		if p.rule.Cost == nil || !a.allowed {
			return 0
		}
		return max(n, -p.charged)
	})
}

func (a *attempt) refund(ctx context.Context, of func(*rule) bool) error {
	return a.correct(ctx, func(p *part) int {
		if !of(p.rule) {
			return 0
		}
		return -p.charged
	})
}

// correct charges each part by so much more. The client may have gone, but
// what it was charged still has to be right.
func (a *attempt) correct(ctx context.Context, by func(*part) int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.undecided {
		return nil // nothing was charged
	}
	var buckets []Bucket
	for i := range a.parts {
		p := &a.parts[i]
		n := by(p)
		if n == 0 {
			continue
		}
		p.charged = addUnits(p.charged, n)
		if p.rule.Limiter != nil {
			a.limiter.reserve(p.rule.Limiter, n)
			continue
		}
		b := a.buckets[i]
		if a.local { // where it is that of a share
			b.Quota = p.quota
		}
		buckets = append(buckets, Bucket{Policy: b.Policy, Key: b.Key, Quota: b.Quota, Cost: n, Mode: Force})
	}
	if len(buckets) == 0 {
		return nil
	}
	return a.limiter.giveBack(context.WithoutCancel(ctx), buckets, a.local)
}

// addUnits is a+b, or math.MaxInt where that is less: what a request is charged
// is never negative.
func addUnits(a, b int) int {
	if b > math.MaxInt-a {
		return math.MaxInt
	}
	return a + b
}

// giveBack corrects what was charged to buckets, where it was charged.
func (l *Limiter) giveBack(ctx context.Context, buckets []Bucket, local bool) error {
	if l.memory != nil {
		return l.memory.Take(ctx, buckets)
	}
	return l.shared.correct(ctx, buckets, local)
}
