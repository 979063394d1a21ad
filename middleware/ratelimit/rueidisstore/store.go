// Package rueidisstore shares rate limits between servers through Redis, for services
// that use the client rueidis.
//
// Start with [New], and pass the store to a limiter:
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
//	limit := ratelimit.NewLimiter(ratelimit.Options{Policies: policies, Store: rueidisstore.New(client), Replicas: 3})
//
// The script and the keys are those of package redisstore, so that one service may
// use both. The documentation of that package on servers, memory and permissions
// applies here too. This package is smaller: it does not remember refusals, and it
// leaves connections to the client, which sends all calls over a few for each
// server. In a cluster, the limiter stops using 64 neighboring slots when their
// server is down ([Store.Part]), since the client does not report which servers
// there are.
package rueidisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/internal/redisscript"
)

const (
	// DefaultPrefix is the prefix of each key in Redis.
	DefaultPrefix = redisscript.DefaultPrefix
	// DefaultTimeout bounds a call to Redis.
	DefaultTimeout = 100 * time.Millisecond
)

// Options are the settings of a [Store]. The zero value has the defaults.
type Options struct {
	// Prefix is the prefix of each key in Redis. Empty means DefaultPrefix. It
	// must not contain braces, which would determine the slot in a cluster.
	Prefix string

	// Timeout bounds a call to the store, including redirections. 0 means
	// DefaultTimeout. An earlier deadline of the request still applies.
	Timeout time.Duration
}

// Store keeps buckets in Redis. It implements [ratelimit.PartedStore] and is safe for
// concurrent use. The zero value is not valid; use [New].
type Store struct {
	client  rueidis.Client
	prefix  string
	timeout time.Duration
	script  *rueidis.Lua
}

// New returns a store on client with the default options. It sends nothing. The
// caller closes the client. New panics if client is nil.
func New(client rueidis.Client) *Store { return Options{}.New(client) }

// New returns a store on client. It panics as [New] does, and if an option is
// invalid.
func (o Options) New(client rueidis.Client) *Store {
	switch {
	case client == nil:
		panic("rueidisstore: the client is nil")
	case strings.ContainsAny(o.Prefix, "{}"):
		panic(fmt.Sprintf("rueidisstore: Prefix = %q: braces are not allowed", o.Prefix))
	case o.Timeout < 0:
		panic(fmt.Sprintf("rueidisstore: Timeout = %v: a positive duration is required", o.Timeout))
	}
	s := &Store{client: client, prefix: o.Prefix, timeout: o.Timeout, script: rueidis.NewLuaScript(redisscript.Text)}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	return s
}

// Take implements [ratelimit.Store]. It returns within the Timeout.
//
// In a cluster there is a call for each slot, all at once. If one refuses, a second
// call returns the units to the others.
func (s *Store) Take(ctx context.Context, buckets []ratelimit.Bucket) error {
	for i := range buckets {
		if q := buckets[i].Quota; q.N < 1 || q.Per < 1 || q.Capacity() < 1 {
			return fmt.Errorf("rueidisstore: policy %q: invalid quota %+v", buckets[i].Policy, q)
		}
	}
	calls := s.callsFor(buckets)
	if len(calls) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	s.run(ctx, calls, buckets)
	if slices.ContainsFunc(calls, (*call).split) {
		calls = s.runSplit(ctx, calls, buckets)
	}
	err := failures(calls)
	if len(calls) > 1 && (err != nil || slices.ContainsFunc(buckets, refuses)) {
		err = errors.Join(err, s.undo(ctx, calls, buckets))
	}
	if err != nil {
		return fmt.Errorf("rueidisstore: %w", err)
	}
	return nil
}

// call is one run of the script.
type call struct {
	indices []int  // of the buckets, in the slice passed to Take
	part    string // the part of the store that keeps them
	err     error
}

// callsFor makes a call for all buckets, or in a cluster one for each slot.
func (s *Store) callsFor(buckets []ratelimit.Bucket) []*call {
	sharded := s.client.Mode() == rueidis.ClientModeCluster
	var calls []*call
	var slots []string
	for i := range buckets {
		slot := ""
		if sharded {
			slot = redisscript.NameOf(s.prefix, buckets[i]).Slot
		}
		at := slices.Index(slots, slot)
		if at < 0 {
			at = len(calls)
			calls, slots = append(calls, &call{part: s.part(slot)}), append(slots, slot)
		}
		calls[at].indices = append(calls[at].indices, i)
	}
	return calls
}

// split reports whether the call was for a slot that is moving to another server,
// with its buckets on both. Then nothing was charged.
func (c *call) split() bool { return len(c.indices) > 1 && isReply(c.err, "TRYAGAIN") }

// runSplit makes a call for each bucket of the calls that were split, which finds
// the server of each, and returns all calls.
func (s *Store) runSplit(ctx context.Context, calls []*call, buckets []ratelimit.Bucket) []*call {
	var all, again []*call
	for _, c := range calls {
		if !c.split() {
			all = append(all, c)
			continue
		}
		for _, i := range c.indices {
			again = append(again, &call{indices: []int{i}, part: c.part})
		}
	}
	s.run(ctx, again, buckets)
	return append(all, again...)
}

// run makes the calls and waits for their results.
func (s *Store) run(ctx context.Context, calls []*call, buckets []ratelimit.Bucket) {
	done := make(chan struct{}, len(calls))
	for _, c := range calls[1:] {
		go func() {
			s.exec(ctx, c, buckets)
			done <- struct{}{}
		}()
	}
	s.exec(ctx, calls[0], buckets)
	for range calls[1:] {
		<-done
	}
}

// exec makes one call. The client returns when ctx is done, and does not repeat a
// script, which may have run although its reply was lost.
func (s *Store) exec(ctx context.Context, c *call, buckets []ratelimit.Bucket) {
	var keys, args []string
	for _, i := range c.indices {
		a := redisscript.Args(buckets[i])
		keys, args = append(keys, redisscript.NameOf(s.prefix, buckets[i]).Full), append(args, a[:]...)
	}
	reply, err := s.script.Exec(ctx, s.client, keys, args).AsIntSlice()
	if err == nil && len(reply) != 2*len(c.indices) {
		err = fmt.Errorf("%d numbers in the reply for %d buckets", len(reply), len(c.indices))
	}
	if c.err = c.explain(err); err != nil {
		return
	}
	for n, i := range c.indices {
		redisscript.Read(reply, n, &buckets[i])
	}
}

// undo returns the units that some of the calls have charged, even if the time of the
// request is over.
func (s *Store) undo(ctx context.Context, calls []*call, buckets []ratelimit.Bucket) error {
	var back []ratelimit.Bucket
	var from []int
	for _, c := range calls {
		if c.err != nil || slices.ContainsFunc(c.indices, func(i int) bool { return refuses(buckets[i]) }) {
			continue
		}
		for _, i := range c.indices {
			if b := buckets[i]; b.Cost != 0 && !b.Short {
				b.Cost, b.Mode = -b.Cost, ratelimit.Force
				back, from = append(back, b), append(from, i)
			}
		}
	}
	if back == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	var undone []*call
	for i := range back {
		undone = append(undone, &call{indices: []int{i}, part: s.Part(back[i])})
	}
	s.run(ctx, undone, back)
	for n, i := range from {
		buckets[i].Debt = back[n].Debt
	}
	return failures(undone)
}

func failures(calls []*call) error {
	var errs []error
	for _, c := range calls {
		errs = append(errs, c.err)
	}
	return errors.Join(errs...)
}

// Part implements [ratelimit.PartedStore]. In a cluster, a part is a group of 64 slots,
// which are nearly always on one server. Otherwise it returns an empty string.
func (s *Store) Part(b ratelimit.Bucket) string {
	return s.part(redisscript.NameOf(s.prefix, b).Slot)
}

func (s *Store) part(slot string) string {
	if s.client.Mode() != rueidis.ClientModeCluster {
		return ""
	}
	first := slotOf(slot) &^ 63
	return fmt.Sprintf("slots %d to %d", first, first+63)
}

// slotOf returns the slot of a key with a hash tag: CRC-16/XMODEM of the tag.
func slotOf(tag string) int {
	var crc uint16
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			high := crc & 0x8000
			if crc <<= 1; high != 0 {
				crc ^= 0x1021
			}
		}
	}
	return int(crc & 16383)
}

// explain wraps err for the limiter: it shows whether the server has replied, or
// which part could not be reached.
func (c *call) explain(err error) error {
	switch _, replied := rueidis.IsRedisErr(err); {
	case err == nil:
		return nil
	case replied && !isReply(err, "READONLY"):
		return errors.Join(err, ratelimit.ErrReply)
	}
	return &ratelimit.PartError{Part: c.part, Err: err}
}

// isReply reports whether err is an error reply that starts with the word.
func isReply(err error, word string) bool {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		err = joined.Unwrap()[0]
	}
	reply, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(reply.Error(), word)
}

func refuses(b ratelimit.Bucket) bool { return b.Short && b.Mode == ratelimit.Enforce }
