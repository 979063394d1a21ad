package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/ratelimittest"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/require"
)

// clocked is a store whose Redis has the time of the bubble that it is in.
type clocked struct {
	*redisstore.Store
	set func(time.Time) error
}

func (c clocked) Take(ctx context.Context, buckets []ratelimit.Bucket) error {
	if err := c.set(time.Now()); err != nil {
		return err
	}
	return c.Store.Take(ctx, buckets)
}

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	client := startServer(t).client()
	ctx := context.Background()
	require.NoError(t, client.Ping(ctx).Err())
	for _, row := range []struct {
		name string
		open func() *redisstore.Store
	}{
		{"together", func() *redisstore.Store { return redisstore.New(client) }},
		{"split by slots", func() *redisstore.Store {
			s := redisstore.New(client)
			s.SplitBySlots()
			return s
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			ratelimittest.Suite{
				Open: func(t *testing.T) ratelimit.Store {
					require.NoError(t, client.FlushAll(ctx).Err())
					s := row.open()
					return clocked{s, onClock(s)}
				},
				Grain: time.Microsecond,
			}.Run(t)
		})
	}
}
