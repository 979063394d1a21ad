package ratelimit

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/respond"
)

// New returns a middleware that passes a request through if all policies have
// the units that it costs, and refuses it otherwise. All handlers that it wraps
// share the buckets, which are kept in memory for up to DefaultMaxKeys keys.
// Make it once: a router may call the middleware once per route or per request.
//
// New panics if there is no policy; if a policy has no Key, no valid Quota, a
// Name that a header field cannot carry, or a Problem whose status is not an
// error; or if two policies have the same name.
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

	// Store keeps the buckets. Nil means a [Memory] for DefaultMaxKeys keys.
	Store Store

	// OnDecision is called with every decision, for metrics and logs, before
	// the response is written. It must be safe for concurrent use. A flood of
	// requests is a flood of calls: bound what is logged with a rate.Sometimes
	// of golang.org/x/time/rate. If it is nil, decisions made without the
	// Store are logged once a minute, and others are not.
	OnDecision func(*http.Request, Decision)

	// Outage selects what happens while the Store cannot be reached. The zero
	// value is FailLocal.
	Outage FailMode
	// Replicas is the number of processes that share the Store. In the mode
	// FailLocal each grants its share of the quotas. 0 means 1.
	Replicas int

	// Deny responds to refused requests in place of a problem document. When
	// it is called, Retry-After, the RateLimit fields and Cache-Control:
	// no-store are set, and the [Decision] is in the context. It must send a
	// status itself: otherwise net/http sends 200.
	Deny http.Handler

	// Responder writes the problem of a refusal. Nil means the Responder of
	// the middleware.Normalize around the limiter, or without one the defaults
	// of package respond.
	Responder *respond.Responder

	// Fields selects the header fields that describe the quotas in each
	// response. The zero value is DraftFields.
	Fields Fields

	// Legacy adds X-RateLimit-Limit, X-RateLimit-Remaining and
	// X-RateLimit-Reset (in Unix time) of the policy with the fewest units
	// left, for clients that know no other fields.
	Legacy bool

	// PartitionSecret adds the parameter pk to the RateLimit fields, which
	// shows a client which of its requests share a bucket: a hash of the key
	// under this secret of at least 16 bytes. Replicas need the same secret.
	// Nil means no pk.
	PartitionSecret []byte
}

// Fields selects the header fields that describe quotas.
type Fields uint8

const (
	// DraftFields are RateLimit-Policy and RateLimit of
	// draft-ietf-httpapi-ratelimit-headers-11, which has expired without a
	// successor. It is the zero value.
	DraftFields Fields = iota
	// NoFields leaves them out. Retry-After stays.
	NoFields
)

// NewLimiter returns a limiter with the settings o. It panics as [New] does, and
// if another setting is invalid.
func NewLimiter(o Options) *Limiter {
	if n := len(o.PartitionSecret); n > 0 && n < 16 {
		panic(fmt.Sprintf("ratelimit: PartitionSecret of %d bytes: at least 16 are required", n))
	}
	if o.Fields > NoFields {
		panic(fmt.Sprintf("ratelimit: Fields = %d: DraftFields or NoFields is required", o.Fields))
	}
	l := &Limiter{
		policies:   checkPolicies(o.Policies),
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
		l.shared = newGuardedStore(s, o.Outage, o.Replicas)
	}
	l.summarize()
	return l
}
