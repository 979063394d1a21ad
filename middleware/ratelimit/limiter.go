package ratelimit

import (
	"context"
	"net/http"
	"sync"

	"github.com/rejoinder-go/rejoinder/respond"
)

// Limiter decides which requests may pass. It is safe for concurrent use. The
// zero value is not valid; use [NewLimiter].
type Limiter struct {
	rules      []rule
	memory     *Memory // either this
	shared     *outage // or this
	onDecision func(*http.Request, Decision)
	deny       http.Handler
	responder  *respond.Responder
	secret     []byte
	fields     Fields
	legacy     bool

	fixed    string     // the value of RateLimit-Policy for a request that all rules apply to; empty if it varies
	spends   bool       // a rule has a Cost
	borrows  sync.Mutex // guards what is decided by rate.Limiters of the caller
	lent     bool       // there are any
	attempts sync.Pool
}

func (l *Limiter) prepare() {
	var fixed []byte
	varies := l.secret != nil
	for i := range l.rules {
		p := &l.rules[i]
		varies = varies || p.QuotaFor != nil || p.Limiter != nil
		l.lent = l.lent || p.Limiter != nil
		l.spends = l.spends || p.Cost != nil
		if p.shown() {
			fixed = appendComma(fixed, 0)
			fixed = append(fixed, p.item...)
		}
	}
	if !varies {
		l.fixed = string(fixed)
	}
}

// Check decides whether r may pass, and charges it if so. It sees no
// ResponseWriter: see [Decision] for what to send to the client, and for taking
// the charge back. A Policy's CountStatus has no effect here, since Check does
// not see the response.
//
// To be over the limit is not an error. An error means that the store could not
// be asked; the Decision is then what [Options].Outage says, and has the error
// too.
func (l *Limiter) Check(r *http.Request) (Decision, error) {
	a := l.decide(r)
	d := a.decision()
	l.report(r, d)
	return d, d.Err
}

func (l *Limiter) report(r *http.Request, d Decision) {
	if l.onDecision != nil {
		l.onDecision(r, d)
	}
}

// Wrap returns a handler that passes the requests that the policies grant to
// next, and refuses the others. All handlers that one Limiter wraps share its
// buckets: a router may call Wrap for each route or each request. It panics if
// next is nil.
func (l *Limiter) Wrap(next http.Handler) http.Handler {
	if next == nil {
		panic("ratelimit: the handler is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.serve(w, r, next)
	})
}

func (l *Limiter) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := l.decide(r)
	visible := l.onDecision != nil || l.spends || !a.allowed && l.deny != nil
	if visible {
		d := a.decision()
		l.report(r, d)
		if l.spends || !a.allowed && l.deny != nil {
			r = withDecision(r, d)
		}
	}
	exhausted := a.setFields(w.Header())
	counts := a.allowed && a.counts()
	switch {
	case !a.allowed:
		l.refuse(w, r, a)
	case exhausted == "" && !counts:
		if !visible { // nobody else has seen it
			l.attempts.Put(a)
		}
		next.ServeHTTP(w, r)
		return
	default:
		l.follow(w, r, next, a, counts, exhausted)
	}
	if !visible {
		l.attempts.Put(a)
	}
}

func (l *Limiter) refuse(w http.ResponseWriter, r *http.Request, a *attempt) {
	switch {
	case l.deny != nil:
		w.Header().Set("Cache-Control", "no-store") // RFC 6585, section 4
		l.deny.ServeHTTP(w, r)
	case l.responder != nil:
		l.responder.Problem(w, r, a.refusal().problem)
	default:
		a.refusal().send(w, r)
	}
}

// follow serves a request whose answer matters to the limiter.
func (l *Limiter) follow(w http.ResponseWriter, r *http.Request, next http.Handler, a *attempt, counts bool, exhausted string) {
	o := outcome{header: w.Header(), exhausted: exhausted}
	returned := false
	defer func() {
		if !counts {
			return
		}
		status := o.final(returned)
		_ = a.refund(r.Context(), func(p *rule) bool { return p.CountStatus != nil && !p.CountStatus(status) })
	}()
	next.ServeHTTP(o.watch(w), r)
	returned = true
}

// decide asks the store on behalf of r.
func (l *Limiter) decide(r *http.Request) *attempt {
	a, _ := l.attempts.Get().(*attempt)
	if a == nil {
		a = &attempt{limiter: l}
	}
	a.reset()
	for i := range l.rules {
		a.add(&l.rules[i], r)
	}
	if len(a.buckets) > 0 {
		l.take(r.Context(), a)
	}
	return a
}

func (l *Limiter) take(ctx context.Context, a *attempt) {
	if l.lent {
		l.takeLent(ctx, a)
	} else {
		l.ask(ctx, a)
	}
	if !a.undecided {
		a.conclude()
	}
}

// ask lets the store decide the buckets of a.
func (l *Limiter) ask(ctx context.Context, a *attempt) {
	if l.memory != nil {
		a.err = l.memory.Take(ctx, a.buckets)
	} else {
		l.shared.take(ctx, a)
	}
}
