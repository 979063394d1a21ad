package redisstore_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patient gives the tests that are not about time enough of it, on a machine
// that has other things to do.
var patient = redisstore.Options{Timeout: 5 * time.Second}

func bucket(policy, key string, q ratelimit.Quota, cost int) ratelimit.Bucket {
	return ratelimit.Bucket{Policy: policy, Key: key, Quota: q, Cost: cost}
}

// take calls s.Take, and returns the buckets with the results.
func take(t testing.TB, s *redisstore.Store, buckets ...ratelimit.Bucket) []ratelimit.Bucket {
	t.Helper()
	require.NoError(t, s.Take(context.Background(), buckets))
	return buckets
}

func TestInvalidOptionsPanic(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	assert.PanicsWithValue(t, "redisstore: the client is nil", func() { redisstore.New(nil) })
	assert.PanicsWithValue(t, `redisstore: Prefix = "{a}": braces are not allowed`, func() { redisstore.Options{Prefix: "{a}"}.New(client) })
	assert.PanicsWithValue(t, "redisstore: Timeout = -1s: a positive duration is required", func() { redisstore.Options{Timeout: -time.Second}.New(client) })
}

func TestTakeReturnsAnErrorForAnInvalidQuota(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	err := redisstore.New(client).Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", ratelimit.Quota{}, 1)})
	assert.ErrorContains(t, err, `redisstore: policy "p": invalid quota`)
	assert.NoError(t, redisstore.New(client).Take(context.Background(), nil), "there is nothing to decide")
}

func TestTakeIsOneRoundTripForAllPolicies(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	takeThree := func() {
		take(t, s, bucket("a", "x", ratelimit.PerHour(100), 1), bucket("b", "y", ratelimit.PerHour(100), 1), bucket("c", "z", ratelimit.PerHour(100), 1))
	}
	takeThree() // which also teaches Redis the script
	before := srv.calls()
	for range 10 {
		takeThree()
	}
	assert.Equal(t, before+10, srv.calls())
}

func TestTakeLoadsTheScriptIfRedisForgotIt(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.PerHour(10)
	take(t, s, bucket("p", "k", q, 1))
	require.NoError(t, srv.client().ScriptFlush(context.Background()).Err())
	b := take(t, s, bucket("p", "k", q, 1))
	assert.InDelta(t, 12*time.Minute, b[0].Debt, float64(5*time.Second), "charged twice in two calls")
}

func TestPrefixAndQuotaSeparateBuckets(t *testing.T) {
	srv := startServer(t)
	one, two := patient.New(srv.client()), redisstore.Options{Prefix: "other:", Timeout: time.Second}.New(srv.client())
	q := ratelimit.PerHour(1)
	assert.False(t, take(t, one, bucket("p", "k", q, 1))[0].Short)
	assert.False(t, take(t, two, bucket("p", "k", q, 1))[0].Short, "another prefix")
	assert.False(t, take(t, one, bucket("p2", "k", q, 1))[0].Short, "another policy")
	assert.False(t, take(t, one, bucket("p", "k2", q, 1))[0].Short, "another key")
	assert.False(t, take(t, one, bucket("p", "k", ratelimit.PerMinute(1), 1))[0].Short, "another quota")
	assert.True(t, take(t, one, bucket("p", "k", ratelimit.Quota{N: 1, Per: time.Hour, Burst: 1}, 1))[0].Short, "the same quota, spelled out")
}

func TestRedisForgetsABucketWhenItIsFull(t *testing.T) {
	srv := startServer(t)
	client := srv.client()
	s := patient.New(client)
	b := bucket("p", "k", ratelimit.PerMinute(60), 5)
	take(t, s, b)
	ttl := client.PTTL(context.Background(), s.Key(b)).Val()
	assert.LessOrEqual(t, ttl, 5*time.Second)
	assert.Greater(t, ttl, 3*time.Second)

	b.Cost, b.Mode = -100, ratelimit.Force
	assert.Zero(t, take(t, s, b)[0].Debt, "no more is returned than fits")
	assert.Zero(t, client.Exists(context.Background(), s.Key(b)).Val(), "a full bucket is equivalent to a new one")

	b.Cost, b.Mode = 0, ratelimit.Enforce
	take(t, s, b)
	b.Cost = 61
	assert.True(t, take(t, s, b)[0].Short)
	assert.Zero(t, client.DBSize(context.Background()).Val(), "neither a call without cost nor a refusal is kept")
}

func TestCostAboveTheCapacityNeverPasses(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.Quota{N: 1_000_000_000, Per: time.Second, Burst: 5} // a thousand in a tick of Redis' clock
	assert.True(t, take(t, s, bucket("p", "k", q, 6))[0].Short)
	assert.False(t, take(t, s, bucket("p", "k", q, 5))[0].Short)
}

func TestTimeInTheFutureDoesNotHoldABucketBack(t *testing.T) {
	srv := startServer(t)
	client, ctx := srv.client(), context.Background()
	s := patient.New(client)
	b := bucket("p", "k", ratelimit.PerMinute(6), 1)
	future := time.Now().Add(1157 * 24 * time.Hour).UnixMicro()

	for _, row := range []struct {
		debt  string
		want  time.Duration
		short bool
		why   string
	}{
		{"20000000000", 30 * time.Second, false, "the clock was set back: it owes what it owed, and now one more"},
		{"60000000000", 60 * time.Second, true, "empty stays empty"},
		{"1e+30", 120 * time.Second, true, "at most what Force can have left"},
	} {
		require.NoError(t, client.Set(ctx, s.Key(b), fmt.Sprintf("%d %s", future, row.debt), 0).Err())
		got := take(t, s, b)[0]
		assert.Equal(t, row.short, got.Short, row.why)
		assert.InDelta(t, row.want, got.Debt, float64(time.Second), row.why)
		ttl := client.PTTL(ctx, s.Key(b)).Val()
		assert.Greater(t, ttl, time.Duration(0), "healed, even by a refusal")
		assert.LessOrEqual(t, ttl, row.want+time.Second)
		s.ForgetRefusals()
	}
}

func TestValueThatNoLimiterWroteIsReplaced(t *testing.T) {
	srv := startServer(t)
	client, ctx := srv.client(), context.Background()
	s := patient.New(client)
	b := bucket("p", "k", ratelimit.PerMinute(6), 6)
	for _, write := range [][]any{
		{"SET", "", "hello"},
		{"SET", "", "12 nan"},
		{"SET", "", ""},
		{"SET", "", "1 2 3"},
		{"HSET", "", "a", "b"},
		{"RPUSH", "", "a"},
	} {
		write[1] = s.Key(b)
		require.NoError(t, client.Del(ctx, s.Key(b)).Err())
		require.NoError(t, client.Do(ctx, write...).Err())
		s.ForgetRefusals()
		assert.False(t, take(t, s, b)[0].Short, "%v", write)
		got := take(t, s, b)[0]
		assert.True(t, got.Short, "%v", write)
		assert.InDelta(t, time.Minute, got.Debt, float64(time.Second), "%v", write)
		assert.LessOrEqual(t, client.PTTL(ctx, s.Key(b)).Val(), time.Minute, "%v", write)
	}
}

func TestKeysAreBoundedAndKeepTheirSlot(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	s := redisstore.New(client)
	q := ratelimit.PerMinute(100)
	assert.Equal(t, "ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s:login", s.Key(bucket("login", "192.0.2.1", q, 1)))
	assert.Equal(t, "ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s/20:login", s.Key(bucket("login", "192.0.2.1", ratelimit.Quota{N: 100, Per: time.Minute, Burst: 20}, 1)))

	names := map[string]bool{}
	hostile := []string{"", "{", "}", "{}", "}{", "a}b", "{a}", "\x00", "\r\nDEL x\r\n", "é", "\xff\xfe", strings.Repeat("x", 128), strings.Repeat("}", 128)}
	for _, k := range hostile {
		for _, policy := range []string{"a", "{b}", "}:1/1s:a"} {
			name := s.Key(bucket(policy, k, q, 1))
			names[name] = true
			tag, rest, _ := strings.Cut(strings.TrimPrefix(name, "ratelimit:{"), "}")
			assert.Regexp(t, `^[\w-]{22}$`, tag)
			assert.Equal(t, ":100/1m0s:"+policy, rest)
			assert.Equal(t, tag, s.Slot(bucket(policy, k, q, 1)))
		}
	}
	assert.Len(t, names, 3*len(hostile), "no two buckets have one name")
}

func TestTakeReturnsInTime(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and never responses
	require.NoError(t, err)
	defer hole.Close()
	paused := startServer(t)
	for _, row := range []struct {
		name string
		tune func(*redis.Options)
		warm bool // connected before the server is paused
	}{
		{"no server listens", func(o *redis.Options) { o.Addr = freeAddr(t) }, false},
		{"a server that does not reply to the handshake", func(o *redis.Options) { o.Addr = hole.Addr().String() }, false},
		{"a paused server, with the client's defaults", func(*redis.Options) {}, true},
		{"a paused server, without timeouts", func(o *redis.Options) { o.ReadTimeout, o.WriteTimeout = -1, -1 }, true},
		{"a paused server and no free connection", func(o *redis.Options) { o.PoolSize = 1 }, true},
		{"a paused server, with ContextTimeoutEnabled", func(o *redis.Options) { o.ContextTimeoutEnabled = true }, true},
		{"a dialer that hangs", func(o *redis.Options) {
			o.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-t.Context().Done()
				return nil, io.EOF
			}
		}, false},
		{"no server listens, with ContextTimeoutEnabled", func(o *redis.Options) { o.Addr, o.ContextTimeoutEnabled = freeAddr(t), true }, false},
		{"no handshake, with ContextTimeoutEnabled", func(o *redis.Options) { o.Addr, o.ContextTimeoutEnabled = hole.Addr().String(), true }, false},
		{"no free connection, with ContextTimeoutEnabled", func(o *redis.Options) { o.PoolSize, o.ContextTimeoutEnabled = 1, true }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			client := paused.client(row.tune)
			if row.warm {
				take(t, patient.New(client), bucket("p", "k", ratelimit.PerHour(1000), 1))
			}
			paused.pause()
			defer paused.resume()
			s, late := redisstore.New(client), measureLateness(t)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					begin := time.Now()
					err := s.Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", ratelimit.PerHour(1000), 1)})
					assert.Error(t, err)
					assert.Less(t, time.Since(begin), late.allow(redisstore.DefaultTimeout))
				})
			}
			wg.Wait()
		})
	}
}

func TestTakeReturnsWhenTheClientLeaves(t *testing.T) {
	srv := startServer(t)
	s := redisstore.Options{Timeout: time.Minute}.New(srv.client())
	take(t, s, bucket("p", "k", ratelimit.PerHour(1000), 1))
	srv.pause()
	defer srv.resume()
	ctx, leave := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer leave()
	err := s.Take(ctx, []ratelimit.Bucket{bucket("p", "k", ratelimit.PerHour(1000), 1)})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestTakeWorksAgainWhenRedisIsBack(t *testing.T) {
	srv := startServer(t)
	s := patient.New(srv.client())
	q := ratelimit.PerHour(1000)
	take(t, s, bucket("p", "k", q, 1))
	srv.kill()
	assert.Error(t, s.Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", q, 1)}))
	srv.start()
	require.Eventually(t, func() bool {
		return s.Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", q, 1)}) == nil
	}, 5*time.Second, 10*time.Millisecond)
}

// lossy forwards connections to a server, but ends each when the server has
// replied to a call of the script, without the reply.
func lossy(t *testing.T, server string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				_ = in.Close()
				return
			}
			called := make(chan struct{})
			go func() {
				defer out.Close()
				buf := make([]byte, 64<<10)
				for {
					n, err := in.Read(buf)
					if err != nil {
						return
					}
					if strings.Contains(string(buf[:n]), "evalsha") {
						close(called)
					}
					_, _ = out.Write(buf[:n])
				}
			}()
			go func() {
				defer in.Close()
				buf := make([]byte, 64<<10)
				for {
					n, err := out.Read(buf)
					if err != nil {
						return
					}
					select {
					case <-called:
						return
					default:
						_, _ = in.Write(buf[:n])
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestLostReplyDoesNotChargeTwice(t *testing.T) {
	srv := startServer(t)
	q := ratelimit.PerHour(100)
	direct := patient.New(srv.client())
	take(t, direct, bucket("p", "k", q, 1))
	s := patient.New(srv.client(func(o *redis.Options) { o.Addr = lossy(t, srv.addr) }))
	assert.Error(t, s.Take(context.Background(), []ratelimit.Bucket{bucket("p", "k", q, 1)}))
	b := take(t, direct, bucket("p", "k", q, 0))
	assert.InDelta(t, 2*36*time.Second, b[0].Debt, float64(10*time.Second), "one before, one that was lost, none repeated")
}

func TestRestrictedUserIsEnough(t *testing.T) {
	srv := startServer(t)
	ctx := context.Background()
	admin := srv.client()
	require.NoError(t, admin.Do(ctx, append([]any{"ACL", "SETUSER", "limiter", "reset", "on", ">secret"}, permissions...)...).Err())
	client := srv.client(func(o *redis.Options) { o.Username, o.Password = "limiter", "secret" })
	s := patient.New(client)
	q := ratelimit.PerHour(10)
	assert.False(t, take(t, s, bucket("p", "k", q, 10))[0].Short)
	assert.True(t, take(t, s, bucket("p", "k", q, 1))[0].Short)
	assert.Zero(t, take(t, s, ratelimit.Bucket{Policy: "p", Key: "k", Quota: q, Cost: -10, Mode: ratelimit.Force})[0].Debt)
	assert.Error(t, client.FlushAll(ctx).Err())
	assert.Error(t, redisstore.Options{Prefix: "elsewhere:"}.New(client).Take(ctx, []ratelimit.Bucket{bucket("p", "k", q, 1)}))

	for i, p := range permissions {
		t.Run("and not without "+p.(string), func(t *testing.T) {
			less := append([]any{"ACL", "SETUSER", "less", "reset", "on", ">secret"}, permissions[:i]...)
			require.NoError(t, admin.Do(ctx, append(less, permissions[i+1:]...)...).Err())
			require.NoError(t, admin.ScriptFlush(ctx).Err())
			s := patient.New(srv.client(func(o *redis.Options) { o.Username, o.Password = "less", "secret" }))
			err := s.Take(ctx, []ratelimit.Bucket{bucket("p", "l"+p.(string), q, 1)})
			if err == nil {
				err = s.Take(ctx, []ratelimit.Bucket{{Policy: "p", Key: "l" + p.(string), Quota: q, Cost: -10, Mode: ratelimit.Force}})
			}
			assert.Error(t, err)
		})
	}
}

// permissions are those that the package documentation names.
var permissions = []any{"~ratelimit:*", "+evalsha", "+eval", "+time", "+mget", "+set", "+del"}

func TestBucketTakesTheDocumentedMemory(t *testing.T) {
	srv := startServer(t)
	client, ctx := srv.client(), context.Background()
	s := patient.New(client)
	b := bucket("per-minute", "192.0.2.1", ratelimit.PerMinute(70), 1)
	take(t, s, b)
	took := client.MemoryUsage(ctx, s.Key(b), 0).Val()
	assert.Greater(t, took, int64(100))
	assert.LessOrEqual(t, took, int64(200))
	t.Logf("%d bytes for %q = %q", took, s.Key(b), client.Get(ctx, s.Key(b)).Val())
}
