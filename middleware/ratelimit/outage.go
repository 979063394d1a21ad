package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// FailMode selects what a limiter does while its Store, or the part of it that
// keeps the buckets of a request, cannot be reached. The limiter tries again once
// a second, with one of the requests that arrive. Only that one waits for the
// store.
type FailMode uint8

const (
	// FailLocal decides in the memory of this replica, which grants 1/Replicas
	// of each quota, with a capacity of at least 1: that share and no more,
	// however often the store fails and comes back. What was charged here is
	// charged to the store when it is back, so that there is no burst. It is
	// the zero value.
	FailLocal FailMode = iota
	// FailOpen passes every request through, without RateLimit fields.
	FailOpen
	// FailClosed refuses every request with a 503 and a Retry-After.
	FailClosed
)

// patience is how long a store may keep a request waiting whose client leaves,
// before that counts as a failure of the store. A client that leaves sooner proves
// nothing: it must not be able to cause an outage.
const patience = 100 * time.Millisecond

// outage is a Store with a circuit breaker, and what replaces it in an outage.
type outage struct {
	store   Store
	mode    FailMode
	breaker *breaker
	share   *localShare // nil unless mode is FailLocal
	start   time.Time
}

func newOutage(s Store, mode FailMode, replicas int) *outage {
	if mode > FailClosed {
		panic(fmt.Sprintf("ratelimit: Outage = %d: FailLocal, FailOpen or FailClosed is required", mode))
	}
	if replicas < 0 {
		panic(fmt.Sprintf("ratelimit: Replicas = %d: 0 (for 1) or more is required", replicas))
	}
	start := time.Now()
	o := &outage{store: s, mode: mode, breaker: newBreaker(s, start), start: start}
	if mode == FailLocal {
		o.share = newLocalShare(max(1, replicas), start)
	}
	return o
}

// take decides on e, with the store or without it.
func (o *outage) take(ctx context.Context, e *evaluation) {
	err, gone := o.ask(ctx, e.buckets)
	e.err = err
	switch {
	case err == nil:
	case gone:
		e.undecided, e.allowed = true, false // no client reads the response, so no work should be done
	case o.mode == FailLocal:
		e.local = true
		o.share.take(ctx, e.buckets)
	default:
		e.undecided, e.allowed = true, o.mode == FailOpen
		if !e.allowed {
			e.wait = o.breaker.untilProbe(e.buckets)
		}
	}
}

// ask lets the store decide, unless a part that it needs is down and it is not
// time to probe that. It reports with gone that it failed because the client left.
func (o *outage) ask(ctx context.Context, buckets []Bucket) (err error, gone bool) {
	began := o.now()
	probed, err := o.breaker.admit(buckets)
	if err != nil {
		return err, false
	}
	if o.share != nil && o.share.owes(began) {
		err = o.share.settle(ctx, o.store, buckets)
		if err == errSettling {
			return err, false
		}
	}
	if err == nil {
		err = o.store.Take(ctx, buckets)
	}
	failed := failedParts(err)
	switch {
	case err == nil:
		o.breaker.succeed(probed)
	case failed == nil && errors.Is(err, ErrReply):
		o.breaker.succeed(probed) // it can be reached
	case ctx.Err() != nil && o.now()-began < patience:
		gone = true
	default:
		o.breaker.fail(err, failed, buckets)
	}
	return err, gone
}

// correct charges buckets afterwards that the store has charged before.
func (o *outage) correct(ctx context.Context, buckets []Bucket) error {
	err, _ := o.ask(ctx, buckets)
	if err != nil && o.mode == FailLocal {
		o.share.take(ctx, buckets)
	}
	return err
}

// correctLocal charges buckets afterwards that were charged in an outage. The
// quotas are those of the policies.
func (o *outage) correctLocal(ctx context.Context, buckets []Bucket) error {
	charged := o.share.correct(ctx, buckets)
	if len(charged) == 0 {
		return nil
	}
	err, _ := o.ask(ctx, charged)
	return err
}

func (o *outage) now() time.Duration { return time.Since(o.start) }
