package ratelimit

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Never is the RetryAfter of a request that can never succeed: its cost exceeds
// the capacity of its bucket, or its quota grants nothing.
const Never = time.Duration(math.MaxInt64)

// Verdict is what one policy decided on one request.
type Verdict struct {
	Policy string
	Key    string // of the bucket; a hash if the policy's Key returned a long one
	Quota  Quota  // granted to this key, with its Burst
	Cost   int

	// Allowed reports whether the policy had the units. It is about this
	// policy alone: if another one refuses the request, nothing is charged.
	Allowed bool
	// Shadow is that of the policy: it reports, and refuses nothing.
	Shadow bool

	// Remaining is the number of whole units left.
	Remaining int
	// Window is the time for which Remaining has to last. If Remaining is 0, it
	// is the time until one unit is back.
	Window time.Duration
	// RetryAfter is the time after which the same request would be allowed, if
	// no other request takes the units: 0 if Allowed, or [Never].
	RetryAfter time.Duration
}

// Decision is what all policies together decided on one request.
type Decision struct {
	// Allowed reports whether the request may pass. If so, it was charged.
	Allowed bool
	// RetryAfter is the longest wait of the policies that refuse, not rounded:
	// 0 if Allowed, or [Never].
	RetryAfter time.Duration
	// Verdicts has one element for each policy that applies to the request, in
	// the order of the policies. A policy does not apply if its key is empty or
	// its quota Unlimited. Verdicts is empty if nothing could be decided.
	Verdicts []Verdict
	// Err is the error of the store, or nil. If there are Verdicts as well, the
	// decision was made on this replica's share of the quotas; see [FailMode].
	Err error

	evaluation *evaluation
}

// Problem returns the response to a refused request: 429 or 503 with
// Retry-After, or 403 if it can never succeed, with the RateLimit fields and the
// names of the violated policies. It returns nil if the request is Allowed. A
// handler of respond.Handler may return it as its error.
func (d Decision) Problem() *problem.Details {
	if d.Allowed || d.evaluation == nil {
		return nil
	}
	h := make(http.Header, 3)
	d.SetHeader(h)
	p := d.evaluation.refusal().problem.With()
	p.Header = h
	return p
}

// SetHeader adds the RateLimit fields to h. If the request is refused and waiting
// helps, it sets Retry-After.
func (d Decision) SetHeader(h http.Header) {
	if d.evaluation != nil {
		d.evaluation.setHeader(h)
	}
}

// Refund returns the units that the request was charged, also through [Spend]. A
// second call does nothing. It returns an error if the store cannot be reached.
func (d Decision) Refund(ctx context.Context) error {
	if d.evaluation == nil {
		return nil
	}
	return d.evaluation.refund(ctx, func(*checkedPolicy) bool { return true })
}

type decisionKey struct{}

// FromContext returns the decision on the request that ctx belongs to. The
// context has one in the Deny handler of a limiter, and in the handlers behind a
// limiter that has a policy with a Cost.
func FromContext(ctx context.Context) (Decision, bool) {
	d, ok := ctx.Value(decisionKey{}).(Decision)
	return d, ok
}

func withDecision(ctx context.Context, d Decision) context.Context {
	outer, _ := FromContext(ctx)
	d.evaluation.outer = outer.evaluation
	return context.WithValue(ctx, decisionKey{}, d)
}
