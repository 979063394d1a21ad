package ratelimit

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/respond"
	"golang.org/x/time/rate"
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
	outages  rate.Sometimes
	attempts sync.Pool
}

func (l *Limiter) prepare() {
	l.outages.Interval = time.Minute
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
	return &limited{l, next}
}

// limited is a handler behind a limiter.
type limited struct {
	limiter *Limiter
	next    http.Handler
}

func (h *limited) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.limiter.serve(w, r, h.next) }

// Handler lets middleware.Timeout find the route of a request whose handler has
// not returned.
func (h *limited) Handler(r *http.Request) (http.Handler, string) { return handlerOf(h.next, r) }

func handlerOf(next http.Handler, r *http.Request) (http.Handler, string) {
	if next, ok := next.(exchange.Router); ok {
		return next.Handler(r)
	}
	return nil, ""
}

func (l *Limiter) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := l.decide(r)
	visible := l.onDecision != nil || l.spends || !a.allowed && l.deny != nil
	var ctx context.Context // nil if it stays
	if visible {
		d := a.decision()
		l.report(r, d)
		if l.spends || !a.allowed && l.deny != nil {
			ctx = withDecision(r.Context(), d)
		}
	} else if a.err != nil {
		l.log(r, a.err)
	}
	exhausted := a.setFields(w.Header())
	if !a.allowed {
		exchange.KeepLimits(w)
	}
	counts := a.counts()
	switch {
	case !a.allowed:
		l.refuse(w, r, ctx, a)
	case exhausted == "" && !counts:
		if !visible { // nothing else has seen it
			l.attempts.Put(a)
		}
		keep(next, w, r, ctx)
		return
	default:
		l.follow(w, r, ctx, next, a, counts, exhausted)
		visible = visible || counts // then the end of the exchange needs it
	}
	if !visible {
		l.attempts.Put(a)
	}
}

func (l *Limiter) refuse(w http.ResponseWriter, r *http.Request, ctx context.Context, a *attempt) {
	switch {
	case l.deny != nil:
		w.Header().Set("Cache-Control", "no-store") // RFC 6585, section 4
		keep(l.deny, w, r, ctx)
	case l.responder != nil:
		l.responder.Problem(w, r, a.refusal().problem)
	default:
		a.refusal().send(w, r)
	}
}

// log tells of an outage where no OnDecision does: once a minute, whatever
// arrives.
func (l *Limiter) log(r *http.Request, err error) {
	l.outages.Do(func() {
		logger := slog.Default()
		if l.responder != nil && l.responder.Logger != nil {
			logger = l.responder.Logger
		}
		logger.WarnContext(r.Context(), "ratelimit: decided without the store", "error", exchange.Bounded(err.Error()))
	})
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
