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
	// DefaultPrefix is the prefix of each key in Redis.
	DefaultPrefix = redisscript.DefaultPrefix
	// DefaultTimeout bounds a call to Redis. It is many round trips of a
	// healthy network, and short enough for a request to wait.
	DefaultTimeout = 100 * time.Millisecond
)

// New returns a store on client with the default options. It sends nothing, so
// Redis may start later. The caller closes the client. New panics if client is nil.
func New(client redis.UniversalClient) *Store {
	return Options{}.New(client)
}

// Options are the settings of a [Store]. The zero value has the defaults.
type Options struct {
	// Prefix is the prefix of each key in Redis. Limiters share buckets if
	// they have the same Prefix and the same names of policies. Empty means
	// DefaultPrefix. It must not contain braces, which would determine the slot
	// in a cluster.
	Prefix string

	// Timeout bounds a call to the store, including retries, redirections and
	// dialing. 0 means DefaultTimeout. An earlier deadline of the request
	// still applies.
	Timeout time.Duration
}

// New returns a store on client. It panics as [New] does, and if an option is
// invalid.
func (o Options) New(client redis.UniversalClient) *Store {
	switch {
	case client == nil:
		panic("redisstore: the client is nil")
	case strings.ContainsAny(o.Prefix, "{}"):
		panic(fmt.Sprintf("redisstore: Prefix = %q: braces are not allowed", o.Prefix))
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

// Store keeps buckets in Redis. It implements [ratelimit.PartedStore] and is safe for
// concurrent use. The zero value is not valid; use [New].
type Store struct {
	client  redis.UniversalClient
	prefix  string
	timeout time.Duration
	script  script
	start   time.Time
	prompt  bool        // the client observes the deadline of a context
	sharded atomic.Bool // keys with different hash tags may be on different servers
	denials denials

	idleTests sync.Map // by address: the servers whose idle connections are being tested
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
	if err := s.decide(ctx, keys, buckets); err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	s.denials.note(keys, buckets, sent, s.now())
	return nil
}

// Key returns the name of the key in Redis that keeps b. Deleting it fills the
// bucket. All buckets with the same Key are in one slot of a cluster.
func (s *Store) Key(b ratelimit.Bucket) string { return s.key(b).name }

// key is the name of a bucket in Redis.
type key struct {
	name string
	slot string // the part that Redis chooses the slot by
}

// key returns the name of b.
func (s *Store) key(b ratelimit.Bucket) key {
	n := redisscript.NameOf(s.prefix, b)
	return key{n.Full, n.Slot}
}

func (s *Store) now() time.Duration { return time.Since(s.start) }
