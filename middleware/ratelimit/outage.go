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

// guardedStore is a Store with a circuit breaker, and what replaces it in an outage.
type guardedStore struct {
	store   Store
	mode    FailMode
	breaker *breaker
	share   *localShare // nil unless mode is FailLocal
	start   time.Time
}

func newGuardedStore(s Store, mode FailMode, replicas int) *guardedStore {
	if mode > FailClosed {
		panic(fmt.Sprintf("ratelimit: Outage = %d: FailLocal, FailOpen or FailClosed is required", mode))
	}
	if replicas < 0 {
		panic(fmt.Sprintf("ratelimit: Replicas = %d: 0 (for 1) or more is required", replicas))
	}
	start := time.Now()
	g := &guardedStore{store: s, mode: mode, breaker: newBreaker(s, start), start: start}
	if mode == FailLocal {
		g.share = newLocalShare(max(1, replicas), start)
	}
	return g
}

// take decides on e, with the store or without it.
func (g *guardedStore) take(ctx context.Context, e *evaluation) {
	err, gone := g.tryStore(ctx, e.buckets)
	e.err = err
	switch {
	case err == nil:
	case gone:
		e.undecided, e.allowed = true, false // no client reads the response, so no work should be done
	case g.mode == FailLocal:
		e.local = true
		g.share.take(ctx, e.buckets)
	default:
		e.undecided, e.allowed = true, g.mode == FailOpen
		if !e.allowed {
			e.wait = g.breaker.untilProbe(e.buckets)
		}
	}
}

// tryStore lets the store decide, unless a part that it needs is down and it is not
// time to probe that. It reports with gone that it failed because the client left.
func (g *guardedStore) tryStore(ctx context.Context, buckets []Bucket) (err error, gone bool) {
	began := g.now()
	probed, err := g.breaker.admit(buckets)
	if err != nil {
		return err, false
	}
	if g.share != nil && g.share.owes(began) {
		err = g.share.settle(ctx, g.store, buckets)
		if err == errSettling {
			return err, false
		}
	}
	if err == nil {
		err = g.store.Take(ctx, buckets)
	}
	failed := failedParts(err)
	switch {
	case err == nil:
		g.breaker.succeed(probed)
	case failed == nil && errors.Is(err, ErrReply):
		g.breaker.succeed(probed) // it can be reached
	case ctx.Err() != nil && g.now()-began < patience:
		gone = true
	default:
		g.breaker.fail(err, failed, buckets)
	}
	return err, gone
}

// correct charges buckets afterwards that the store has charged before.
func (g *guardedStore) correct(ctx context.Context, buckets []Bucket) error {
	err, _ := g.tryStore(ctx, buckets)
	if err != nil && g.mode == FailLocal {
		g.share.take(ctx, buckets)
	}
	return err
}

// correctLocal charges buckets afterwards that were charged in an outage. The
// quotas are those of the policies.
func (g *guardedStore) correctLocal(ctx context.Context, buckets []Bucket) error {
	charged := g.share.correct(ctx, buckets)
	if len(charged) == 0 {
		return nil
	}
	err, _ := g.tryStore(ctx, charged)
	return err
}

func (g *guardedStore) now() time.Duration { return time.Since(g.start) }
