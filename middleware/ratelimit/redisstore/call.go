package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/internal/redisscript"
)

// decide lets Redis decide the buckets, all or none, and returns in time.
//
// If they are in several slots, there is a call for each, all at once. If one
// refuses, a second call returns the units to the others.
func (s *Store) decide(ctx context.Context, keys []key, buckets []ratelimit.Bucket) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	calls := s.callsFor(keys, buckets)
	s.run(ctx, ctx, calls, buckets)
	switch {
	case len(calls) == 1 && redis.HasErrorPrefix(calls[0].err, "CROSSSLOT"):
		// The server belongs to a cluster, or is a proxy in front of one.
		s.sharded.Store(true)
		calls = s.callsFor(keys, buckets)
		s.run(ctx, ctx, calls, buckets)
	case slices.ContainsFunc(calls, (*call).split):
		calls = s.runSplit(ctx, calls, keys, buckets)
	}
	err := failures(calls)
	if len(calls) == 1 || err == nil && !slices.ContainsFunc(buckets, isRefusal) {
		return err
	}
	return errors.Join(err, s.undo(ctx, keys, buckets, calls))
}

// split reports whether the call was for a slot that is moving to another server,
// with its buckets on both. Then nothing was charged.
func (c *call) split() bool { return len(c.indices) > 1 && redis.HasErrorPrefix(c.err, "TRYAGAIN") }

// runSplit makes a call for each bucket of the calls that were split, which finds
// the server of each, and returns all calls.
func (s *Store) runSplit(ctx context.Context, calls []*call, keys []key, buckets []ratelimit.Bucket) []*call {
	var all, again []*call
	for _, c := range calls {
		if !c.split() {
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

// failures returns the errors of the calls.
func failures(calls []*call) error {
	var errs []error
	for _, c := range calls {
		errs = append(errs, c.err)
	}
	return errors.Join(errs...)
}

// undo returns the units that some of the calls have charged. It is not canceled with
// the request: if the time of that is over, it continues in the background.
func (s *Store) undo(ctx context.Context, keys []key, buckets []ratelimit.Bucket, calls []*call) error {
	var back []ratelimit.Bucket
	var from []int
	var undone []*call
	for _, c := range calls {
		if c.reply == nil || slices.ContainsFunc(c.indices, func(i int) bool { return isRefusal(buckets[i]) }) {
			continue // it has charged nothing, or the reply is not known
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

// callsFor makes a call for all buckets, or one for each slot.
func (s *Store) callsFor(keys []key, buckets []ratelimit.Bucket) []*call {
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

// run makes the calls under ctx, and copies the replies that arrive before wait is
// done to the buckets.
//
// It uses goroutines unless the client is prompt: other clients observe the context
// too late or never, and a request must not wait for that.
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

// errNoReply is the error of a call that has not returned.
var errNoReply = errors.New("no reply yet")

// conclude stores the result of a call.
func (s *Store) conclude(c *call, reply []int64, err error, buckets []ratelimit.Bucket) {
	if c.err = s.explain(c, err); err == nil {
		c.reply = reply
		c.read(buckets)
	}
}

func isRefusal(b ratelimit.Bucket) bool { return b.Short && b.Mode == ratelimit.Enforce }

var takeScript = newScript(redisscript.Text)

// script is the text of a script, and the hash by which Redis knows it once it has
// loaded it.
type script struct{ text, hash string }

func newScript(text string) script { return script{text, redis.NewScript(text).Hash()} }

// call is one run of the script: for the buckets in one slot, or for all buckets if
// there are no slots.
type call struct {
	script  script
	name    string // the first of keys
	indices []int  // of the buckets, in the slice passed to Take
	keys    []any
	args    []any
	reply   []int64 // for each bucket its debt in nanoseconds, and 1 if it was short; nil if there was none in time
	err     error
}

func (c *call) add(i int, k key, b *ratelimit.Bucket) {
	if c.keys == nil {
		c.name = k.name
	}
	c.indices = append(c.indices, i)
	c.keys = append(c.keys, k.name)
	for _, arg := range redisscript.Args(*b) {
		c.args = append(c.args, arg)
	}
}

// run returns the reply of Redis. It loads the script if the server does not know
// it, as after a restart, a failover or a SCRIPT FLUSH.
func (c *call) run(ctx context.Context, s *Store) (reply []int64, err error) {
	err = s.retryReadOnly(ctx, func() error {
		reply, err = c.send(ctx, s.client, "evalsha", c.script.hash)
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			reply, err = c.send(ctx, s.client, "eval", c.script.text)
		}
		return err
	})
	if err == nil && len(reply) != 2*len(c.indices) {
		err = fmt.Errorf("%d numbers in the reply for %d buckets", len(reply), len(c.indices))
	}
	return reply, err
}

func (c *call) send(ctx context.Context, client redis.UniversalClient, name, script string) ([]int64, error) {
	args := make([]any, 0, 3+len(c.keys)+len(c.args))
	args = append(args, name, script, len(c.keys))
	args = append(args, c.keys...)
	args = append(args, c.args...)
	cmd := once{redis.NewCmd(ctx, args...)}
	if err := client.Process(ctx, cmd); err != nil {
		return nil, err
	}
	return cmd.Int64Slice()
}

// once is a command that the client does not repeat by itself: Redis may have
// run it although the reply was lost, and would charge twice.
type once struct{ *redis.Cmd }

// NoRetry is called by go-redis.
func (once) NoRetry() bool { return true }

// read copies the reply to the buckets.
func (c *call) read(buckets []ratelimit.Bucket) {
	for n, i := range c.indices {
		redisscript.Read(c.reply, n, &buckets[i])
	}
}
