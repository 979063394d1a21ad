package redisstore_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The figures of each outage, before and after limits had a breaker for each
// server, for PerHour(100) and two replicas:
//
//	                                          before    after
//	store that fails after 100 ms, 20 s       950       50    admitted
//	Redis stopped, 20 s                       400       50    admitted
//	one slot of a cluster moves               all       none  of the clients without Redis
//	8 stale connections, to a read-only one   8 s       0 s   without Redis
//	8 stale connections, to nowhere           9 s       1 s   without Redis

// untilShared calls send until Redis decides again, and returns how long that took.
func untilShared(t testing.TB, n *counts, send func()) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < 20*time.Second {
		was := n.local.Load()
		send()
		if n.local.Load() == was {
			return time.Since(began)
		}
		<-after(5 * time.Millisecond)
	}
	t.Fatal("Redis does not decide again")
	return 0
}

func TestSlotThatMovesCausesNoOutage(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr, nodes[1].addr}})
	t.Cleanup(func() { _ = client.Close() })
	s, ctx := patient.New(client), context.Background()
	q := ratelimit.PerHour(100)

	moving := "key0"
	for i := 0; slotOf(t, s, moving) >= 8192; i++ {
		moving = "key" + strconv.Itoa(i)
	}
	take(t, s, bucket("one", moving, q, 1), bucket("two", moving, q, 1))
	from, to := nodes[0].client(), nodes[1].client()
	slot := slotOf(t, s, moving)
	require.NoError(t, to.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.ClusterMyID(ctx).Val()).Err())
	require.NoError(t, from.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.ClusterMyID(ctx).Val()).Err())
	host, port, _ := net.SplitHostPort(nodes[1].addr)
	require.NoError(t, from.Migrate(ctx, host, port, s.Key(bucket("one", moving, q, 0)), 0, 5*time.Second).Err())

	t.Run("the store decides by each server", func(t *testing.T) {
		got := take(t, s, bucket("one", moving, q, 1), bucket("two", moving, q, 1), bucket("three", moving, q, 1))
		for i, units := range []int{2, 2, 1} {
			assert.False(t, got[i].Short)
			assert.InDelta(t, time.Duration(units)*36*time.Second, got[i].Debt, float64(5*time.Second), "charged once")
		}
		got = take(t, s, bucket("one", moving, q, 1), bucket("two", moving, q, 99))
		assert.True(t, got[1].Short)
		got = take(t, s, bucket("one", moving, q, 0))
		assert.InDelta(t, 2*36*time.Second, got[0].Debt, float64(5*time.Second), "returned, since the other one refused")
	})

	t.Run("no client is without Redis", func(t *testing.T) {
		var n counts
		h := n.limit(ratelimit.Options{
			Policies: []ratelimit.Policy{{Name: "one", Quota: q, Key: byPath}, {Name: "two", Quota: q, Key: byPath}},
			Store:    s,
			Replicas: 2,
		})
		for i := range 50 {
			n.get(h, "/"+strconv.Itoa(i))
		}
		assert.EqualValues(t, 50, n.passed.Load())
		assert.Zero(t, n.local.Load())
	})
}

func TestClusterServerThatIsGoneLeavesTheOthers(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 3)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr, nodes[1].addr, nodes[2].addr}})
	t.Cleanup(func() { _ = client.Close() })
	s := redisstore.New(client)
	var n counts
	h := n.limit(ratelimit.Options{Policies: []ratelimit.Policy{{Name: "p", Quota: ratelimit.PerHour(1000), Key: byPath}}, Store: s, Replicas: 2})
	path := func(node int) string { // whose bucket is on the node
		for i := 0; ; i++ {
			if p := "/" + strconv.Itoa(i); slotOf(t, s, p)*3/16384 == node {
				return p
			}
		}
	}
	alive, dead := path(0), path(1)
	require.Equal(t, 200, n.get(h, alive).Code)
	require.Equal(t, 200, n.get(h, dead).Code)
	nodes[1].pause()
	defer nodes[1].resume()
	n.get(h, dead)
	require.EqualValues(t, 1, n.local.Load())
	for range 50 {
		n.get(h, alive)
		before := n.local.Load()
		n.get(h, dead)
		require.Equal(t, before+1, n.local.Load(), "decided here, without waiting")
	}
	assert.EqualValues(t, 51, n.local.Load(), "none of those on the other servers")
}

func TestStaleConnectionsCostNoSecondEach(t *testing.T) {
	const stale = 8
	for _, row := range []struct {
		name    string
		silence bool
		prompt  bool
		most    time.Duration
	}{
		{"to a server that was demoted", false, false, 0},
		{"to nowhere", true, false, 3 * time.Second},
		{"to nowhere, with ContextTimeoutEnabled", true, true, 3 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			master, replica := startPair(t)
			f := newForwarder(t, master.addr)
			client := master.client(func(o *redis.Options) { o.Addr, o.PoolSize, o.ContextTimeoutEnabled = f.addr, 2*stale, row.prompt })
			var n counts
			h := n.limit(ratelimit.Options{
				Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1000), Key: byPath}},
				Store:    redisstore.New(client),
				Replicas: 2,
			})
			require.Equal(t, 200, n.get(h, "/x").Code)
			fillPool(t, client, stale)

			ctx := context.Background()
			require.NoError(t, replica.client().ReplicaOf(ctx, "NO", "ONE").Err())
			host, port, _ := net.SplitHostPort(replica.addr)
			require.NoError(t, master.client().ReplicaOf(ctx, host, port).Err())
			f.point(replica.addr, row.silence)

			took := untilShared(t, &n, func() { n.get(h, "/x") })
			t.Logf("%v without Redis, %d requests", took, n.local.Load())
			if row.most == 0 {
				assert.Zero(t, n.local.Load(), "the same request finds a new connection")
				return
			}
			assert.Less(t, took, row.most, "not a second for each of %d", stale)
			was := n.local.Load()
			for range 50 {
				n.get(h, "/x")
			}
			assert.Equal(t, was, n.local.Load(), "no stale connection is left")
		})
	}
}

func TestReplyWithoutADecisionIsNotAnOutage(t *testing.T) {
	for _, row := range []struct {
		name       string
		fail, mend func(t *testing.T, c *redis.Client)
	}{
		{"the memory is full", func(t *testing.T, c *redis.Client) {
			require.NoError(t, c.ConfigSet(context.Background(), "maxmemory", "1").Err())
		}, func(t *testing.T, c *redis.Client) {
			require.NoError(t, c.ConfigSet(context.Background(), "maxmemory", "0").Err())
		}},
		{"writes are not safe", func(t *testing.T, c *redis.Client) {
			require.NoError(t, c.ConfigSet(context.Background(), "min-replicas-to-write", "1").Err())
		}, func(t *testing.T, c *redis.Client) {
			require.NoError(t, c.ConfigSet(context.Background(), "min-replicas-to-write", "0").Err())
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			s := patient.New(srv.client())
			var n counts
			h := n.limit(ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(100), Key: byPath}}, Store: s, Replicas: 2})
			require.Equal(t, 200, n.get(h, "/x").Code)
			row.fail(t, srv.client())
			for range 10 {
				require.Equal(t, 200, n.get(h, "/x").Code)
			}
			assert.EqualValues(t, 10, n.local.Load(), "decided here")
			err := s.Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", hour, 1)})
			require.ErrorIs(t, err, ratelimit.ErrReply)
			row.mend(t, srv.client())
			n.get(h, "/x")
			assert.EqualValues(t, 10, n.local.Load(), "by Redis, at once")
		})
	}
}

func TestReadOnlyServerIsProbedOnceASecond(t *testing.T) {
	t.Parallel()
	_, replica := startPair(t)
	client := replica.client()
	var n counts
	h := n.limit(ratelimit.Options{Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1000), Key: byPath}}, Store: patient.New(client), Replicas: 2})
	for range 100 {
		n.get(h, "/x")
	}
	assert.EqualValues(t, 100, n.local.Load())
	assert.Less(t, client.PoolStats().Misses, uint32(20), "each time the client has to connect again")
	require.NoError(t, replica.client().ReplicaOf(context.Background(), "NO", "ONE").Err())
	assert.Less(t, untilShared(t, &n, func() { n.get(h, "/x") }), 3*time.Second)
}

func TestStoppedRedisGrantsNoMoreThanTheShare(t *testing.T) {
	for _, row := range []struct {
		name string
		stop func(*server)
	}{
		{"stopped", (*server).pause},
		{"killed", (*server).kill},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			var n counts
			h := n.limit(ratelimit.Options{
				Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(100), Key: byPath}},
				Store:    redisstore.New(srv.client()),
				Replicas: 2,
			})
			row.stop(srv)
			n.load(h, "/x", 20, after(3500*time.Millisecond))()
			assert.EqualValues(t, 50, n.passed.Load(), "half of the quota, however often Redis was called")
			assert.Greater(t, n.refused.Load(), int64(100))
			if row.name == "stopped" {
				srv.resume()
			}
		})
	}
}

func TestRingShardThatIsGoneLeavesTheOthers(t *testing.T) {
	t.Parallel()
	one, two := startServer(t), startServer(t)
	ring := redis.NewRing(&redis.RingOptions{
		Addrs:              map[string]string{"one": one.addr, "two": two.addr},
		HeartbeatFrequency: time.Hour, // by itself it would move the keys to the other one
	})
	t.Cleanup(func() { _ = ring.Close() })
	s := redisstore.New(ring)
	keyOn := func(srv *server) string {
		for i := 0; ; i++ {
			if p := "/" + strconv.Itoa(i); s.Part(bucket("p", p, hour, 1)) == srv.addr {
				return p
			}
		}
	}
	alive, dead := keyOn(one), keyOn(two)
	got := take(t, patient.New(ring), bucket("p", alive, hour, 1), bucket("p", dead, hour, 1))
	assert.False(t, got[0].Short || got[1].Short)

	var n counts
	h := n.limit(ratelimit.Options{Policies: []ratelimit.Policy{{Name: "p", Quota: ratelimit.PerHour(1000), Key: byPath}}, Store: s, Replicas: 2})
	two.pause()
	defer two.resume()
	n.get(h, dead)
	require.EqualValues(t, 1, n.local.Load())
	for range 20 {
		n.get(h, alive)
	}
	assert.EqualValues(t, 1, n.local.Load())
}
