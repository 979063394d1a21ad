package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// Fail responds with the problem that err stands for, as [problem.From] finds
// it, and logs it with its cause, unless an access log around the handler does.
// A nil err is a mistake of the caller; the client gets an Internal Server Error.
// A nil r is a client without wishes.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	p, x := inEffect(w)
	p.replyTo(w, r, x).fail(err)
}

// Handler turns a function that returns an error into a handler. A nil error
// means that the function has responded. Any other goes to [Fail], unless the
// response has begun: then it is too late for another, and the error is only
// logged. Panics pass through.
//
// The function gets a ResponseWriter with the interfaces of the original.
// Handler panics if the function is nil.
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
	p *Responder // nil for the one in effect
	h func(http.ResponseWriter, *http.Request) error
}

func (h *handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w, face, owner := exchange.Enter(rw, r)
	defer w.Ended(face, r, owner)
	encoded := w.Header()["Content-Encoding"] != nil // by a compressor around the handler
	err := h.h(face, r)
	if err == nil {
		return
	}
	p := h.p
	if p == nil {
		p, _ = inEffect(face)
	}
	y := p.replyTo(face, r, w.Exchange())
	if !encoded { // what the handler has set was for another body
		delete(w.Header(), "Content-Encoding")
	}
	y.fail(err)
}
