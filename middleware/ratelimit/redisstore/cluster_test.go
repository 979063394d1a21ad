package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startCluster starts a cluster of so many masters, without replicas.
func startCluster(t testing.TB, masters int) []*server {
	t.Helper()
	ctx := context.Background()
	var nodes []*server
	for i := range masters {
		srv := startServer(t, "--cluster-enabled", "yes", "--cluster-config-file", filepath.Join(t.TempDir(), "nodes.conf"),
			"--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no")
		nodes = append(nodes, srv)
		c := srv.client()
		require.NoError(t, c.ClusterAddSlotsRange(ctx, i*16384/masters, (i+1)*16384/masters-1).Err())
		require.NoError(t, c.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		if i > 0 {
			host, port, _ := net.SplitHostPort(nodes[0].addr)
			require.NoError(t, c.ClusterMeet(ctx, host, port).Err())
		}
	}
	for _, srv := range nodes {
		c := srv.client()
		require.Eventually(t, func() bool {
			info := c.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", masters))
		}, 20*time.Second, 20*time.Millisecond)
	}
	return nodes
}

// keyOn returns a key whose buckets are on the master number i of three.
func keyOn(t testing.TB, s *redisstore.Store, i int) string {
	t.Helper()
	for n := range 1000 {
		k := fmt.Sprint("key", n)
		slot := slotOf(t, s, k)
		if slot*3/16384 == i {
			return k
		}
	}
	t.Fatal("no such key")
	return ""
}

func slotOf(t testing.TB, s *redisstore.Store, k string) int {
	t.Helper()
	slot, err := s.Client().ClusterKeySlot(context.Background(), s.Key(bucket("p", k, hour, 1))).Result()
	require.NoError(t, err)
	return int(slot)
}

// clusterPermissions are those that the package documentation adds for a
// cluster's client.
var clusterPermissions = []any{"+cluster|slots"}

func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 3)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr, nodes[1].addr, nodes[2].addr}})
	t.Cleanup(func() { _ = client.Close() })
	s := patient.New(client)
	ctx := context.Background()
	keys := []string{keyOn(t, s, 0), keyOn(t, s, 1), keyOn(t, s, 2)}
	q := ratelimit.PerHour(3)
	calls := func() (n int) {
		for _, srv := range nodes {
			n += srv.calls()
		}
		return n
	}

	t.Run("a restricted user is enough", func(t *testing.T) {
		for _, srv := range nodes {
			user := append([]any{"ACL", "SETUSER", "limiter", "reset", "on", ">secret"}, permissions...)
			require.NoError(t, srv.client().Do(ctx, append(user, clusterPermissions...)...).Err())
		}
		restricted := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr}, Username: "limiter", Password: "secret"})
		defer restricted.Close()
		for _, k := range keys {
			assert.False(t, take(t, patient.New(restricted), bucket("restricted", k, q, 1))[0].Short)
		}
	})

	t.Run("all buckets of a key are one call", func(t *testing.T) {
		takeThree := func(k string) {
			take(t, s, bucket("one", k, ratelimit.PerHour(100), 1), bucket("two", k, ratelimit.PerMinute(100), 1), bucket("three", k, ratelimit.PerSecond(100), 1))
		}
		for _, k := range keys {
			takeThree(k) // which also teaches the script
		}
		before := calls()
		for _, k := range keys {
			takeThree(k)
		}
		assert.Equal(t, before+3, calls())
	})

	t.Run("buckets of several servers are charged all or none", func(t *testing.T) {
		one, two, three := bucket("p", keys[0], q, 1), bucket("p", keys[1], q, 1), bucket("p", keys[2], q, 1)
		take(t, s, two)
		take(t, s, two)
		for range 3 {
			got := take(t, s, one, two, three)
			s.ForgetRefusals()
			if got[1].Short {
				assert.False(t, got[0].Short)
				assert.False(t, got[2].Short)
			}
		}
		for i, k := range keys {
			got := take(t, s, bucket("p", k, q, 0))[0]
			want := time.Duration([]int{1, 3, 1}[i]) * 20 * time.Minute
			assert.InDelta(t, want, got.Debt, float64(time.Minute), "charged once by the one call that passed, and returned by the others")
		}
	})

	t.Run("a refusal reports what is left after the units came back", func(t *testing.T) {
		s.ForgetRefusals()
		got := take(t, s, bucket("p", keys[0], q, 1), bucket("p", keys[1], q, 1))
		assert.True(t, got[1].Short)
		assert.InDelta(t, 20*time.Minute, got[0].Debt, float64(time.Minute))
	})

	t.Run("a shadow on another server has no influence", func(t *testing.T) {
		s.ForgetRefusals()
		shadow := bucket("p", keys[1], q, 1)
		shadow.Mode = ratelimit.Shadow
		got := take(t, s, bucket("p", keys[0], q, 1), shadow)
		assert.False(t, got[0].Short)
		assert.True(t, got[1].Short)
		assert.InDelta(t, 40*time.Minute, got[0].Debt, float64(time.Minute))
	})

	t.Run("a script that one server forgot is taught again", func(t *testing.T) {
		require.NoError(t, nodes[2].client().ScriptFlush(ctx).Err())
		s.ForgetRefusals()
		got := take(t, s, bucket("q", keys[0], q, 1), bucket("q", keys[2], q, 1))
		for _, b := range got {
			assert.InDelta(t, 20*time.Minute, b.Debt, float64(time.Minute), "charged once")
		}
	})

	t.Run("a server that is gone makes an error, and the others return units", func(t *testing.T) {
		nodes[1].kill()
		late := measureLateness(t)
		for range 2 {
			begin := time.Now()
			err := redisstore.New(client).Take(ctx, []ratelimit.Bucket{bucket("r", keys[0], q, 1), bucket("r", keys[1], q, 1)})
			assert.Error(t, err)
			assert.Less(t, time.Since(begin), late.allow(redisstore.DefaultTimeout))
		}
		require.Eventually(t, func() bool { // returned after the response
			b := []ratelimit.Bucket{bucket("r", keys[0], q, 0)}
			return s.Take(ctx, b) == nil && b[0].Debt == 0
		}, 5*time.Second, 20*time.Millisecond)
		assert.False(t, take(t, s, bucket("r", keys[2], q, 1))[0].Short, "the other servers go on")
	})
}

func TestSingleClientOfAClusterFindsTheSlots(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 1)
	s := patient.New(nodes[0].client())
	q := ratelimit.PerHour(3)
	for range 2 {
		got := take(t, s, bucket("p", "a", q, 1), bucket("p", "b", q, 1), bucket("p", "c", q, 1))
		assert.Len(t, got, 3)
	}
	for _, b := range take(t, s, bucket("p", "a", q, 0), bucket("p", "b", q, 0), bucket("p", "c", q, 0)) {
		assert.InDelta(t, 40*time.Minute, b.Debt, float64(time.Minute))
	}
}
