package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Err answers with the problem that err stands for, as [problem.From] finds
// it, and logs a server error with its cause once. A nil err is a mistake of
// the caller; the client gets an Internal Server Error.
func Err(w http.ResponseWriter, r *http.Request, err error) {
	defaults.Err(w, r, err)
}

// Err is the function [Err] with the settings of p.
func (p *Responder) Err(w http.ResponseWriter, r *http.Request, err error) {
	d := problem.From(err)
	if d == nil || problem.ClassOf(d.Status) != problem.ClientError {
		p.logger().ErrorContext(r.Context(), "respond: request failed", "problem", d, "method", r.Method, "path", r.URL.Path)
	}
	p.Problem(w, r, d)
}

// Handler turns a function that returns an error into a handler: a nil error
// means that it has answered, any other goes to [Err].
func Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return defaults.Handler(h)
}

// Handler is the function [Handler] with the settings of p.
func (p *Responder) Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.Err(w, r, err)
		}
	})
}
