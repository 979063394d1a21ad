package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/internal/redisscript"
)

const (
	// DefaultPrefix is what the name of each key in Redis starts with.
	DefaultPrefix = redisscript.DefaultPrefix
	// DefaultTimeout is how long a call may take. It is many round trips of a
	// healthy network, and short enough for a request to wait for.
	DefaultTimeout = 100 * time.Millisecond
)

// New returns a store on client with the default options. It sends nothing:
// Redis need not be there yet. The client stays the caller's to close. Panics
// if client is nil.
func New(client redis.UniversalClient) *Store {
	return Options{}.New(client)
}

// Options are the settings of a [Store]. The zero value has the defaults.
type Options struct {
	// Prefix is what the name of each key in Redis starts with: limiters
	// share buckets if they share it, and the names of their policies. Empty
	// means DefaultPrefix. It must not contain braces, which would decide
	// about the slot of a cluster.
	Prefix string

	// Timeout bounds a call to the store, retries, redirections and dialing
	// included. 0 means DefaultTimeout. A request with an earlier deadline
	// of its own keeps that.
	Timeout time.Duration
}

// New returns a store on client. Panics as [New] does, and if an option cannot
// work.
func (o Options) New(client redis.UniversalClient) *Store {
	switch {
	case client == nil:
		panic("redisstore: the client is nil")
	case strings.ContainsAny(o.Prefix, "{}"):
		panic(fmt.Sprintf("redisstore: Prefix = %q: braces would decide about the slot", o.Prefix))
	case o.Timeout < 0:
		panic(fmt.Sprintf("redisstore: Timeout = %v: a positive duration is required", o.Timeout))
	}
	s := &Store{client: client, prefix: o.Prefix, timeout: o.Timeout, script: takeScript, start: time.Now()}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	if single, ok := client.(*redis.Client); ok {
		s.prompt = single.Options().ContextTimeoutEnabled
	} else {
		s.sharded.Store(true)
	}
	return s
}

// Store keeps buckets in Redis. It implements [ratelimit.Store], and is safe
// for concurrent use. The zero value is not valid; use [New].
type Store struct {
	client  redis.UniversalClient
	prefix  string
	timeout time.Duration
	script  script
	start   time.Time
	prompt  bool        // the client returns when its context is done
	sharded atomic.Bool // keys with different hash tags may be on different servers
	denials denials

	freshening sync.Map // by address: the servers whose connections are being tested
}

// Take implements [ratelimit.Store]. It returns within the Timeout.
func (s *Store) Take(ctx context.Context, buckets []ratelimit.Bucket) error {
	if len(buckets) == 0 {
		return nil
	}
	keys := make([]key, len(buckets))
	for i := range buckets {
		if q := buckets[i].Quota; q.N < 1 || q.Per < 1 || q.Capacity() < 1 {
			return fmt.Errorf("redisstore: policy %q: invalid quota %+v", buckets[i].Policy, q)
		}
		keys[i] = s.key(buckets[i])
	}
	sent := s.now()
	if s.denials.decide(keys, buckets, sent) {
		return nil
	}
	if err := s.ask(ctx, keys, buckets); err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	s.denials.note(keys, buckets, sent, s.now())
	return nil
}

// Key returns the name under which Redis keeps b: to delete it is to fill the
// bucket. The buckets of one Key of a policy are in one slot of a cluster.
func (s *Store) Key(b ratelimit.Bucket) string { return s.key(b).name }

// key is the name of a bucket in Redis.
type key struct {
	name string
	slot string // the part that Redis chooses the slot by
}

// key names b.
func (s *Store) key(b ratelimit.Bucket) key {
	n := redisscript.NameOf(s.prefix, b)
	return key{n.Full, n.Slot}
}

func (s *Store) now() time.Duration { return time.Since(s.start) }
