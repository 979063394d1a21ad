package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Part implements [ratelimit.Parted]: it returns the address of the server that
// keeps b in a Cluster or a Ring, as far as the client knows it without asking.
// Otherwise there is one server, whose name is empty.
func (s *Store) Part(b ratelimit.Bucket) string { return s.part(s.key(b).name) }

func (s *Store) part(key string) string {
	if server := s.server(key); server != nil && s.client != redis.UniversalClient(server) {
		return server.Options().Addr
	}
	return ""
}

// server returns the client of the server that keeps a key, or nil if it is not
// known.
func (s *Store) server(key string) *redis.Client {
	var server *redis.Client
	switch c := s.client.(type) {
	case *redis.Client:
		return c
	case interface {
		MasterForKey(context.Context, string) (*redis.Client, error)
	}:
		server, _ = c.MasterForKey(over, key) // it waits only for what is not known yet
	case interface {
		GetShardClientForKey(string) (*redis.Client, error)
	}:
		server, _ = c.GetShardClientForKey(key)
	}
	return server
}

// over is a context whose time is over.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// explain makes the error of a call one that the limiter understands: whether
// the server has replied, or which one could not be asked.
func (s *Store) explain(c *call, err error) error {
	var reply redis.Error
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case redis.HasErrorPrefix(err, "NOSCRIPT"), errors.As(err, &reply) && !closes(err):
		return &replyError{err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		s.freshen(s.server(c.name))
	}
	return &ratelimit.PartError{Part: s.part(c.name), Err: err}
}

// closes reports whether the client closes a connection because of a reply, so
// that to go on asking would be to go on connecting.
func closes(err error) bool {
	for _, prefix := range []string{"READONLY", "NOAUTH", "WRONGPASS"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// replyError is a reply that is not a decision.
type replyError struct{ error }

func (e *replyError) Unwrap() []error { return []error{e.error, ratelimit.ErrReply} }

// freshen finds out which of the connections in the pool of a server that did
// not reply are dead, all at once, and has them closed. After a failover behind
// one address they may all lead to nowhere, and would keep a request waiting
// each.
func (s *Store) freshen(server *redis.Client) {
	if server == nil {
		return
	}
	addr := server.Options().Addr
	if _, busy := s.freshening.LoadOrStore(addr, true); busy {
		return
	}
	go func() {
		defer s.freshening.Delete(addr)
		server := server.WithTimeout(s.timeout)
		ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
		defer cancel()
		var conns []*redis.Conn
		var wg sync.WaitGroup
		for range server.PoolStats().IdleConns {
			conn := server.Conn() // the pool does not give it to anyone else until it is closed
			conns = append(conns, conn)
			wg.Go(func() { _ = conn.Process(ctx, once{redis.NewCmd(ctx, "ping")}) })
		}
		wg.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
}

// fresh calls try until a connection leads to a server that may be written to:
// after a failover those in the pool may lead to one that was demoted. The
// client closes each that does, so the pool is soon through.
func (s *Store) fresh(ctx context.Context, try func() error) error {
	err := try()
	if !redis.HasErrorPrefix(err, "READONLY") || s.sharded.Load() {
		return err
	}
	for range s.client.PoolStats().TotalConns + 1 {
		if err = try(); !redis.HasErrorPrefix(err, "READONLY") || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("also on a new connection: %w", err)
}
