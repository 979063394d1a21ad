package ratelimit

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// attempt is one request under way through the rules of a limiter. It may be
// used again for another request as long as no Decision refers to it.
type attempt struct {
	limiter *Limiter
	outer   *attempt // of a limiter around this one, for Spend
	parts   []part
	buckets []Bucket // one for each part
	text    []byte   // for the fields

	allowed   bool
	undecided bool // allowed or not for want of a store, so there are no verdicts
	local     bool // decided, and charged, in the local store of an outage
	wait      time.Duration
	err       error

	mu sync.Mutex // guards what is done after the decision: part.charged
}

// part is one rule that applies to the request.
type part struct {
	rule      *rule
	quota     Quota // as granted; the bucket's is less in an outage
	barred    bool  // the quota is of nothing
	partition string
	charged   int
}

func (a *attempt) reset() {
	a.outer, a.parts, a.buckets = nil, a.parts[:0], a.buckets[:0]
	a.allowed, a.undecided, a.local, a.wait, a.err = true, false, false, 0, nil
}

// add asks for what r costs under the rule p, if p applies to it.
func (a *attempt) add(p *rule, r *http.Request) {
	key := p.Key(r)
	if key == "" {
		return
	}
	quota, barred := p.Quota, false
	switch {
	case p.Limiter != nil:
		if quota = AtRate(p.Limiter.Limit(), p.Limiter.Burst()); quota == Unlimited() {
			return
		}
		if barred = quota.N < 1; barred { // its rate or its burst is 0
			quota = Quota{Per: time.Second}
		} else {
			quota = quota.reportable()
		}
	case p.QuotaFor != nil:
		if q := p.QuotaFor(r); q != (Quota{}) {
			quota = q.full()
		}
		if quota == Unlimited() {
			return
		}
		if barred = quota.check() != nil; barred {
			quota = Quota{Per: quota.Per}
		}
	}
	b := Bucket{Policy: p.Name, Key: bound(key), Quota: quota, Cost: 1}
	if p.Cost != nil {
		b.Cost = max(0, p.Cost(r))
	}
	if barred && p.Limiter == nil { // asks for more than there can be
		b.Quota, b.Cost = p.Quota, p.Quota.Burst+1
	}
	if p.Shadow {
		b.Mode = Shadow
	}
	partition := ""
	if a.limiter.secret != nil && p.shown() {
		partition = partitionKey(a.limiter.secret, key)
	}
	a.buckets = append(a.buckets, b)
	a.parts = append(a.parts, part{rule: p, quota: quota, barred: barred, partition: partition})
}

// conclude draws the conclusion from what the store decided.
func (a *attempt) conclude() {
	for i := range a.buckets {
		if b := &a.buckets[i]; b.Short && b.Mode == Enforce {
			a.allowed = false
			a.wait = max(a.wait, a.retryAfter(i))
		}
	}
	for i := range a.parts {
		if b := &a.buckets[i]; a.allowed && !b.Short {
			a.parts[i].charged = b.Cost
		}
	}
}

func (a *attempt) verdict(i int) Verdict {
	b, p := &a.buckets[i], &a.parts[i]
	v := Verdict{
		Policy:     b.Policy,
		Key:        b.Key,
		Quota:      p.quota,
		Cost:       b.Cost,
		Allowed:    !b.Short,
		Shadow:     p.rule.Shadow,
		Remaining:  b.Quota.remaining(b.Debt),
		RetryAfter: a.retryAfter(i),
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

// retryAfter is that of the verdict of part i.
func (a *attempt) retryAfter(i int) time.Duration {
	b, p := &a.buckets[i], &a.parts[i]
	switch {
	case !b.Short:
		return 0
	case p.barred:
		return Never
	}
	return b.Quota.wait(b.Debt, b.Cost)
}

func (a *attempt) decision() Decision {
	d := Decision{Allowed: a.allowed, RetryAfter: a.wait, Err: a.err, attempt: a}
	if !a.undecided {
		d.Verdicts = make([]Verdict, len(a.parts))
		for i := range a.parts {
			d.Verdicts[i] = a.verdict(i)
		}
	}
	return d
}

// counts reports whether a rule depends on the status of the response.
func (a *attempt) counts() bool {
	return slices.ContainsFunc(a.parts, func(p part) bool { return p.rule.CountStatus != nil && p.charged > 0 })
}

// violates reports whether the refusal is part i's, and may be told.
func (a *attempt) violates(i int) bool { return a.buckets[i].Short && a.buckets[i].Mode == Enforce }

// refusal is what a refused request gets.
func (a *attempt) refusal() refusal {
	if a.undecided {
		return unavailable
	}
	first, names := -1, []string(nil)
	for i := range a.parts {
		if !a.violates(i) {
			continue
		}
		p := a.parts[i].rule
		if first < 0 {
			first = i
			continue
		}
		if names == nil {
			names = slices.Clone(a.parts[first].rule.publicNames())
		}
		names = append(names, p.publicNames()...)
	}
	p, kind := a.parts[first].rule, a.kind(first)
	if names == nil {
		return p.refusals[kind]
	}
	d := p.refuse(kind, names)
	return refusal{d, func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) }}
}

// kind is why part i, the first of those that refuse, does so.
func (a *attempt) kind(i int) reason {
	switch {
	case a.wait == Never:
		return never
	case a.buckets[i].Key == everyone:
		return congested
	}
	return exceeded
}

// unavailable is the response where nothing could be decided.
var unavailable = prepare(problem.New(http.StatusServiceUnavailable))
