package ratelimit

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// evaluation is the decision on one request, while it is being made and after
// that. It may be used again for another request as long as no [Decision] refers
// to it.
type evaluation struct {
	limiter *Limiter
	outer   *evaluation     // of a limiter around this one, for Spend
	applied []appliedPolicy // those that have a key for the request
	buckets []Bucket        // one for each of them
	text    []byte          // of the header fields

	allowed   bool
	undecided bool // allowed or refused because of an outage, without verdicts
	local     bool // decided and charged in the local memory of an outage
	wait      time.Duration
	err       error

	mu sync.Mutex // guards appliedPolicy.charged after the decision
}

// appliedPolicy is a policy that applies to the request.
type appliedPolicy struct {
	policy    *checkedPolicy
	quota     Quota // as granted; in an outage the bucket's is less
	barred    bool  // the quota grants nothing
	partition string
	charged   int
}

func (e *evaluation) reset() {
	e.outer, e.applied, e.buckets = nil, e.applied[:0], e.buckets[:0]
	e.allowed, e.undecided, e.local, e.wait, e.err = true, false, false, 0, nil
}

// apply adds the bucket that r is charged to under the policy p, if p applies to
// r.
func (e *evaluation) apply(p *checkedPolicy, r *http.Request) {
	key := p.Key(r)
	if key == "" {
		return
	}
	quota, barred := p.quotaFor(r)
	if quota == Unlimited() {
		return
	}
	b := Bucket{Policy: p.Name, Key: bound(key), Quota: quota, Cost: 1}
	if p.Cost != nil {
		b.Cost = max(0, p.Cost(r))
	}
	if barred && p.Limiter == nil { // no store accepts such a quota: make the request cost too much for another
		b.Quota, b.Cost = p.Quota, p.Quota.Burst+1
	}
	if p.Shadow {
		b.Mode = Shadow
	}
	partition := ""
	if e.limiter.secret != nil && p.shown() {
		partition = partitionKey(e.limiter.secret, key)
	}
	e.buckets = append(e.buckets, b)
	e.applied = append(e.applied, appliedPolicy{policy: p, quota: quota, barred: barred, partition: partition})
}

// quotaFor returns what p grants to the client of r, and whether that is nothing.
func (p *checkedPolicy) quotaFor(r *http.Request) (q Quota, barred bool) {
	switch {
	case p.Limiter != nil:
		switch q = AtRate(p.Limiter.Limit(), p.Limiter.Burst()); {
		case q == Unlimited():
			return q, false
		case q.N < 1: // its rate or its burst is 0
			return Quota{Per: time.Second}, true
		}
		return q.reportable(), false
	case p.QuotaFor == nil:
		return p.Quota, false
	}
	if q = p.QuotaFor(r); q == (Quota{}) {
		return p.Quota, false
	}
	if q = q.full(); q != Unlimited() && q.check() != nil {
		return Quota{Per: q.Per}, true
	}
	return q, false
}

// conclude decides on the request after the buckets are decided.
func (e *evaluation) conclude() {
	for i := range e.buckets {
		if e.violates(i) {
			e.allowed = false
			e.wait = max(e.wait, e.retryAfter(i))
		}
	}
	for i := range e.applied {
		if b := &e.buckets[i]; e.allowed && !b.Short {
			e.applied[i].charged = b.Cost
		}
	}
}

// violates reports whether policy i refuses the request.
func (e *evaluation) violates(i int) bool { return e.buckets[i].Short && e.buckets[i].Mode == Enforce }

func (e *evaluation) verdict(i int) Verdict {
	b, p := &e.buckets[i], &e.applied[i]
	v := Verdict{
		Policy:     b.Policy,
		Key:        b.Key,
		Quota:      p.quota,
		Cost:       b.Cost,
		Allowed:    !b.Short,
		Shadow:     p.policy.Shadow,
		Remaining:  b.Quota.remaining(b.Debt),
		RetryAfter: e.retryAfter(i),
	}
	switch {
	case p.barred:
		v.Remaining, v.Window = 0, Never
	case b.Short:
		v.Window = v.RetryAfter
	case v.Remaining > 0:
		v.Window = b.Quota.span(v.Remaining)
	default:
		v.Window = b.Quota.wait(b.Debt, 1)
	}
	return v
}

// retryAfter returns the RetryAfter of the verdict of policy i.
func (e *evaluation) retryAfter(i int) time.Duration {
	b, p := &e.buckets[i], &e.applied[i]
	switch {
	case !b.Short:
		return 0
	case p.barred:
		return Never
	}
	return b.Quota.wait(b.Debt, b.Cost)
}

func (e *evaluation) decision() Decision {
	d := Decision{Allowed: e.allowed, RetryAfter: e.wait, Err: e.err, evaluation: e}
	if !e.undecided {
		d.Verdicts = make([]Verdict, len(e.applied))
		for i := range e.applied {
			d.Verdicts[i] = e.verdict(i)
		}
	}
	return d
}

// counts reports whether some policy depends on the status of the response.
func (e *evaluation) counts() bool {
	return slices.ContainsFunc(e.applied, func(p appliedPolicy) bool { return p.policy.CountStatus != nil && p.charged > 0 })
}

// refusal returns the response to a refused request.
func (e *evaluation) refusal() refusal {
	if e.undecided {
		return unavailable
	}
	first, names := -1, []string(nil)
	for i := range e.applied {
		if !e.violates(i) {
			continue
		}
		p := e.applied[i].policy
		if first < 0 {
			first = i
			continue
		}
		if names == nil {
			names = slices.Clone(e.applied[first].policy.publicNames())
		}
		names = append(names, p.publicNames()...)
	}
	p, why := e.applied[first].policy, e.reason(first)
	if names == nil {
		return p.refusals[why]
	}
	d := p.refuse(why, names)
	return refusal{d, func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) }}
}

// reason returns why policy i, the first of those that refuse, does so.
func (e *evaluation) reason(i int) reason {
	switch {
	case e.wait == Never:
		return never
	case e.buckets[i].Key == everyone:
		return congested
	}
	return exceeded
}

// unavailable is the response if the request could not be decided.
var unavailable = newRefusal(problem.New(http.StatusServiceUnavailable))
