package ratelimit

import (
	"context"
	"errors"
	"math"
)

// errNoRequest is returned by Spend if there is nothing to charge.
var errNoRequest = errors.New("ratelimit: Spend: the context is not that of a request allowed by a policy with a Cost")

// Spend charges n more units to the request that ctx belongs to, when its actual
// cost is known: in all policies with a Cost whose limiter allowed it. The units
// are charged even if the bucket does not have them, and then the client waits
// longer. A bucket owes at most its capacity. A negative n returns units, at most
// as many as the request was charged.
//
// Spend returns an error if there is no such request, or if the store cannot be
// reached.
func Spend(ctx context.Context, n int) error {
	d, ok := FromContext(ctx)
	if !ok {
		return errNoRequest
	}
	var errs []error
	for e := d.evaluation; e != nil; e = e.outer {
		errs = append(errs, e.spend(ctx, n))
	}
	return errors.Join(errs...)
}

func (e *evaluation) spend(ctx context.Context, n int) error {
	return e.correct(ctx, func(p *appliedPolicy) int {
		if p.policy.Cost == nil || !e.allowed {
			return 0
		}
		return max(n, -p.charged)
	})
}

func (e *evaluation) refund(ctx context.Context, of func(*checkedPolicy) bool) error {
	return e.correct(ctx, func(p *appliedPolicy) int {
		if p.charged == 0 || !of(p.policy) {
			return 0
		}
		return -p.charged
	})
}

// correct adds to what each policy has charged. The client may be gone, but its
// charge still has to be right.
func (e *evaluation) correct(ctx context.Context, by func(*appliedPolicy) int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.undecided {
		return nil // nothing was charged
	}
	var buckets []Bucket
	for i := range e.applied {
		p := &e.applied[i]
		n := by(p)
		if n == 0 {
			continue
		}
		p.charged = addUnits(p.charged, n)
		if p.policy.Limiter != nil {
			e.limiter.correctLimiter(p.policy.Limiter, n)
			continue
		}
		b := e.buckets[i]
		if e.local { // the bucket has that of the share
			b.Quota = p.quota
		}
		buckets = append(buckets, Bucket{Policy: b.Policy, Key: b.Key, Quota: b.Quota, Cost: n, Mode: Force})
	}
	if len(buckets) == 0 {
		return nil
	}
	return e.charge(context.WithoutCancel(ctx), buckets)
}

// addUnits returns charged+n, or math.MaxInt where that would overflow. What a
// request is charged is never negative.
func addUnits(charged, n int) int {
	if n > math.MaxInt-charged {
		return math.MaxInt
	}
	return charged + n
}

// charge charges buckets afterwards, in the store that charged them before.
func (e *evaluation) charge(ctx context.Context, buckets []Bucket) error {
	switch l := e.limiter; {
	case l.memory != nil:
		return l.memory.Take(ctx, buckets)
	case e.local:
		return l.shared.correctLocal(ctx, buckets)
	default:
		return l.shared.correct(ctx, buckets)
	}
}
