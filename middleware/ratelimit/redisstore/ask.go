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
	s.run(ctx, ctx, calls, buckets)
	switch {
	case len(calls) == 1 && redis.HasErrorPrefix(calls[0].err, "CROSSSLOT"):
		// A single client, but of a cluster or of a proxy in front of one.
		s.sharded.Store(true)
		calls = s.split(keys, buckets)
		s.run(ctx, ctx, calls, buckets)
	case slices.ContainsFunc(calls, (*call).torn):
		calls = s.runTorn(ctx, calls, keys, buckets)
	}
	err := failures(calls)
	if len(calls) == 1 || err == nil && !slices.ContainsFunc(buckets, isRefusal) {
		return err
	}
	return errors.Join(err, s.undo(ctx, keys, buckets, calls))
}

// torn reports whether the call was for a slot that is moving to another server
// and has some of its buckets here and some there. Nothing was charged then.
func (c *call) torn() bool { return len(c.indices) > 1 && redis.HasErrorPrefix(c.err, "TRYAGAIN") }

// runTorn makes a call for each bucket of the calls that were torn, which finds
// the server of each, and returns all calls.
func (s *Store) runTorn(ctx context.Context, calls []*call, keys []key, buckets []ratelimit.Bucket) []*call {
	var all, again []*call
	for _, c := range calls {
		if !c.torn() {
			all = append(all, c)
			continue
		}
		for _, i := range c.indices {
			one := &call{script: s.script}
			one.add(i, keys[i], &buckets[i])
			again = append(again, one)
		}
	}
	s.run(ctx, ctx, again, buckets)
	return append(all, again...)
}

// failures returns what went wrong with the calls.
func failures(calls []*call) error {
	var errs []error
	for _, c := range calls {
		errs = append(errs, c.err)
	}
	return errors.Join(errs...)
}

// undo gives back what some of the calls have charged. Nothing may cut that
// short: if the time of the request is over, it goes on without it.
func (s *Store) undo(ctx context.Context, keys []key, buckets []ratelimit.Bucket, calls []*call) error {
	var back []ratelimit.Bucket
	var from []int
	var undone []*call
	for _, c := range calls {
		if c.reply == nil || slices.ContainsFunc(c.indices, func(i int) bool { return isRefusal(buckets[i]) }) {
			continue // it has charged nothing, as far as we know
		}
		undo := &call{script: s.script}
		for _, i := range c.indices {
			if b := buckets[i]; b.Cost != 0 && !b.Short {
				b.Cost, b.Mode = -b.Cost, ratelimit.Force
				undo.add(len(back), keys[i], &b)
				back, from = append(back, b), append(from, i)
			}
		}
		if undo.indices != nil {
			undone = append(undone, undo)
		}
	}
	if back == nil {
		return nil
	}
	s.run(ctx, context.WithoutCancel(ctx), undone, back)
	for n, i := range from {
		buckets[i].Debt = back[n].Debt
	}
	return failures(undone)
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

// run makes the calls under ctx, and copies the results that arrive before wait
// is done to the buckets.
//
// It waits for goroutines, unless the client is prompt: one that is not looks
// at the context too late or never, and a request must not wait for that.
func (s *Store) run(wait, ctx context.Context, calls []*call, buckets []ratelimit.Bucket) {
	if s.prompt && !s.sharded.Load() && len(calls) == 1 {
		reply, err := calls[0].run(wait, s)
		s.conclude(calls[0], reply, err, buckets)
		return
	}
	type result struct {
		call  *call
		reply []int64
		err   error
	}
	results := make(chan result, len(calls))
	for _, c := range calls {
		c.err = errNoReply
		go func() {
			ctx, cancel := context.WithTimeout(ctx, s.timeout)
			defer cancel()
			reply, err := c.run(ctx, s)
			results <- result{c, reply, err}
		}()
	}
	for range calls {
		select {
		case r := <-results:
			s.conclude(r.call, r.reply, r.err, buckets)
		case <-wait.Done():
			for _, c := range calls {
				if c.err == errNoReply {
					s.conclude(c, nil, wait.Err(), buckets)
				}
			}
			return
		}
	}
}

// errNoReply is the error of a call that is under way.
var errNoReply = errors.New("no reply yet")

// conclude notes how a call ended.
func (s *Store) conclude(c *call, reply []int64, err error, buckets []ratelimit.Bucket) {
	if c.err = s.explain(c, err); err == nil {
		c.reply = reply
		c.read(buckets)
	}
}

func isRefusal(b ratelimit.Bucket) bool { return b.Short && b.Mode == ratelimit.Enforce }
