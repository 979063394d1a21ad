package rueidisstore_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/internal/redisscript"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/ratelimittest"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/rueidisstore"
)

var patient = rueidisstore.Options{Timeout: 5 * time.Second}

// start starts a redis-server on a loopback port that keeps nothing on disk.
func start(t testing.TB, args ...string) (addr string, process *os.Process) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed: apt-get install redis-server")
		}
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	// The port and that of a cluster's bus, 10000 above, are below those that the system
	// gives to connections: one of them could be taken before the server listens.
	var port string
	for {
		port = strconv.Itoa(10_000 + rand.IntN(12_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, l.Close())
			break
		}
	}
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr = net.JoinHostPort("127.0.0.1", port)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return addr, cmd.Process
}

func client(t testing.TB, o rueidis.ClientOption, addrs ...string) rueidis.Client {
	t.Helper()
	o.InitAddress = addrs
	c, err := rueidis.NewClient(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func do(t testing.TB, c rueidis.Client, args ...string) string {
	t.Helper()
	reply := c.Do(context.Background(), c.B().Arbitrary(args...).Build())
	require.NoError(t, reply.Error(), "%v", args)
	s, _ := reply.ToString()
	return s
}

func take(t testing.TB, s ratelimit.Store, buckets ...ratelimit.Bucket) []ratelimit.Bucket {
	t.Helper()
	require.NoError(t, s.Take(context.Background(), buckets))
	return buckets
}

func bucket(policy, key string, n, cost int) ratelimit.Bucket {
	return ratelimit.Bucket{Policy: policy, Key: key, Quota: ratelimit.PerHour(n), Cost: cost}
}

// The clock of Redis is replaced by keys that the test sets. Keys do not
// expire, since that is by the real time.
func TestStoreKeepsTheContract(t *testing.T) {
	addr, _ := start(t)
	c := client(t, rueidis.ClientOption{}, addr)
	text := strings.NewReplacer("redis.call('TIME')", "redis.call('MGET', 'test:s', 'test:us')", "math.ceil(debt / 1000000)", "1000000").Replace(redisscript.Text)
	now := time.Now().Truncate(time.Microsecond)
	advance := func(d time.Duration) {
		now = now.Add(d)
		do(t, c, "MSET", "test:s", strconv.FormatInt(now.Unix(), 10), "test:us", strconv.Itoa(now.Nanosecond()/1000))
	}
	ratelimittest.Suite{
		Open: func(t *testing.T) ratelimit.Store {
			do(t, c, "FLUSHALL")
			advance(0)
			s := patient.New(c)
			s.UseScript(text)
			return s
		},
		Advance: advance,
		Grain:   time.Microsecond,
	}.Run(t)
}

func TestStoreOnOneServer(t *testing.T) {
	addr, _ := start(t)
	s := patient.New(client(t, rueidis.ClientOption{}, addr))
	got := take(t, s, bucket("a", "k", 2, 1), bucket("b", "k", 3, 1), bucket("a", "other", 2, 1))
	for _, b := range got {
		assert.False(t, b.Short)
	}
	take(t, s, bucket("a", "k", 2, 1), bucket("b", "k", 3, 1))
	got = take(t, s, bucket("a", "k", 2, 1), bucket("b", "k", 3, 1))
	assert.True(t, got[0].Short)
	assert.False(t, got[1].Short)
	assert.InDelta(t, 40*time.Minute, got[1].Debt, float64(5*time.Second), "all or none")
	assert.NoError(t, s.Take(t.Context(), nil))
	assert.Error(t, s.Take(t.Context(), []ratelimit.Bucket{{Policy: "p"}}))

	c := client(t, rueidis.ClientOption{}, addr)
	assert.NotEmpty(t, do(t, c, "GET", redisscript.NameOf(rueidisstore.DefaultPrefix, bucket("a", "k", 2, 1)).Full), "the name that redisstore uses")
	do(t, c, "SCRIPT", "FLUSH")
	take(t, s, bucket("a", "k2", 2, 1))
}

func TestStoreOnACluster(t *testing.T) {
	var addrs []string
	var nodes []rueidis.Client
	var processes []*os.Process
	for i := range 2 {
		addr, process := start(t, "--cluster-enabled", "yes", "--cluster-config-file", filepath.Join(t.TempDir(), "nodes.conf"), "--cluster-require-full-coverage", "no")
		c := client(t, rueidis.ClientOption{ForceSingleClient: true}, addr)
		do(t, c, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*8192), strconv.Itoa(i*8192+8191))
		do(t, c, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		addrs, nodes, processes = append(addrs, addr), append(nodes, c), append(processes, process)
	}
	host, port, _ := net.SplitHostPort(addrs[0])
	do(t, nodes[1], "CLUSTER", "MEET", host, port)
	for _, c := range nodes {
		require.Eventually(t, func() bool {
			info := do(t, c, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384")
		}, 20*time.Second, 20*time.Millisecond)
	}
	s := patient.New(client(t, rueidis.ClientOption{}, addrs...))

	t.Run("all or none on several servers", func(t *testing.T) {
		var wide []ratelimit.Bucket
		for i := range 8 {
			wide = append(wide, bucket("p", strconv.Itoa(i), 2, 1))
		}
		take(t, s, bucket("p", "3", 2, 2))
		got := take(t, s, wide...)
		assert.True(t, got[3].Short)
		for i := range 8 {
			if i != 3 {
				assert.Zero(t, take(t, s, bucket("p", strconv.Itoa(i), 2, 0))[0].Debt, "returned")
			}
		}
	})

	t.Run("a slot that moves", func(t *testing.T) {
		from, to := do(t, nodes[0], "CLUSTER", "MYID"), do(t, nodes[1], "CLUSTER", "MYID")
		key, name, slot := "", "", int64(8192)
		for i := 0; slot >= 8192; i++ { // a slot of the first server
			key = "moving" + strconv.Itoa(i)
			name = redisscript.NameOf(rueidisstore.DefaultPrefix, bucket("one", key, 100, 1)).Full
			var err error
			slot, err = nodes[0].Do(t.Context(), nodes[0].B().ClusterKeyslot().Key(name).Build()).AsInt64()
			require.NoError(t, err)
		}
		take(t, s, bucket("one", key, 100, 1), bucket("two", key, 100, 1))
		number := strconv.FormatInt(slot, 10)
		do(t, nodes[1], "CLUSTER", "SETSLOT", number, "IMPORTING", from)
		do(t, nodes[0], "CLUSTER", "SETSLOT", number, "MIGRATING", to)
		host, port, _ := net.SplitHostPort(addrs[1])
		do(t, nodes[0], "MIGRATE", host, port, name, "0", "5000")
		got := take(t, s, bucket("one", key, 100, 1), bucket("two", key, 100, 1), bucket("three", key, 100, 1))
		for i, units := range []int{2, 2, 1} {
			assert.InDelta(t, time.Duration(units)*36*time.Second, got[i].Debt, float64(5*time.Second), "charged once")
		}
	})

	t.Run("a server that is gone leaves the others", func(t *testing.T) {
		s := rueidisstore.New(client(t, rueidis.ClientOption{}, addrs...))
		keyOn := func(node int) string {
			for i := 0; ; i++ {
				k := strconv.Itoa(i)
				name := redisscript.NameOf(rueidisstore.DefaultPrefix, bucket("p", k, 1000, 0))
				slot, err := nodes[0].Do(t.Context(), nodes[0].B().ClusterKeyslot().Key(name.Full).Build()).AsInt64()
				require.NoError(t, err)
				require.EqualValues(t, slot, rueidisstore.SlotOf(name.Slot))
				if int(slot)/8192 == node {
					return k
				}
			}
		}
		alive, dead, locals := keyOn(0), keyOn(1), 0
		l := ratelimit.NewLimiter(ratelimit.Options{
			Policies:   []ratelimit.Policy{{Name: "p", Quota: ratelimit.PerHour(1000), Key: func(r *http.Request) string { return r.Header.Get("X-User") }}},
			Store:      s,
			OnDecision: func(_ *http.Request, d ratelimit.Decision) { locals += len(d.Verdicts) * btoi(d.Err != nil) },
		})
		check := func(user string) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("X-User", user)
			_, _ = l.Check(r)
		}
		require.NoError(t, processes[1].Signal(syscall.SIGSTOP))
		check(dead)
		require.Equal(t, 1, locals)
		for range 20 {
			check(alive)
		}
		assert.Equal(t, 1, locals, "Redis decides")
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestStoreThatCannotBeReached(t *testing.T) {
	addr, process := start(t)
	c := client(t, rueidis.ClientOption{}, addr)
	s := rueidisstore.New(c)
	take(t, patient.New(c), bucket("p", "k", 100, 1))

	do(t, c, "CONFIG", "SET", "maxmemory", "1")
	assert.ErrorIs(t, s.Take(t.Context(), []ratelimit.Bucket{bucket("p", "k2", 100, 1)}), ratelimit.ErrReply, "it replies")
	do(t, c, "CONFIG", "SET", "maxmemory", "0")

	require.NoError(t, process.Signal(syscall.SIGSTOP))
	began := time.Now()
	err := s.Take(t.Context(), []ratelimit.Bucket{bucket("p", "k", 100, 1)})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, ratelimit.ErrReply)
	assert.Less(t, time.Since(began), 2*time.Second)
	require.NoError(t, process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool {
		return s.Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", 100, 1)}) == nil
	}, 5*time.Second, 10*time.Millisecond)
}

func TestInvalidOptionsPanic(t *testing.T) {
	assert.Panics(t, func() { rueidisstore.New(nil) })
	addr, _ := start(t)
	c := client(t, rueidis.ClientOption{}, addr)
	assert.Panics(t, func() { rueidisstore.Options{Prefix: "{"}.New(c) })
	assert.Panics(t, func() { rueidisstore.Options{Timeout: -1}.New(c) })
}
