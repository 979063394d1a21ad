package ratelimit

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"
)

// New returns a middleware that lets a request pass if all policies grant it
// what it costs. All handlers that it wraps share the buckets, which are kept
// in memory for up to DefaultMaxKeys keys.
//
// Panics if there is no policy, if one has no Key, no valid Quota, a Name that
// a field cannot carry or a Problem that is no error, or if two have the same
// name.
func New(policies ...Policy) func(http.Handler) http.Handler {
	return Limiter{Policies: policies}.Checker().Wrap
}

// DefaultMaxKeys is the number of buckets that a limiter without a Store keeps
// in memory.
const DefaultMaxKeys = 100_000

// Limiter is [New] with settings. Policies is required.
type Limiter struct {
	// Policies are decided all or none: a request that one of them refuses
	// is charged to none.
	Policies []Policy

	// Store keeps the buckets. Nil means a memory of its own for
	// DefaultMaxKeys keys.
	Store Store

	// OnVerdict is told every decision, for metrics and logs, before the
	// request is answered. It is called by many goroutines at once.
	OnVerdict func(*http.Request, Decision)

	// Outage is what happens while the Store returns errors.
	Outage FailMode
	// Replicas is the number of processes that share the Store. Each grants
	// its share of the quotas in the mode FailLocal. 0 means 1.
	Replicas int

	// Deny answers refused requests, instead of a problem document. Its
	// header has Retry-After, the RateLimit fields and no-store already; the
	// [Decision] is in the context. It has to send a status of its own.
	Deny http.Handler

	// Responder writes the problem of a refusal. Nil means the defaults of
	// package respond.
	Responder *respond.Responder

	// PartitionSecret adds the parameter pk to the RateLimit fields, so that
	// a client can tell its buckets apart: a hash of the key under this
	// secret of 16 bytes or more. Replicas need the same one. Nil means none.
	PartitionSecret []byte

	// Legacy adds X-RateLimit-Limit, -Remaining and -Reset (in Unix time) of
	// the policy with the fewest units left, for clients that know no others.
	Legacy bool
}

// Wrap returns a handler that passes to next the requests that the policies
// grant, and answers the others. Each call makes a limiter of its own, which
// shares buckets with others only through Store; [Limiter.Checker] wraps
// several handlers with one. Panics where [New] does, if another setting
// cannot work, and if next is nil.
func (l Limiter) Wrap(next http.Handler) http.Handler {
	return l.Checker().Wrap(next)
}

// Checker returns the limiter that l describes. Panics where [Limiter.Wrap]
// does.
func (l Limiter) Checker() *Checker {
	if n := len(l.PartitionSecret); n > 0 && n < 16 {
		panic(fmt.Sprintf("ratelimit: PartitionSecret of %d bytes: 16 are required", n))
	}
	c := &Checker{
		rules:     compile(l.Policies),
		onVerdict: l.OnVerdict,
		deny:      l.Deny,
		responder: l.Responder,
		secret:    bytes.Clone(l.PartitionSecret),
		legacy:    l.Legacy,
	}
	switch s := l.Store.(type) {
	case nil:
		c.memory = NewMemory(DefaultMaxKeys)
	case *Memory:
		c.memory = s
	default:
		c.shared = newOutage(s, l.Outage, l.Replicas)
	}
	c.prepare()
	return c
}
