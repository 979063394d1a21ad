package ratelimit

import (
	"context"
	"errors"
	"time"
)

// Store keeps the buckets of a limiter. [NewMemory] keeps them in the process;
// a store on a server lets a fleet share them. An implementation is tested by
// package ratelimittest.
//
// It is called by many goroutines at once, and every request waits for it: it
// has to return within a bounded time, whatever happens, and soon after ctx
// is done.
type Store interface {
	// Take decides all buckets at one instant, and charges all of them or
	// none: if one with the mode Enforce is short, nothing is charged.
	// It sets Debt and Short of each bucket and changes nothing else, except
	// that it may spell out a Burst of 0.
	//
	// Being short is not an error. An error means that nothing is known, and
	// that most likely nothing was charged.
	//
	// The slice is the caller's: it must not be kept. No two buckets of one
	// call have the same Policy, Key and Quota.
	Take(ctx context.Context, buckets []Bucket) error
}

// Parted is a [Store] that keeps its buckets on several servers. While one of
// them cannot be asked, the limiter goes on asking the others.
type Parted interface {
	Store
	// Part returns the name of the server that keeps b, or of whatever fails
	// as one; an empty name is the whole store. It is called only while some
	// part is down, and must not wait for a server.
	Part(b Bucket) string
}

// PartError is an error of a [Parted] store that tells which part could not be
// asked. Without one, all parts that the call needed are taken to be down.
type PartError struct {
	Part string
	Err  error
}

// Error returns the message of Err, after the name of the part if it has one.
func (e *PartError) Error() string {
	if e.Part == "" {
		return e.Err.Error()
	}
	return e.Part + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *PartError) Unwrap() error { return e.Err }

// ErrReply is wrapped by an error of a [Store] whose server has replied in
// time, but not with a decision: it loads its data, moves a slot, or its memory
// is full. The request is then decided as in an outage, but the next one asks
// the store again.
var ErrReply = errors.New("the store replied with an error")

// failedParts returns the parts that the errors in err name.
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

// Bucket is what is asked of one bucket of a [Store], and what it decided.
type Bucket struct {
	// Policy, Key and Quota together identify the bucket: with another
	// quota it is another bucket, and it is full at first. The quota is
	// valid, the key at most 128 bytes of any value.
	Policy string
	Key    string
	Quota  Quota

	// Cost is the number of units to take. Nothing is taken for 0, which
	// only asks. A negative cost gives units back, until the bucket is full;
	// it is never short.
	Cost int

	// Mode is what happens where there is not enough.
	Mode Mode

	// Debt is set by Take: the time after this call until the bucket would be
	// full again, rounded to the nearest nanosecond, or less by as much as
	// the store's clock is coarse. It is at most twice the time in which an
	// empty bucket fills.
	Debt time.Duration

	// Short is set by Take: whether the bucket held fewer units than Cost.
	// Less than a tick of the store's clock is not missing: a client that
	// waits for exactly as long as the debt says is served.
	Short bool
}

// Mode is what becomes of a [Bucket] that is short.
type Mode uint8

const (
	// Enforce refuses the whole call. It is the zero value.
	Enforce Mode = iota
	// Shadow reports that the bucket is short, leaves it as it is, and has no
	// influence on the other buckets.
	Shadow
	// Force takes the units all the same; the bucket owes what it lacks, down
	// to as many units below zero as it can hold. It is never short.
	Force
)
