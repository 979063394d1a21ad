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
	returned := false
	defer func() {
		status := finalStatus(w, returned)
		w.Ended(face, r, owner, returned)
		if counts {
			_ = a.refund(r.Context(), func(p *rule) bool { return p.CountStatus != nil && !p.CountStatus(status) })
		}
	}()
	pass(next, face, r, ctx)
	returned = true
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
	returned := false
	defer func() { w.Ended(face, r, owner, returned) }()
	pass(next, face, r, ctx)
	returned = true
}

// pass calls the next handler, with another context unless ctx is nil.
func pass(next http.Handler, w http.ResponseWriter, r *http.Request, ctx context.Context) {
	if ctx == nil {
		next.ServeHTTP(w, r)
		return
	}
	exchange.Serve(next, w, r, ctx)
}

// finalStatus is the status when the handler has returned, or has not, since it
// panicked: then the client sees a 500, or a broken connection.
func finalStatus(w *exchange.Writer, returned bool) int {
	switch status := w.Status(); {
	case w.OnWire():
		return status
	case !returned:
		return http.StatusInternalServerError
	case status != 0: // of an error that waits for its text
		return status
	}
	return http.StatusOK
}

// dropped is a RateLimit field that reports that nothing is left. It does not leave
// with a redirect: a client that follows one at once would come too early
// (section 6 of the draft).
type dropped struct {
	exchange.Observation
	value string
}

// Final is the method of exchange.Observer.
func (d *dropped) Final(status int, h http.Header) {
	if status >= 300 && status <= 399 {
		dropField(h, stateField, d.value)
	}
}
