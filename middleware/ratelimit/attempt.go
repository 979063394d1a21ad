package ratelimit

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// attempt is one request under way through the rules of a limiter. It may be
// used again for another request as long as no Decision refers to it.
type attempt struct {
	checker *Checker
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
	*a = attempt{checker: a.checker, parts: a.parts[:0], buckets: a.buckets[:0], text: a.text[:0], allowed: true}
}

// add asks for what r costs under the rule p, if p applies to it.
func (a *attempt) add(p *rule, r *http.Request) {
	key := p.Key(r)
	if key == "" {
		return
	}
	quota, barred := p.Quota, false
	if p.Vary != nil {
		if q := p.Vary(r); q != (Quota{}) {
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
	if barred { // asks for more than there can be
		b.Quota, b.Cost = p.Quota, p.Quota.Burst+1
	}
	if p.Shadow {
		b.Rule = Shadow
	}
	partition := ""
	if a.checker.secret != nil && p.shown() {
		partition = partitionKey(a.checker.secret, key)
	}
	a.buckets = append(a.buckets, b)
	a.parts = append(a.parts, part{rule: p, quota: quota, barred: barred, partition: partition})
}

// conclude draws the conclusion from what the store has answered.
func (a *attempt) conclude() {
	for i := range a.buckets {
		if b := &a.buckets[i]; b.Short && b.Rule == Enforce {
			a.allowed = false
			a.wait = max(a.wait, a.verdict(i).RetryAfter)
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
		Policy:    b.Policy,
		Key:       b.Key,
		Quota:     p.quota,
		Cost:      b.Cost,
		Allowed:   !b.Short,
		Shadow:    p.rule.Shadow,
		Remaining: b.Quota.remaining(b.Debt),
	}
	switch {
	case p.barred:
		v.Remaining, v.Window, v.RetryAfter = 0, never, never
	case b.Short:
		v.RetryAfter = b.Quota.wait(b.Debt, b.Cost)
		v.Window = v.RetryAfter
	case v.Remaining > 0:
		v.Window = b.Quota.span(v.Remaining)
	default:
		v.Window = b.Quota.wait(b.Debt, 1)
	}
	return v
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

// counts reports whether a rule wants to know the status of the answer.
func (a *attempt) counts() bool {
	return slices.ContainsFunc(a.parts, func(p part) bool { return p.rule.Count != nil && p.charged > 0 })
}

// violates reports whether the refusal is part i's, and may be told.
func (a *attempt) violates(i int) bool { return a.buckets[i].Short && a.buckets[i].Rule == Enforce }

// problem is what a refused request is answered with. It is shared: copy it
// before changing it.
func (a *attempt) problem() *problem.Details {
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
	p, key := a.parts[first].rule, a.buckets[first].Key
	switch {
	case names != nil:
		return p.refuse(key, names)
	case key == everyone:
		return p.congestion
	}
	return p.refusal
}

// unavailable answers what could not be decided.
var unavailable = problem.TemporaryReducedCapacity.New(problem.Detail(problem.Nearest(http.StatusServiceUnavailable).Description))

// setFields tells in h what is granted and what is left; a refusal tells that
// of the violated policies alone, so that nothing but Retry-After sets the
// time to come back (section 6 of the draft). If it allows the request and a
// policy has nothing left, it returns the value of RateLimit.
func (a *attempt) setFields(h http.Header) (exhausted string) {
	text := a.text[:0] // of all values, which share one string
	if !a.allowed {
		delete(h, stateField)
		delete(h, "Retry-After")
		if a.wait != never {
			text = strconv.AppendInt(text, int64(seconds(a.wait)), 10)
		}
	}
	retry := len(text)
	if a.undecided || len(a.parts) == 0 {
		if retry > 0 {
			h["Retry-After"] = []string{string(text)}
		}
		return ""
	}
	policy := a.checker.fixed
	if policy == "" || len(a.parts) != len(a.checker.rules) {
		policy = ""
		for i := range a.parts {
			if p := &a.parts[i]; p.rule.shown() {
				if len(text) > retry {
					text = append(text, ',')
				}
				text = appendPolicyItem(text, p.rule.quoted, p.quota, p.partition)
			}
		}
	}
	split := len(text)
	spent, tightest := false, Verdict{Remaining: -1}
	for i := range a.parts {
		p := &a.parts[i]
		if !p.rule.shown() || !a.allowed && !a.violates(i) {
			continue
		}
		v := a.verdict(i)
		if len(text) > split {
			text = append(text, ',')
		}
		text = appendStateItem(text, p.rule.quoted, v.Remaining, v.Window, p.partition)
		spent = spent || v.Remaining == 0
		if tightest.Remaining < 0 || v.Remaining < tightest.Remaining {
			tightest = v
		}
	}
	a.text = text
	all := string(text)
	if split > retry {
		policy = all[retry:split]
	}
	state := all[split:]
	addFields(h, all[:retry], policy, state)
	if a.checker.legacy && tightest.Remaining >= 0 {
		reset := tightest.Window
		if !a.allowed {
			reset = a.wait
		}
		if reset == never {
			reset = 0
		}
		setLegacy(h, tightest.Quota.Capacity(), tightest.Remaining, time.Now().Unix()+int64(seconds(reset)))
	}
	if a.allowed && spent {
		return state
	}
	return ""
}

func appendComma(text []byte) []byte {
	if len(text) > 0 {
		text = append(text, ',')
	}
	return text
}

// errNothing is what Spend returns where there is nothing to charge.
var errNothing = errors.New("ratelimit: Spend: the context belongs to no request that a policy with a Cost let pass")

// Spend charges n more units to the request that ctx belongs to, in all
// policies with a Cost whose limiter let it pass: what it has really cost, once
// that is known. They are charged even if there is not enough; then the client
// waits the longer. A negative n gives units back, at most as many as the
// request was charged.
//
// It returns an error if there is no such request or if the store cannot be
// asked.
func Spend(ctx context.Context, n int) error {
	d, ok := FromContext(ctx)
	if !ok {
		return errNothing
	}
	var errs []error
	for a := d.attempt; a != nil; a = a.outer {
		errs = append(errs, a.spend(ctx, n))
	}
	return errors.Join(errs...)
}

func (a *attempt) spend(ctx context.Context, n int) error {
	return a.correct(ctx, func(p *part) int {
		if p.rule.Cost == nil || !a.allowed {
			return 0
		}
		return max(n, -p.charged)
	})
}

func (a *attempt) refund(ctx context.Context, of func(*rule) bool) error {
	return a.correct(ctx, func(p *part) int {
		if !of(p.rule) {
			return 0
		}
		return -p.charged
	})
}

// correct charges each part by so much more. The client may have gone, but
// what it was charged still has to be right.
func (a *attempt) correct(ctx context.Context, by func(*part) int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.undecided {
		return nil // nothing was charged
	}
	var buckets []Bucket
	for i := range a.parts {
		p := &a.parts[i]
		if n := by(p); n != 0 {
			b := a.buckets[i]
			buckets = append(buckets, Bucket{Policy: b.Policy, Key: b.Key, Quota: b.Quota, Cost: n, Rule: Force})
			p.charged += n
		}
	}
	if len(buckets) == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if a.checker.memory != nil {
		return a.checker.memory.Take(ctx, buckets)
	}
	return a.checker.shared.correct(ctx, buckets, a.local)
}
