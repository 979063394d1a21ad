package ratelimit

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
	"golang.org/x/time/rate"
)

// Limiter decides which requests may pass. It is safe for concurrent use. The
// zero value is not valid; use [NewLimiter].
type Limiter struct {
	policies   []checkedPolicy
	memory     *Memory       // either this
	shared     *guardedStore // or this
	onDecision func(*http.Request, Decision)
	deny       http.Handler
	responder  *respond.Responder
	secret     []byte
	fields     Fields
	legacy     bool

	// fixed is the value of RateLimit-Policy for a request that all policies
	// apply to. It is empty if that value differs between requests.
	fixed       string
	hasCost     bool       // some policy has a Cost
	hasLimiters bool       // some policy has a Limiter
	limitersMu  sync.Mutex // guards decisions by those
	outageLog   rate.Sometimes
	evaluations sync.Pool
}

// summarize sets what follows from all policies together.
func (l *Limiter) summarize() {
	l.outageLog.Interval = time.Minute
	var fixed []byte
	varies := l.secret != nil
	for i := range l.policies {
		p := &l.policies[i]
		varies = varies || p.QuotaFor != nil || p.Limiter != nil
		l.hasLimiters = l.hasLimiters || p.Limiter != nil
		l.hasCost = l.hasCost || p.Cost != nil
		if p.shown() {
			fixed = appendComma(fixed, 0)
			fixed = append(fixed, p.item...)
		}
	}
	if !varies {
		l.fixed = string(fixed)
	}
}

// Check decides whether r may pass, and charges it if so. It does not write a
// response: use the [Decision] to describe the limit to the client, or to refund
// the charge. A Policy's CountStatus has no effect here, since Check does not see
// the response.
//
// A request over the limit is not an error. An error means that the store could
// not be reached. The Decision is then the one that [Options].Outage selects,
// and its Err is the same error.
func (l *Limiter) Check(r *http.Request) (Decision, error) {
	e := l.evaluate(r)
	d := e.decision()
	l.report(r, d)
	return d, d.Err
}

func (l *Limiter) report(r *http.Request, d Decision) {
	if l.onDecision != nil {
		l.onDecision(r, d)
	}
}

// evaluate decides on r.
func (l *Limiter) evaluate(r *http.Request) *evaluation {
	e, _ := l.evaluations.Get().(*evaluation)
	if e == nil {
		e = &evaluation{limiter: l}
	}
	e.reset()
	for i := range l.policies {
		e.apply(&l.policies[i], r)
	}
	if len(e.buckets) > 0 {
		l.take(r.Context(), e)
	}
	return e
}

func (l *Limiter) take(ctx context.Context, e *evaluation) {
	if l.hasLimiters {
		l.takeWithLimiters(ctx, e)
	} else {
		l.takeBuckets(ctx, e)
	}
	if !e.undecided {
		e.conclude()
	}
}

// takeBuckets lets the store decide on the buckets of e.
func (l *Limiter) takeBuckets(ctx context.Context, e *evaluation) {
	if l.memory != nil {
		e.err = l.memory.Take(ctx, e.buckets)
	} else {
		l.shared.take(ctx, e)
	}
}
