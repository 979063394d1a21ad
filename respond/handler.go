package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// Fail responds with the problem that err means, as [problem.From] finds it, and
// logs it with its cause, unless an access log around the handler does. A nil err
// is a programming error, and a 500 for the client. If r is nil, the problem is
// sent as JSON, unless middleware around the handler knows the request.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	p, x := inEffect(w)
	p.replyTo(w, r, x).fail(err)
}

// Handler returns a handler that calls h. If h returns nil, it has responded. If h
// returns an error, the handler responds with [Fail], or only logs the error if the
// response has begun. Panics pass through.
//
// The ResponseWriter of h has the same optional interfaces as that of the handler.
//
// Handler panics if h is nil.
func Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	if h == nil {
		panic("respond: Handler: the function is nil")
	}
	return &handler{nil, h}
}

// Handler is the function [Handler] with the settings of p.
func (p *Responder) Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	if h == nil {
		panic("respond: Handler: the function is nil")
	}
	return &handler{p, h}
}

type handler struct {
	p *Responder // nil means the one in effect
	h func(http.ResponseWriter, *http.Request) error
}

func (h *handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w, face, owner := exchange.Enter(rw, r)
	defer w.Ended(face, r, owner)
	err := h.h(face, r)
	if err == nil {
		return
	}
	p := h.p
	if p == nil {
		p, _ = inEffect(face)
	}
	p.replyTo(face, r, w.Exchange()).fail(err)
}
