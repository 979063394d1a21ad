package redisstore_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// forwarder is one address for whichever server is the master now, as a load
// balancer or a name in the DNS is.
type forwarder struct {
	addr   string
	target atomic.Pointer[string]

	mu    sync.Mutex
	flows []*flow
}

// flow is a connection that goes through.
type flow struct {
	in, out net.Conn
	silent  atomic.Bool // what arrives goes nowhere
}

func newForwarder(t testing.TB, target string) *forwarder {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &forwarder{addr: l.Addr().String()}
	f.target.Store(&target)
	t.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, flow := range f.flows {
			_ = flow.in.Close()
			_ = flow.out.Close()
		}
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", *f.target.Load())
			if err != nil {
				_ = in.Close()
				continue
			}
			flow := &flow{in: in, out: out}
			f.mu.Lock()
			f.flows = append(f.flows, flow)
			f.mu.Unlock()
			go flow.copy(in, out)
			go flow.copy(out, in)
		}
	}()
	return f
}

func (f *flow) copy(to, from net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			_ = to.Close()
			return
		}
		if f.silent.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}

// point sends new connections to target. Those that there are stay where they
// lead, or lead to nowhere.
func (f *forwarder) point(target string, silence bool) {
	f.target.Store(&target)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, flow := range f.flows {
		flow.silent.Store(silence)
	}
}

// fillPool opens n connections and leaves them idle.
func fillPool(t testing.TB, c *redis.Client, n int) {
	t.Helper()
	ctx := context.Background()
	var conns []*redis.Conn
	for range n {
		conn := c.Conn()
		require.NoError(t, conn.Ping(ctx).Err())
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		require.NoError(t, conn.Close())
	}
	require.EqualValues(t, n, c.PoolStats().IdleConns)
}
