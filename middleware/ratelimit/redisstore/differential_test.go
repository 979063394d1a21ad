package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/internal/redisscript"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onClock sets the time in Redis, as s sees it, to the argument of the result.
// Keys do not expire, since that is by the real time.
func onClock(s *redisstore.Store) (set func(now time.Time) error) {
	text := redisscript.Text
	for old, with := range map[string]string{
		"redis.call('TIME')":        "redis.call('MGET', 'test:s', 'test:us')",
		"math.ceil(debt / 1000000)": "1000000",
	} {
		if !strings.Contains(text, old) {
			panic("the script has no " + old)
		}
		text = strings.Replace(text, old, with, 1)
	}
	s.UseScript(text)
	return func(now time.Time) error {
		return s.Client().MSet(context.Background(), "test:s", now.Unix(), "test:us", now.Nanosecond()/1000).Err()
	}
}

// The oracle is golang.org/x/time/rate, in the memory store: 15,000 random
// calls of one to three buckets, in virtual time, have to be decided alike.
func TestRedisDecidesAsMemoryDoes(t *testing.T) {
	t.Parallel()
	client := startServer(t).client(func(o *redis.Options) { o.PoolSize = 1 })
	require.NoError(t, client.Ping(context.Background()).Err())
	for _, remembering := range []bool{false, true} {
		t.Run(fmt.Sprintf("remembering denials %v", remembering), func(t *testing.T) {
			require.NoError(t, client.FlushAll(context.Background()).Err())
			synctest.Test(t, func(t *testing.T) { compare(t, redisstore.New(client), remembering) })
		})
	}
}

func compare(t *testing.T, store *redisstore.Store, remembering bool) {
	const steps, rounds = 7500, 30
	rnd := rand.New(rand.NewPCG(1, 2))
	setClock := onClock(store)
	memory := ratelimit.NewMemory(1 << 20)
	var quotas []ratelimit.Quota
	seen := map[string]int{}
	for step := range steps {
		if step%(steps/rounds) == 0 {
			quotas = []ratelimit.Quota{randomQuota(rnd), randomQuota(rnd), randomQuota(rnd)}
		}
		if !remembering {
			store.ForgetRefusals()
		}
		ours := randomBuckets(rnd, quotas)
		theirs := slices.Clone(ours)
		require.NoError(t, setClock(time.Now()))
		require.NoError(t, store.Take(t.Context(), ours))
		require.NoError(t, memory.Take(t.Context(), theirs))
		var wait time.Duration
		for i, b := range ours {
			require.Equal(t, theirs[i].Short, b.Short, "step %d, bucket %d: memory %+v, Redis %+v", step, i, theirs[i], b)
			require.InDelta(t, theirs[i].Debt, b.Debt, 1000, "step %d, bucket %d: memory %+v, Redis %+v", step, i, theirs[i], b)
			switch {
			case b.Short:
				seen["short"]++
				unit := float64(b.Quota.Per) / float64(b.Quota.N)
				wait = max(wait, b.Debt-time.Duration(float64(b.Quota.Burst-b.Cost)*unit))
			case b.Cost < 0:
				seen["returned"]++
			case b.Mode == ratelimit.Force:
				seen["forced"]++
			default:
				seen["taken"]++
			}
		}
		if wait > 0 && rnd.IntN(2) == 0 { // until just then, in whole ticks of Redis' clock
			time.Sleep((wait + time.Microsecond - 1).Truncate(time.Microsecond))
			continue
		}
		if rnd.IntN(3) > 0 {
			time.Sleep(time.Duration(rnd.Int64N(int64(quotas[0].Per)/int64(quotas[0].N)+1000) * 2).Truncate(time.Microsecond))
		}
	}
	for _, what := range []string{"short", "returned", "forced", "taken"} {
		assert.Greater(t, seen[what], 300, "%s", what)
	}
	t.Log(seen)
}

func randomQuota(rnd *rand.Rand) ratelimit.Quota {
	per := []time.Duration{time.Millisecond, time.Second, 7 * time.Second, time.Minute, time.Hour, 24 * time.Hour}
	n := 1 + rnd.IntN(40)
	return ratelimit.Quota{N: n, Per: per[rnd.IntN(len(per))], Burst: 1 + rnd.IntN(2*n)}
}

func randomBuckets(rnd *rand.Rand, quotas []ratelimit.Quota) []ratelimit.Bucket {
	var buckets []ratelimit.Bucket
	for i, q := range quotas {
		if rnd.IntN(3) == 0 && (i < 2 || buckets != nil) {
			continue
		}
		b := ratelimit.Bucket{Policy: fmt.Sprint(i), Key: fmt.Sprint(rnd.IntN(2)), Quota: q, Cost: 1}
		switch rnd.IntN(8) {
		case 0:
			b.Cost = 0
		case 1, 2:
			b.Cost = rnd.IntN(q.Burst + 2)
		case 3:
			b.Cost, b.Mode = -1-rnd.IntN(2), ratelimit.Force
		case 4:
			b.Mode = ratelimit.Force
		}
		if b.Mode == ratelimit.Enforce && rnd.IntN(4) == 0 {
			b.Mode = ratelimit.Shadow
		}
		buckets = append(buckets, b)
	}
	return buckets
}
