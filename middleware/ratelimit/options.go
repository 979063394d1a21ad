package ratelimit

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"
)

// New returns a middleware that passes a request through if all policies grant
// what it costs, and refuses it otherwise. All handlers that it wraps share
// the buckets, which are kept in memory for up to DefaultMaxKeys keys. Make it
// once: a router may call the middleware for each route or each request.
//
// New panics if there is no policy, if one has no Key, no valid Quota, a Name
// that a header field cannot carry or a Problem that is not an error, or if two
// have the same name.
func New(policies ...Policy) func(http.Handler) http.Handler {
	return NewLimiter(Options{Policies: policies}).Wrap
}

// DefaultMaxKeys is the number of buckets that a limiter without a Store keeps
// in memory.
const DefaultMaxKeys = 100_000

// Options are the settings of a [Limiter]. Policies is required.
type Options struct {
	// Policies are decided all or none: a request that one of them refuses
	// is charged to none.
	Policies []Policy

	// Store keeps the buckets. Nil means a memory of its own for
	// DefaultMaxKeys keys.
	Store Store

	// OnDecision is called with every decision, for metrics and logs, before
	// the response. It is called by many goroutines at once. A flood of
	// requests is a flood of calls: let a rate.Sometimes of
	// golang.org/x/time/rate bound what is logged. Nil means that decisions
	// without the Store are logged, once a minute, and nothing else is.
	OnDecision func(*http.Request, Decision)

	// Outage is what happens while the Store cannot be asked.
	Outage FailMode
	// Replicas is the number of processes that share the Store. Each grants
	// its share of the quotas in the mode FailLocal. 0 means 1.
	Replicas int

	// Deny responds to refused requests, in place of a problem document. Its
	// header has Retry-After, the RateLimit fields and no-store already; the
	// [Decision] is in the context. It has to send a status of its own.
	Deny http.Handler

	// Responder writes the problem of a refusal. Nil means that of the
	// middleware.Normalize around the limiter, else the defaults of package
	// respond.
	Responder *respond.Responder

	// Fields are the header fields that describe the quotas in each response.
	// The zero value is DraftFields.
	Fields Fields

	// Legacy adds X-RateLimit-Limit, -Remaining and -Reset (in Unix time) of
	// the policy with the fewest units left, for clients that know no others.
	Legacy bool

	// PartitionSecret adds the parameter pk to the RateLimit fields, so that
	// a client can tell its buckets apart: a hash of the key under this
	// secret of 16 bytes or more. Replicas need the same one. Nil means none.
	PartitionSecret []byte
}

// Fields selects the header fields that describe quotas.
type Fields uint8

const (
	// DraftFields are RateLimit-Policy and RateLimit of
	// draft-ietf-httpapi-ratelimit-headers-11. The draft has expired without a
	// successor. It is the zero value.
	DraftFields Fields = iota
	// NoFields leaves them out. Retry-After stays.
	NoFields
)

// NewLimiter returns the limiter that o describes. It panics where [New] does,
// and if another setting cannot work.
func NewLimiter(o Options) *Limiter {
	if n := len(o.PartitionSecret); n > 0 && n < 16 {
		panic(fmt.Sprintf("ratelimit: PartitionSecret of %d bytes: 16 are required", n))
	}
	if o.Fields > NoFields {
		panic(fmt.Sprintf("ratelimit: Fields = %d: DraftFields and NoFields are possible", o.Fields))
	}
	l := &Limiter{
		rules:      compile(o.Policies),
		onDecision: o.OnDecision,
		deny:       o.Deny,
		responder:  o.Responder,
		fields:     o.Fields,
		legacy:     o.Legacy,
		secret:     bytes.Clone(o.PartitionSecret),
	}
	switch s := o.Store.(type) {
	case nil:
		l.memory = NewMemory(DefaultMaxKeys)
	case *Memory:
		l.memory = s
	default:
		l.shared = newOutage(s, o.Outage, o.Replicas)
	}
	l.prepare()
	return l
}
