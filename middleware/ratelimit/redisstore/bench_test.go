package redisstore_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
)

// A request with three policies, for one of a thousand keys. The baseline is a
// PING on the same connection: what the round trip takes by itself. A denied
// request makes none.
func BenchmarkTake(b *testing.B) {
	client := startServer(b).client(func(o *redis.Options) { o.PoolSize, o.ContextTimeoutEnabled = 32, true })
	plain := startServer(b).client(func(o *redis.Options) { o.PoolSize = 32 })
	ctx := context.Background()
	var n atomic.Int64
	takeThree := func(s *redisstore.Store, q ratelimit.Quota) func() error {
		return func() error {
			k := strconv.FormatInt(n.Add(1)%1000, 10)
			return s.Take(ctx, []ratelimit.Bucket{bucket("a", k, q, 1), bucket("b", k, q, 1), bucket("c", k, q, 1)})
		}
	}
	for _, row := range []struct {
		name string
		call func() error
	}{
		{"ping", func() error { return client.Ping(ctx).Err() }},
		{"granted", takeThree(patient.New(client), ratelimit.PerSecond(1_000_000))},
		{"granted, by a client without ContextTimeoutEnabled", takeThree(patient.New(plain), ratelimit.PerSecond(1_000_000))},
		{"denied", takeThree(patient.New(client), ratelimit.Quota{N: 1, Per: 1 << 50, Burst: 1})},
	} {
		b.Run(row.name+"/1 client", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := row.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(row.name+"/16 clients per processor", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := row.call(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
