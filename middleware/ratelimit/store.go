package ratelimit

import (
	"context"
	"errors"
	"time"
)

// Store keeps the buckets of a limiter. A [Memory] keeps them in the process; the
// packages redisstore and rueidisstore share them between servers. Test an
// implementation with package ratelimittest.
//
// A Store must be safe for concurrent use. Every request waits for it, so it must
// return within a bounded time, whatever happens, and soon after ctx is done.
type Store interface {
	// Take decides all buckets at one instant, and charges all of them or
	// none: if one with the mode Enforce is short, nothing is charged. It sets
	// Debt and Short of each bucket and changes nothing else, except that it
	// may replace a Burst of 0 by N.
	//
	// Being short is not an error. An error means that there is no decision,
	// and that most likely nothing was charged.
	//
	// Take must not keep the slice. No two buckets of one call have the same
	// Policy, Key and Quota.
	Take(ctx context.Context, buckets []Bucket) error
}

// PartedStore is a [Store] that keeps its buckets on several servers. While one of
// them cannot be reached, the limiter still uses the others.
type PartedStore interface {
	Store
	// Part returns the name of the server that keeps b, or of another unit
	// that fails as one. An empty name means the whole store. Part is called
	// only while some part is down, and must not wait for a server.
	Part(b Bucket) string
}

// PartError is an error of a [PartedStore] that names the part that could not be
// reached. For other errors, all parts that the call needed are considered down.
type PartError struct {
	Part string
	Err  error
}

// Error returns the message of Err, after the name of the part if that is not
// empty.
func (e *PartError) Error() string {
	if e.Part == "" {
		return e.Err.Error()
	}
	return e.Part + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *PartError) Unwrap() error { return e.Err }

// ErrReply is wrapped by an error of a [Store] whose server has replied in time,
// but without a decision: it is loading its data, moving a slot, or out of
// memory. The request is decided as in an outage, but the next one uses the store
// again.
var ErrReply = errors.New("ratelimit: the store replied with an error")

// failedParts returns the parts that err names.
func failedParts(err error) (names []string) {
	switch e := err.(type) {
	case nil:
	case *PartError:
		if !errors.Is(e.Err, ErrReply) {
			names = append(names, e.Part)
		}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			names = append(names, failedParts(one)...)
		}
	default:
		names = failedParts(errors.Unwrap(err))
	}
	return names
}

// Bucket is a request to charge one bucket of a [Store], and the decision.
type Bucket struct {
	// Policy, Key and Quota together identify the bucket: with another quota
	// it is another bucket, which is full at first. The quota is valid. The
	// key has at most 128 bytes, of any value.
	Policy string
	Key    string
	Quota  Quota

	// Cost is the number of units to take. A cost of 0 takes nothing and only
	// reads the bucket. A negative cost returns units, until the bucket is
	// full, and is never short.
	Cost int

	// Mode is what happens if the bucket has fewer units than Cost.
	Mode Mode

	// Debt is set by Take to the time after this call until the bucket is full
	// again, rounded to the nearest nanosecond. It may be less by one tick of
	// the store's clock. It is at most twice the time in which an empty bucket
	// fills.
	Debt time.Duration

	// Short is set by Take. It reports whether the bucket held fewer units than
	// Cost. What comes back within a tick of the store's clock counts as there,
	// so that a client that waits for exactly the time that follows from Debt
	// is served.
	Short bool
}

// Mode is what happens to a [Bucket] that is short.
type Mode uint8

const (
	// Enforce refuses the whole call. It is the zero value.
	Enforce Mode = iota
	// Shadow reports that the bucket is short, leaves it unchanged, and does
	// not affect the other buckets.
	Shadow
	// Force takes the units anyway. The bucket then owes what it lacks, at most
	// as many units as it can hold. It is never short.
	Force
)
