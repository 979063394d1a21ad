package redisstore_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// byPath is a Policy's Key.
func byPath(r *http.Request) string { return r.URL.Path }

// counts is what the handlers of a test have sent.
type counts struct {
	passed, refused, unavailable atomic.Int64
	local                        atomic.Int64 // decided without Redis
	slowest                      atomic.Int64
}

// limit wraps a handler that sends 200, as one replica of a service.
func (n *counts) limit(l ratelimit.Options) http.Handler {
	l.OnDecision = func(_ *http.Request, d ratelimit.Decision) {
		if d.Err != nil {
			n.local.Add(1)
		}
	}
	return ratelimit.NewLimiter(l).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// get serves a request for path, and returns the response.
func (n *counts) get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	begin := time.Now()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	took := int64(time.Since(begin))
	for was := n.slowest.Load(); was < took && !n.slowest.CompareAndSwap(was, took); was = n.slowest.Load() {
	}
	switch w.Code {
	case http.StatusOK:
		n.passed.Add(1)
	case http.StatusTooManyRequests:
		n.refused.Add(1)
	case http.StatusServiceUnavailable:
		n.unavailable.Add(1)
	}
	return w
}

// load sends requests of so many clients for path to h, each a thousand a second at
// most, until stop is closed.
func (n *counts) load(h http.Handler, path string, clients int, stop <-chan struct{}) (wait func()) {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					n.get(h, path)
				}
			}
		})
	}
	return wg.Wait
}

func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}

var shared = ratelimit.Policy{Quota: ratelimit.Quota{N: 100, Per: time.Second, Burst: 50}, Key: byPath}

// TestMain is also a replica of its own: see TestThreeProcessesGrantNoMoreThanTheQuota.
func TestMain(m *testing.M) {
	if addr := os.Getenv("REDISSTORE_TEST_REPLICA"); addr != "" {
		replica(addr)
		return
	}
	os.Exit(m.Run())
}

func replica(addr string) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	var n counts
	h := n.limit(ratelimit.Options{Policies: []ratelimit.Policy{shared}, Store: patient.New(client)})
	n.get(h, "/warm") // has connected
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	n.load(h, "/x", 8, after(time.Second))()
	fmt.Println(n.passed.Load()-1, n.refused.Load(), n.local.Load())
}

func TestThreeProcessesGrantNoMoreThanTheQuota(t *testing.T) {
	srv := startServer(t)
	var start []func()
	var outputs []*bufio.Reader
	var processes []*exec.Cmd
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "REDISSTORE_TEST_REPLICA="+srv.addr)
		var log bytes.Buffer
		cmd.Stderr = &log
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		r := bufio.NewReader(out)
		line, err := r.ReadString('\n')
		require.NoError(t, err, "%s", &log)
		require.Equal(t, "ready\n", line)
		start = append(start, func() { fmt.Fprintln(in) })
		outputs, processes = append(outputs, r), append(processes, cmd)
	}
	begin := time.Now()
	for _, f := range start {
		f()
	}
	total := 0
	for i, out := range outputs {
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		f := strings.Fields(line)
		require.Len(t, f, 3)
		passed, _ := strconv.Atoi(f[0])
		refused, _ := strconv.Atoi(f[1])
		total += passed
		assert.Equal(t, "0", f[2], "Redis was there all the time")
		assert.Greater(t, refused, 100, "replica %d was under load", i)
		t.Logf("replica %d: passed, refused, without Redis: %s", i, line)
		_ = processes[i].Wait()
	}
	took := time.Since(begin)
	assert.LessOrEqual(t, total, 50+int(100*took.Seconds())+1, "in %v", took)
	assert.GreaterOrEqual(t, total, 100, "and hardly less: the quota is there to be used")
}

func TestRedisDyingUnderLoadDelaysNoRequest(t *testing.T) {
	for _, row := range []struct {
		name       string
		mode       ratelimit.FailMode
		fail, mend func(*server)
	}{
		{"local share, killed", ratelimit.FailLocal, (*server).kill, (*server).start},
		{"local share, paused", ratelimit.FailLocal, (*server).pause, (*server).resume},
		{"open, killed", ratelimit.FailOpen, (*server).kill, (*server).start},
		{"closed, paused", ratelimit.FailClosed, (*server).pause, (*server).resume},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			var n counts
			h := n.limit(ratelimit.Options{
				Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(1_000_000), Key: byPath}}, // no client exceeds it
				Store:    redisstore.New(srv.client()),
				Outage:   row.mode,
				Replicas: 2,
			})
			require.Equal(t, 200, n.get(h, "/x").Code)
			require.Zero(t, n.local.Load())
			n.slowest.Store(0)
			late := measureLateness(t)

			stop := make(chan struct{})
			wait := n.load(h, "/x", 4, stop)
			<-after(100 * time.Millisecond)
			row.fail(srv)
			require.Eventually(t, func() bool { return n.local.Load() > 100 }, 10*time.Second, 10*time.Millisecond, "the hook sees it")
			<-after(300 * time.Millisecond)
			row.mend(srv)
			require.Eventually(t, func() bool {
				was := n.local.Load()
				<-after(50 * time.Millisecond)
				return n.local.Load() == was
			}, 10*time.Second, 10*time.Millisecond, "Redis decides again")
			close(stop)
			wait()

			assert.Zero(t, n.refused.Load(), "an outage is no 429")
			if row.mode == ratelimit.FailClosed {
				assert.Greater(t, n.unavailable.Load(), int64(100))
			} else {
				assert.Zero(t, n.unavailable.Load())
			}
			assert.Less(t, time.Duration(n.slowest.Load()), late.allow(2*redisstore.DefaultTimeout), "once for the decision, once for what was charged meanwhile")
			t.Logf("%d passed, %d unavailable, %d without Redis, slowest %v", n.passed.Load(), n.unavailable.Load(), n.local.Load(), time.Duration(n.slowest.Load()))
			t.Logf("the machine was late by %v", time.Duration(late.worst.Load()))
		})
	}
}

func TestOutageNeitherOpensNorEndsWithABurst(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--appendonly", "yes") // so that it remembers
	var n counts
	h := n.limit(ratelimit.Options{
		Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(40), Key: byPath}},
		Store:    patient.New(srv.client()),
		Replicas: 4,
	})
	for range 10 {
		require.Equal(t, 200, n.get(h, "/x").Code)
	}
	srv.kill()
	for range 30 {
		n.get(h, "/x")
	}
	assert.EqualValues(t, 10+10, n.passed.Load(), "a quarter of 40 in the outage")
	w := n.get(h, "/x")
	assert.Equal(t, 429, w.Code, "which is the local quota's word, not the outage's")
	assert.NotEmpty(t, w.Header().Get("Retry-After"))

	srv.start()
	require.Eventually(t, func() bool {
		was := n.local.Load()
		n.get(h, "/probe")
		return n.local.Load() == was
	}, 10*time.Second, 20*time.Millisecond)
	before, local := n.passed.Load(), n.local.Load()
	for range 60 {
		n.get(h, "/x")
	}
	require.Equal(t, local, n.local.Load())
	assert.EqualValues(t, 20, n.passed.Load()-before, "40 less 10 before and 10 during the outage")
}

func TestHeadersAreThoseOfTheMemoryStore(t *testing.T) {
	srv := startServer(t)
	policies := []ratelimit.Policy{
		{Name: "burst", Quota: ratelimit.PerHour(3), Key: byPath},
		{Name: "day", Quota: ratelimit.Quota{N: 24, Per: 24 * time.Hour, Burst: 5}, Key: byPath},
		{Name: "shadow", Quota: ratelimit.PerHour(1), Key: byPath, Shadow: true},
	}
	responses := func(store ratelimit.Store) (all []string) {
		var n counts
		h := n.limit(ratelimit.Options{Policies: policies, Store: store})
		for _, path := range []string{"/a", "/a", "/b", "/a", "/a", "/a", "/b"} {
			w := n.get(h, path)
			w.Header().Del("Date")
			all = append(all, fmt.Sprintln(w.Code, w.Header(), w.Body))
		}
		return all
	}
	client := srv.client()
	require.NoError(t, client.Ping(context.Background()).Err())
	synctest.Test(t, func(t *testing.T) { // in which no time passes by itself
		store := redisstore.New(client)
		require.NoError(t, onClock(store)(time.Now()))
		ours := responses(store)
		assert.Equal(t, responses(ratelimit.NewMemory(100)), ours)
		assert.True(t, slices.ContainsFunc(ours, func(s string) bool { return strings.HasPrefix(s, "429") }))
		t.Log(ours)
	})
}
