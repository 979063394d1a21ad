package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/internal/redisscript"
)

var takeScript = newScript(redisscript.Text)

// script is the text of a script, and the name that Redis knows it by once it
// has seen it.
type script struct{ text, hash string }

func newScript(text string) script { return script{text, redis.NewScript(text).Hash()} }

// call is one run of the script: for buckets in one slot, or for all where
// there are no slots.
type call struct {
	script  script
	name    string // the first of keys
	indices []int  // of the buckets, in the slice that Take got
	keys    []any
	args    []any
	reply   []int64 // for each bucket its debt in nanoseconds, and 1 if it was short; nil if none came in time
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

// run returns the reply of Redis, whose server may not know the script: after
// a restart, a failover or a SCRIPT FLUSH.
func (c *call) run(ctx context.Context, s *Store) (reply []int64, err error) {
	err = s.fresh(ctx, func() error {
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

func (c *call) send(ctx context.Context, client redis.UniversalClient, name, what string) ([]int64, error) {
	args := make([]any, 0, 3+len(c.keys)+len(c.args))
	args = append(args, name, what, len(c.keys))
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

// NoRetry is asked by go-redis.
func (once) NoRetry() bool { return true }

// read copies the reply to the buckets.
func (c *call) read(buckets []ratelimit.Bucket) {
	for n, i := range c.indices {
		redisscript.Read(c.reply, n, &buckets[i])
	}
}
