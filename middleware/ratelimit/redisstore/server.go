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

// Part implements [ratelimit.PartedStore]. It returns the address of the server that
// keeps b in a Cluster or a Ring, if the client already knows it, and otherwise an
// empty string, as for a single server.
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
		server, _ = c.MasterForKey(canceled, key) // it waits only for what is not known yet
	case interface {
		GetShardClientForKey(string) (*redis.Client, error)
	}:
		server, _ = c.GetShardClientForKey(key)
	}
	return server
}

// canceled is a canceled context.
var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// explain wraps the error of a call for the limiter: it shows whether the server has
// replied, or which server could not be reached.
func (s *Store) explain(c *call, err error) error {
	var reply redis.Error
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case redis.HasErrorPrefix(err, "NOSCRIPT"), errors.As(err, &reply) && !closes(err):
		return &replyError{err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		s.testIdle(s.server(c.name))
	}
	return &ratelimit.PartError{Part: s.part(c.name), Err: err}
}

// closes reports whether the client closes a connection because of a reply, so that
// each further call would need a new connection.
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

// testIdle tests all idle connections in the pool of a server that did not reply,
// and makes the client close the dead ones. After a failover behind one address all
// of them may be dead, and each would keep a request waiting.
func (s *Store) testIdle(server *redis.Client) {
	if server == nil {
		return
	}
	addr := server.Options().Addr
	if _, busy := s.idleTests.LoadOrStore(addr, true); busy {
		return
	}
	go func() {
		defer s.idleTests.Delete(addr)
		server := server.WithTimeout(s.timeout)
		ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
		defer cancel()
		var conns []*redis.Conn
		var wg sync.WaitGroup
		for range server.PoolStats().IdleConns {
			conn := server.Conn() // no other call gets it until it is closed
			conns = append(conns, conn)
			wg.Go(func() { _ = conn.Process(ctx, once{redis.NewCmd(ctx, "ping")}) })
		}
		wg.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
}

// retryReadOnly calls try until a connection leads to a server that accepts writes:
// after a failover, connections in the pool may lead to one that was demoted. The
// client closes each of those, so the pool is soon exhausted.
func (s *Store) retryReadOnly(ctx context.Context, try func() error) error {
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
