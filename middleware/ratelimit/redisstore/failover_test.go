package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startPair starts a master and its replica.
func startPair(t testing.TB) (master, replica *server) {
	t.Helper()
	master = startServer(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(master.addr)
	replica = startServer(t, "--replicaof", host, port)
	c := replica.client()
	require.Eventually(t, func() bool {
		info := c.InfoMap(context.Background(), "replication").Item("Replication", "master_link_status")
		return info == "up"
	}, 20*time.Second, 20*time.Millisecond)
	return master, replica
}

// startSentinel starts a Sentinel that watches the master of a pair, and waits
// until it knows the replica.
func startSentinel(t testing.TB, master *server) *server {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.addr)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor limits %s %s 1\n"+
		"sentinel down-after-milliseconds limits 300\nsentinel failover-timeout limits 5000\n", host, port), 0o600))
	sentinel := launch(t, func(port string) []string {
		return []string{file, "--sentinel", "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir()}
	})
	c := redis.NewSentinelClient(&redis.Options{Addr: sentinel.addr})
	t.Cleanup(func() { _ = c.Close() })
	require.Eventually(t, func() bool {
		replicas, err := c.Replicas(context.Background(), "limits").Result()
		return err == nil && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok"
	}, 20*time.Second, 20*time.Millisecond)
	return sentinel
}

func TestPromotedReplicaKnowsTheBuckets(t *testing.T) {
	t.Parallel()
	master, replica := startPair(t)
	ctx := context.Background()
	q := ratelimit.PerHour(10)
	take(t, patient.New(master.client()), bucket("p", "k", q, 6))
	require.NoError(t, master.client().Wait(ctx, 1, 10*time.Second).Err())

	s := patient.New(replica.client())
	err := s.Take(ctx, []ratelimit.Bucket{bucket("p", "k", q, 1)})
	assert.True(t, redis.HasErrorPrefix(err, "READONLY"), "a replica cannot charge: %v", err)
	master.kill()
	require.NoError(t, replica.client().ReplicaOf(ctx, "NO", "ONE").Err())
	assert.True(t, take(t, s, bucket("p", "k", q, 5))[0].Short)
	assert.False(t, take(t, s, bucket("p", "k", q, 4))[0].Short)
}

func TestSentinelFailoverKeepsTheLimit(t *testing.T) {
	t.Parallel()
	master, _ := startPair(t)
	sentinel := startSentinel(t, master)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "limits", SentinelAddrs: []string{sentinel.addr}})
	t.Cleanup(func() { _ = client.Close() })
	var n counts
	h := n.limit(ratelimit.Options{
		Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(40), Key: byPath}},
		Store:    patient.New(client),
		Replicas: 4,
	})
	for range 15 {
		require.Equal(t, 200, n.get(h, "/x").Code)
	}
	require.Zero(t, n.local.Load())
	require.NoError(t, master.client().Wait(context.Background(), 1, 10*time.Second).Err())

	master.kill()
	for range 5 {
		require.Equal(t, 200, n.get(h, "/x").Code, "from the local share, unless the failover was faster")
	}
	require.Eventually(t, func() bool {
		was := n.local.Load()
		n.get(h, "/probe")
		return n.local.Load() == was
	}, 30*time.Second, 50*time.Millisecond, "the promoted replica decides")

	before := n.passed.Load()
	for range 40 {
		n.get(h, "/x")
	}
	assert.EqualValues(t, 40-15-5, n.passed.Load()-before)
	assert.Zero(t, n.unavailable.Load())
}
