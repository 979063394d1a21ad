package ratelimit

import (
	"context"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// follow serves a request whose response matters to the limiter: for a rule with
// a CountStatus, or for a RateLimit field that must not leave with a redirect.
func (l *Limiter) follow(rw http.ResponseWriter, r *http.Request, ctx context.Context, next http.Handler, a *attempt, counts bool, exhausted string) {
	w, face, owner := exchange.Enter(rw, r)
	exchange.KeepLimits(face)
	if exhausted != "" {
		d := &dropped{value: exhausted}
		d.Observer = d
		w.Observe(&d.Observation)
	}
	if counts {
		c := &counted{attempt: a, ctx: context.WithoutCancel(r.Context()), x: w.Exchange()}
		c.Closer = c
		w.AtClose(&c.Closing)
	}
	defer w.Ended(face, r, owner)
	pass(next, face, r, ctx)
}

// counted is an attempt whose charge depends on the status that the client gets
// in the end: an outer layer may still replace that of the handler.
type counted struct {
	exchange.Closing
	attempt *attempt
	ctx     context.Context
	x       *exchange.Exchange
}

// Closed is the method of exchange.Closer.
func (c *counted) Closed() {
	status := c.x.FinalStatus()
	_ = c.attempt.refund(c.ctx, func(p *rule) bool { return p.CountStatus != nil && !p.CountStatus(status) })
}

// keep calls the next handler so that the RateLimit fields leave as they are,
// although a proxy further in adds those of its upstream. A ResponseWriter of
// another toolkit is passed on as it is: to wrap it would cost more than the
// limiter.
func keep(next http.Handler, rw http.ResponseWriter, r *http.Request, ctx context.Context) {
	if !exchange.IsCheap(rw) {
		pass(next, rw, r, ctx)
		return
	}
	w, face, owner := exchange.Enter(rw, r)
	exchange.KeepLimits(face)
	defer w.Ended(face, r, owner)
	pass(next, face, r, ctx)
}

// pass calls the next handler, with another context unless ctx is nil.
func pass(next http.Handler, w http.ResponseWriter, r *http.Request, ctx context.Context) {
	if ctx == nil {
		next.ServeHTTP(w, r)
		return
	}
	exchange.Serve(next, w, r, ctx)
}

// dropped is a RateLimit field that reports that nothing is left. It does not leave
// with a redirect: a client that follows one at once would come too early
// (section 6 of the draft).
type dropped struct {
	exchange.Observation
	value string
}

// Sending is the method of exchange.Observer.
func (d *dropped) Sending(_ *exchange.Exchange, status int, h http.Header) {
	if status >= 300 && status <= 399 {
		dropField(h, stateField, d.value)
	}
}
