package ratelimit

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Never is the RetryAfter of a request that can never succeed: one that costs
// more than a full bucket holds, or has a quota of nothing.
const Never = time.Duration(math.MaxInt64)

// Verdict is what one policy decided on one request.
type Verdict struct {
	Policy string
	Key    string // whose bucket; a hash if the policy's Key gave a long one
	Quota  Quota  // as granted to this key, with its Burst
	Cost   int

	// Allowed is whether the policy had the units. It is about this policy
	// alone: another one may refuse the request, and then nothing is charged.
	Allowed bool
	// Shadow is whether the policy only reports.
	Shadow bool

	// Remaining is the number of whole units left.
	Remaining int
	// Window is the time for which Remaining has to last; without any, the
	// time until there is one.
	Window time.Duration
	// RetryAfter is the time after which the same request would have the
	// units, if no other request takes them: 0 if Allowed, or [Never].
	RetryAfter time.Duration
}

// Decision is what all policies together decided on one request.
type Decision struct {
	// Allowed is whether the request may pass. If so, it has been charged.
	Allowed bool
	// RetryAfter is the longest wait of the policies that refuse, exactly: 0
	// if Allowed, or [Never].
	RetryAfter time.Duration
	// Verdicts are those of the policies that apply to the request, in their
	// order: those with a key for it and without an Unlimited quota. There
	// are none when nothing could be decided.
	Verdicts []Verdict
	// Err is why the store could not be asked. With Verdicts the decision was
	// made on this replica's share of the quotas; see [FailMode].
	Err error

	attempt *attempt
}

// Problem is the response to a refused request: 429 or 503 with Retry-After, or
// 403 if it can never succeed, with the RateLimit fields and the names of the
// violated policies. It is nil if the request is Allowed. It can be returned from a handler under respond.Handler.
func (d Decision) Problem() *problem.Details {
	if d.Allowed || d.attempt == nil {
		return nil
	}
	h := make(http.Header, 3)
	d.SetHeader(h)
	p := d.attempt.refusal().problem.With()
	p.Header = h
	return p
}

// SetHeader adds the RateLimit fields to h, and sets Retry-After if the
// request is refused and waiting helps.
func (d Decision) SetHeader(h http.Header) {
	if d.attempt != nil {
		d.attempt.setFields(h)
	}
}

// Refund gives back what the request was charged, also through [Spend]. A
// second call does nothing.
func (d Decision) Refund(ctx context.Context) error {
	if d.attempt == nil {
		return nil
	}
	return d.attempt.refund(ctx, func(*rule) bool { return true })
}

type decisionKey struct{}

// FromContext returns the decision on the request that ctx belongs to. It is
// there for a Limiter's Deny handler, and for the handlers behind a limiter
// that has a policy with a Cost.
func FromContext(ctx context.Context) (Decision, bool) {
	d, ok := ctx.Value(decisionKey{}).(Decision)
	return d, ok
}

func withDecision(ctx context.Context, d Decision) context.Context {
	outer, _ := FromContext(ctx)
	d.attempt.outer = outer.attempt
	return context.WithValue(ctx, decisionKey{}, d)
}
