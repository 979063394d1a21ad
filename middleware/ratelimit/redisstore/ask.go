package redisstore

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// ask lets Redis decide the buckets, all or none, and returns in time.
//
// Where they are on several servers, each decides its own part, all of them at
// once. If one refuses, the others get a second call that gives the units back.
func (s *Store) ask(ctx context.Context, keys []key, buckets []ratelimit.Bucket) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	calls := s.split(keys, buckets)
	err := s.run(ctx, ctx, calls, buckets)
	if redis.HasErrorPrefix(err, "CROSSSLOT") && len(calls) == 1 {
		// A single client, but of a cluster or of a proxy in front of one.
		s.sharded.Store(true)
		calls = s.split(keys, buckets)
		err = s.run(ctx, ctx, calls, buckets)
	}
	if len(calls) == 1 || err == nil && !slices.ContainsFunc(buckets, isRefusal) {
		return err
	}
	return errors.Join(err, s.undo(ctx, keys, buckets, calls))
}

// undo gives back what some of the calls have charged. Nobody may cut that
// short: if the time of the request is over, it goes on without it.
func (s *Store) undo(ctx context.Context, keys []key, buckets []ratelimit.Bucket, calls []*call) error {
	var back []ratelimit.Bucket
	var names []key
	var from []int
	for _, c := range calls {
		if c.answer == nil || slices.ContainsFunc(c.indices, func(i int) bool { return isRefusal(buckets[i]) }) {
			continue // it has charged nothing, as far as we know
		}
		for _, i := range c.indices {
			if b := buckets[i]; b.Cost != 0 && !b.Short {
				b.Cost, b.Mode = -b.Cost, ratelimit.Force
				back, names, from = append(back, b), append(names, keys[i]), append(from, i)
			}
		}
	}
	if back == nil {
		return nil
	}
	err := s.run(ctx, context.WithoutCancel(ctx), s.split(names, back), back)
	for n, i := range from {
		buckets[i].Debt = back[n].Debt
	}
	return err
}

// split makes a call for all buckets, or one for each slot.
func (s *Store) split(keys []key, buckets []ratelimit.Bucket) []*call {
	sharded := s.sharded.Load()
	var calls []*call
	for i := range buckets {
		at := slices.IndexFunc(calls, func(c *call) bool { return !sharded || keys[c.indices[0]].slot == keys[i].slot })
		if at < 0 {
			at = len(calls)
			calls = append(calls, &call{script: s.script})
		}
		calls[at].add(i, keys[i], &buckets[i])
	}
	return calls
}

// run makes the calls under ctx, and copies the answers that arrive before
// wait is done to the buckets.
//
// It waits for goroutines, unless the client is prompt: one that is not looks
// at the context too late or never, and a request must not wait for that.
func (s *Store) run(wait, ctx context.Context, calls []*call, buckets []ratelimit.Bucket) error {
	if s.prompt && !s.sharded.Load() {
		answer, err := calls[0].run(wait, s.client)
		if err == nil {
			calls[0].answer = answer
			calls[0].read(buckets)
		}
		return err
	}
	type result struct {
		call   *call
		answer []int64
		err    error
	}
	results := make(chan result, len(calls))
	for _, c := range calls {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, s.timeout)
			defer cancel()
			answer, err := c.run(ctx, s.client)
			results <- result{c, answer, err}
		}()
	}
	var errs []error
	for range calls {
		select {
		case r := <-results:
			if r.err != nil {
				errs = append(errs, r.err)
				continue
			}
			r.call.answer = r.answer
			r.call.read(buckets)
		case <-wait.Done():
			return errors.Join(append(errs, wait.Err())...)
		}
	}
	return errors.Join(errs...)
}

func isRefusal(b ratelimit.Bucket) bool { return b.Short && b.Mode == ratelimit.Enforce }
