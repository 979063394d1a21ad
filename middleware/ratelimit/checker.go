package ratelimit

import (
	"context"
	"net/http"
	"sync"

	"github.com/rejoinder-go/rejoinder/respond"
)

// Checker is a limiter at work. It is safe for concurrent use. The zero value
// is not valid; use [Limiter.Checker].
type Checker struct {
	rules     []rule
	memory    *Memory // either this
	shared    *outage // or this
	onVerdict func(*http.Request, Decision)
	deny      http.Handler
	responder *respond.Responder
	secret    []byte
	legacy    bool

	fixed    string // the value of RateLimit-Policy for a request that all rules apply to; empty if it varies
	spends   bool   // a rule has a Cost
	attempts sync.Pool
}

func (c *Checker) prepare() {
	var fixed []byte
	varies := c.secret != nil
	for i := range c.rules {
		p := &c.rules[i]
		varies = varies || p.Vary != nil
		c.spends = c.spends || p.Cost != nil
		if p.shown() {
			fixed = appendComma(fixed, 0)
			fixed = append(fixed, p.item...)
		}
	}
	if !varies {
		c.fixed = string(fixed)
	}
}

// Check decides whether r may pass, and charges it if so. It sees no
// ResponseWriter: see [Decision] for what to tell the client, and for taking
// the charge back. A Policy's Count has no effect here, since Check does not
// see the answer.
//
// To be over the limit is no error. An error means that the store could not be
// asked; the Decision is then what [Limiter].Outage says, and has the error
// too.
func (c *Checker) Check(r *http.Request) (Decision, error) {
	a := c.decide(r)
	d := a.decision()
	c.report(r, d)
	return d, d.Err
}

func (c *Checker) report(r *http.Request, d Decision) {
	if c.onVerdict != nil {
		c.onVerdict(r, d)
	}
}

// Wrap returns a handler that passes to next the requests that the policies
// grant, and answers the others. Panics if next is nil.
func (c *Checker) Wrap(next http.Handler) http.Handler {
	if next == nil {
		panic("ratelimit: the handler is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.serve(w, r, next)
	})
}

func (c *Checker) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := c.decide(r)
	visible := c.onVerdict != nil || c.spends || !a.allowed && c.deny != nil
	if visible {
		d := a.decision()
		c.report(r, d)
		if c.spends || !a.allowed && c.deny != nil {
			r = withDecision(r, d)
		}
	}
	exhausted := a.setFields(w.Header())
	counts := a.allowed && a.counts()
	switch {
	case !a.allowed:
		c.refuse(w, r, a)
	case exhausted == "" && !counts:
		if !visible { // nobody else has seen it
			c.attempts.Put(a)
		}
		next.ServeHTTP(w, r)
		return
	default:
		c.follow(w, r, next, a, counts, exhausted)
	}
	if !visible {
		c.attempts.Put(a)
	}
}

func (c *Checker) refuse(w http.ResponseWriter, r *http.Request, a *attempt) {
	switch {
	case c.deny != nil:
		w.Header().Set("Cache-Control", "no-store") // RFC 6585, section 4
		c.deny.ServeHTTP(w, r)
	case c.responder != nil:
		c.responder.Problem(w, r, a.refusal().problem)
	default:
		a.refusal().send(w, r)
	}
}

// follow serves a request whose answer matters to the limiter.
func (c *Checker) follow(w http.ResponseWriter, r *http.Request, next http.Handler, a *attempt, counts bool, exhausted string) {
	o := outcome{header: w.Header(), exhausted: exhausted}
	returned := false
	defer func() {
		if !counts {
			return
		}
		status := o.final(returned)
		_ = a.refund(r.Context(), func(p *rule) bool { return p.Count != nil && !p.Count(status) })
	}()
	next.ServeHTTP(o.watch(w), r)
	returned = true
}

// decide asks the store on behalf of r.
func (c *Checker) decide(r *http.Request) *attempt {
	a, _ := c.attempts.Get().(*attempt)
	if a == nil {
		a = &attempt{checker: c}
	}
	a.reset()
	for i := range c.rules {
		a.add(&c.rules[i], r)
	}
	if len(a.buckets) > 0 {
		c.take(r.Context(), a)
	}
	return a
}

func (c *Checker) take(ctx context.Context, a *attempt) {
	if c.memory != nil {
		a.err = c.memory.Take(ctx, a.buckets)
	} else {
		c.shared.take(ctx, a)
	}
	if !a.undecided {
		a.conclude()
	}
}
