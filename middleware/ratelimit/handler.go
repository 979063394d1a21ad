package ratelimit

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// Wrap returns a handler that passes requests to next if the policies have the
// units that they cost, and refuses the others. All handlers that one Limiter
// wraps share its buckets: a router may call Wrap once per route or per request.
// It panics if next is nil.
func (l *Limiter) Wrap(next http.Handler) http.Handler {
	if next == nil {
		panic("ratelimit: the handler is nil")
	}
	return &limitedHandler{l, next}
}

// limitedHandler is a handler behind a limiter.
type limitedHandler struct {
	limiter *Limiter
	next    http.Handler
}

func (h *limitedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.limiter.serve(w, r, h.next)
}

// Handler lets middleware.Timeout find the route of a request whose handler has
// not returned.
func (h *limitedHandler) Handler(r *http.Request) (http.Handler, string) { return handlerOf(h.next, r) }

func handlerOf(next http.Handler, r *http.Request) (http.Handler, string) {
	if next, ok := next.(exchange.Router); ok {
		return next.Handler(r)
	}
	return nil, ""
}

func (l *Limiter) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	e := l.evaluate(r)
	ctx, shared := l.reportDecision(r, e)
	exhausted := e.setHeader(w.Header())
	if !e.allowed {
		exchange.KeepLimits(w)
		l.refuse(w, r, ctx, e)
	} else if counts := e.counts(); counts || exhausted != "" {
		l.serveObserved(w, r, ctx, next, e, exhausted)
		shared = shared || counts // until the end of the exchange
	} else {
		if !shared { // before a handler that may run for long
			l.evaluations.Put(e)
		}
		keepLimits(next, w, r, ctx)
		return
	}
	if !shared {
		l.evaluations.Put(e)
	}
}

// reportDecision reports the decision to the caller's functions. It returns the
// context for the handlers that may read it, or nil if there are none, and
// whether some code may refer to e from now on.
func (l *Limiter) reportDecision(r *http.Request, e *evaluation) (ctx context.Context, shared bool) {
	needed := l.hasCost || !e.allowed && l.deny != nil
	if l.onDecision == nil {
		if e.err != nil {
			l.logOutage(r, e.err)
		}
		if !needed {
			return nil, false
		}
	}
	d := e.decision()
	l.report(r, d)
	if needed {
		ctx = withDecision(r.Context(), d)
	}
	return ctx, true
}

// logOutage logs an outage where no OnDecision does: once a minute, however many
// requests arrive.
func (l *Limiter) logOutage(r *http.Request, err error) {
	l.outageLog.Do(func() {
		logger := slog.Default()
		if l.responder != nil && l.responder.Logger != nil {
			logger = l.responder.Logger
		}
		logger.WarnContext(r.Context(), "ratelimit: decided without the store", "error", exchange.Loggable(err.Error(), 1<<10))
	})
}

func (l *Limiter) refuse(w http.ResponseWriter, r *http.Request, ctx context.Context, e *evaluation) {
	switch {
	case l.deny != nil:
		w.Header().Set("Cache-Control", "no-store") // RFC 6585, section 4
		keepLimits(l.deny, w, r, ctx)
	case l.responder != nil:
		l.responder.Problem(w, r, e.refusal().problem)
	default:
		e.refusal().send(w, r)
	}
}

// serveObserved serves a request whose response matters to the limiter: for a policy
// with a CountStatus, or for a RateLimit field that must not leave with a
// redirect.
func (l *Limiter) serveObserved(rw http.ResponseWriter, r *http.Request, ctx context.Context, next http.Handler, e *evaluation, exhausted string) {
	w, face, owner := exchange.Enter(rw, r)
	exchange.KeepLimits(face)
	if exhausted != "" {
		d := &redirectFilter{value: exhausted}
		d.Observer = d
		w.Observe(&d.Observation)
	}
	if e.counts() {
		c := &statusRefund{evaluation: e, ctx: context.WithoutCancel(r.Context()), x: w.Exchange()}
		c.Closer = c
		w.AtClose(&c.Closing)
	}
	defer w.Ended(face, r, owner)
	serveWith(next, face, r, ctx)
}

// statusRefund refunds a request that does not count, by the status that the
// client gets in the end: an outer layer may replace that of the handler.
type statusRefund struct {
	exchange.Closing
	evaluation *evaluation
	ctx        context.Context
	x          *exchange.Exchange
}

// Closed implements exchange.Closer.
func (c *statusRefund) Closed() {
	status := c.x.FinalStatus()
	_ = c.evaluation.refund(c.ctx, func(p *checkedPolicy) bool { return p.CountStatus != nil && !p.CountStatus(status) })
}

// redirectFilter removes a RateLimit field that reports that nothing is left
// from a redirect: a client that follows it at once would come too early (section
// 6 of the draft).
type redirectFilter struct {
	exchange.Observation
	value string
}

// Sending implements exchange.Observer.
func (d *redirectFilter) Sending(_ *exchange.Exchange, status int, h http.Header) {
	if status >= 300 && status <= 399 {
		removeValue(h, stateField, d.value)
	}
}

// keepLimits calls the next handler. The RateLimit fields leave as they are,
// although a proxy further in adds those of its upstream. A ResponseWriter of
// another toolkit is passed on as it is: to wrap it would cost more than the
// limiter.
func keepLimits(next http.Handler, rw http.ResponseWriter, r *http.Request, ctx context.Context) {
	if !exchange.IsCheap(rw) {
		serveWith(next, rw, r, ctx)
		return
	}
	w, face, owner := exchange.Enter(rw, r)
	exchange.KeepLimits(face)
	defer w.Ended(face, r, owner)
	serveWith(next, face, r, ctx)
}

// serveWith calls the next handler, with another context unless ctx is nil.
func serveWith(next http.Handler, w http.ResponseWriter, r *http.Request, ctx context.Context) {
	if ctx == nil {
		next.ServeHTTP(w, r)
		return
	}
	exchange.Serve(next, w, r, ctx)
}
