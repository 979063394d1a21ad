package respond

import "net/http"

// Err answers with the problem that err stands for, as [problem.From] finds
// it, and logs it with its cause. A nil err is a mistake of the caller; the
// client gets an Internal Server Error. A nil r is a client without wishes.
func Err(w http.ResponseWriter, r *http.Request, err error) {
	defaults.Err(w, r, err)
}

// Handler turns a function that returns an error into a handler. A nil error
// means that the function has answered. Any other goes to [Err], unless the
// answer has begun: then it is too late for another, and the error is only
// logged. Panics pass through.
//
// The function gets a ResponseWriter with the interfaces of the original. It
// is the original itself if that has a method Written() bool that tells
// whether the answer has begun, as the writers of package middleware have.
func Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return defaults.Handler(h)
}

// Handler is the function [Handler] with the settings of p.
func (p *Responder) Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	if h == nil {
		panic("respond: Handler: the function is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, begun := tracked(w)
		err := h(w, r)
		switch {
		case err == nil:
		case begun.Written():
			p.record(w, r, "request failed after the answer had begun", p.Map.From(err))
		default:
			p.Err(w, r, err)
		}
	})
}
