package ratelimit

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// FailMode says what a limiter does while its Store returns errors. It asks
// the store again once a second, with one of the requests that arrive; that
// one alone waits for the answer.
type FailMode uint8

const (
	// FailLocal decides in the memory of this replica, which grants
	// 1/Replicas of each quota, and of a capacity at least 1. What was
	// charged here is charged to the store when it is back, so that there is
	// no burst. It is the zero value.
	FailLocal FailMode = iota
	// FailOpen lets every request pass, without RateLimit fields.
	FailOpen
	// FailClosed refuses every request with 503 and a Retry-After.
	FailClosed
)

const (
	// probeEvery is the time between two requests that ask a store which
	// has failed.
	probeEvery = time.Second
	// patience is how long a store may keep a request waiting whose client
	// leaves, before that counts as a failure of the store. A client that
	// leaves sooner proves nothing: it must not be able to cause an outage.
	patience = 100 * time.Millisecond
)

// outage is a Store with a circuit breaker, and with what stands in for it.
type outage struct {
	store    Store
	mode     FailMode
	replicas int
	local    *Memory
	start    time.Time
	down     atomic.Pointer[failure] // nil while the store answers
	owing    atomic.Int64            // until then, since start, local may hold what the store has not been told
}

// failure is a store that did not answer.
type failure struct {
	err   error
	probe time.Duration // since start: when to ask again
}

func newOutage(s Store, mode FailMode, replicas int) *outage {
	if mode > FailClosed {
		panic(fmt.Sprintf("ratelimit: Outage = %d: FailLocal, FailOpen and FailClosed are possible", mode))
	}
	if replicas < 0 {
		panic(fmt.Sprintf("ratelimit: Replicas = %d: 0 (for 1) or more is required", replicas))
	}
	o := &outage{store: s, mode: mode, replicas: max(1, replicas), start: time.Now()}
	if mode == FailLocal {
		o.local = NewMemory(DefaultMaxKeys)
	}
	return o
}

// take decides a, by the store or without it.
func (o *outage) take(ctx context.Context, a *attempt) {
	gone := false
	a.err, gone = o.ask(ctx, a.buckets)
	switch {
	case a.err == nil:
	case gone:
		a.undecided, a.allowed = true, false // nobody reads the answer, and no work should be done
	case o.mode == FailLocal:
		a.local = true
		o.takeLocal(ctx, a.buckets)
	default:
		a.undecided, a.allowed = true, o.mode == FailOpen
		if f := o.down.Load(); f != nil && !a.allowed {
			a.wait = max(0, f.probe-o.now())
		}
	}
}

// ask asks the store, unless it is down and this request is not the one to
// try. gone tells that it failed since the client has left.
func (o *outage) ask(ctx context.Context, buckets []Bucket) (err error, gone bool) {
	began := o.now()
	was := o.down.Load()
	if was != nil && (began < was.probe || !o.down.CompareAndSwap(was, &failure{was.err, began + probeEvery})) {
		return was.err, false
	}
	if o.owing.Load() > int64(began) {
		err = o.settle(ctx, buckets)
	}
	if err == nil {
		err = o.store.Take(ctx, buckets)
	}
	switch {
	case err == nil:
		if was != nil {
			o.down.Store(nil)
		}
	case ctx.Err() != nil && o.now()-began < patience:
		gone = true
	default:
		o.down.Store(&failure{err, o.now() + probeEvery})
	}
	return err, gone
}

// takeLocal charges the buckets here, to this replica's share of the quotas.
func (o *outage) takeLocal(ctx context.Context, buckets []Bucket) {
	for i := range buckets {
		b := &buckets[i]
		capacity := b.Quota.Capacity()
		b.Quota = o.share(b.Quota)
		if b.Cost <= capacity { // it could pass before, so it empties the share at most
			b.Cost = min(b.Cost, b.Quota.Burst)
		}
	}
	o.chargeLocal(ctx, buckets)
}

// chargeLocal charges buckets whose quotas are shares.
func (o *outage) chargeLocal(ctx context.Context, buckets []Bucket) {
	_ = o.local.Take(ctx, buckets) // it fails for no valid quota
	now := o.now()
	for i := range buckets {
		until := int64(now + buckets[i].Debt)
		for have := o.owing.Load(); have < until && !o.owing.CompareAndSwap(have, until); have = o.owing.Load() {
		}
	}
}

// share is what one replica grants of q. The rate is divided exactly, in its
// time: 5 per minute for 10 replicas are 5 in ten minutes for each.
func (o *outage) share(q Quota) Quota {
	per := maxFill
	if q.Per <= maxFill/time.Duration(o.replicas) {
		per = q.Per * time.Duration(o.replicas)
	}
	return Quota{N: q.N, Per: per, Burst: max(1, q.Capacity()/o.replicas)}
}

// settle charges to the store what the keys of the buckets were charged here.
func (o *outage) settle(ctx context.Context, buckets []Bucket) error {
	var owed []Bucket
	for i := range buckets {
		b := Bucket{Policy: buckets[i].Policy, Key: buckets[i].Key, Quota: o.share(buckets[i].Quota)}
		if debt := o.local.drain(&b); debt > 0 {
			b.Cost = int(mulDiv(uint64(debt), uint64(b.Quota.N), uint64(b.Quota.Per), true))
			b.Quota, b.Rule = buckets[i].Quota, Force
			owed = append(owed, b)
		}
	}
	if len(owed) == 0 {
		return nil
	}
	err := o.store.Take(ctx, owed)
	if err != nil {
		for i := range owed {
			owed[i].Quota = o.share(owed[i].Quota)
		}
		o.chargeLocal(ctx, owed)
	}
	return err
}

// correct charges buckets afterwards, where they were charged before.
func (o *outage) correct(ctx context.Context, buckets []Bucket, local bool) error {
	if local {
		o.chargeLocal(ctx, buckets)
		return nil
	}
	err, _ := o.ask(ctx, buckets)
	if err != nil && o.mode == FailLocal {
		o.takeLocal(ctx, buckets)
	}
	return err
}

func (o *outage) now() time.Duration { return time.Since(o.start) }
