package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Prepare returns a handler that responds as Problem(w, r, d) does, but faster:
// the JSON of d is encoded once, now. It is for a refusal that is the same each
// time. The other forms are encoded when a client prefers one, and so is what a
// Responder in effect changes. d is copied, and the handler is safe for
// concurrent use.
func Prepare(d *problem.Details) http.Handler {
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Problem(w, r, d) })
	if d == nil || d.IsRemote() || d.Unwrap() != nil || !final(d.Status) || status.BodyForbidden(d.Status) || d.Title == "" {
		return slow
	}
	d = d.With()
	body, err := d.AppendJSON(nil)
	if err != nil { // which every response reports
		return slow
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, x := inEffect(w)
		y := p.replyTo(w, r, x)
		if !p.isDefault() || exchange.Begun(w) || formFor(y.accept()) != problem.MediaType {
			y.send(d, nil)
			return
		}
		y.writeDocument(d, problem.MediaType, body, make(fieldValues, fixed+1))
	})
}
