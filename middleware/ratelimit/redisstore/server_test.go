package redisstore_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// server is a redis-server on a loopback port. It keeps nothing on disk.
type server struct {
	t    testing.TB
	addr string
	args []string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// startServer starts a server, and stops it when the test ends. args are
// appended to its command line.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	return launch(t, func(port string) []string {
		return append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)
	})
}

// launch starts redis-server, with a command line for a free port.
func launch(t testing.TB, args func(port string) []string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed: apt-get install redis-server")
		}
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	s := &server{t: t, addr: freeAddr(t)}
	_, port, _ := net.SplitHostPort(s.addr)
	s.args = args(port)
	t.Cleanup(s.kill)
	s.start()
	return s
}

// freeAddr returns an address on which no server listens. Its port and the bus port
// of a cluster, 10000 above, are below those that the system gives to connections:
// one of them could be taken before the server listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(12_000)))
		if l, err := net.Listen("tcp", addr); err == nil {
			require.NoError(t, l.Close())
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	require.NoError(s.t, s.cmd.Start())
	require.Eventually(s.t, func() bool {
		if conn, err := net.Dial("tcp", s.addr); err != nil {
			return false // without a line in the client's log
		} else {
			_ = conn.Close()
		}
		c := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
		defer c.Close()
		err := c.Ping(context.Background()).Err()
		return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
	}, 10*time.Second, 10*time.Millisecond)
}

// kill ends the server as a crash would.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
	if s.t.Failed() && s.log.Len() > 0 {
		s.t.Logf("redis-server %s:\n%s", s.addr, &s.log)
	}
	s.log.Reset()
}

// pause stops the server in the middle of whatever it does: its connections
// stay open without a reply.
func (s *server) pause() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGSTOP)) }

func (s *server) resume() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGCONT)) }

// client returns a client with go-redis' defaults, unless tune changes them.
func (s *server) client(tune ...func(*redis.Options)) *redis.Client {
	o := &redis.Options{Addr: s.addr}
	for _, f := range tune {
		f(o)
	}
	c := redis.NewClient(o)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// calls returns how often the server has run our script.
func (s *server) calls() int {
	s.t.Helper()
	info, err := s.client().Info(context.Background(), "commandstats").Result()
	require.NoError(s.t, err)
	n := 0
	for line := range strings.Lines(info) {
		for _, name := range []string{"cmdstat_evalsha:calls=", "cmdstat_eval:calls="} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				number, _, _ := strings.Cut(rest, ",")
				k, err := strconv.Atoi(number)
				require.NoError(s.t, err)
				n += k
			}
		}
	}
	return n
}
