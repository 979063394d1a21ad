package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Problem responds with d in the form that the client prefers: as JSON, unless its
// Accept field gives XML or HTML a higher weight. It does not change d. A nil d
// sends a 500. If r is nil, the form is JSON, unless middleware around the handler
// knows the request.
//
// A problem that has a cause is logged, unless an access log around the handler
// does. A problem that was read from another server is not forwarded: the client
// gets a 502, as [problem.From] describes.
func Problem(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	p, x := inEffect(w)
	p.replyTo(w, r, x).send(d, nil)
}

// Prepare returns a handler that responds as Problem(w, r, d) does, but encodes d as
// JSON only once, in Prepare. It is for a refusal that is the same for each request.
// XML and HTML are encoded for each request that prefers them, and so is a problem
// that the Responder of middleware.NormalizeWith changes.
//
// Prepare copies d. The handler is safe for concurrent use.
func Prepare(d *problem.Details) http.Handler {
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Problem(w, r, d) })
	if d == nil || d.IsRemote() || d.Unwrap() != nil || !isFinal(d.Status) || status.BodyForbidden(d.Status) || d.Title == "" {
		return slow
	}
	d = d.With()
	body, err := d.AppendJSON(nil)
	if err != nil { // an extension was dropped, which Problem logs each time
		return slow
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, x := inEffect(w)
		y := p.replyTo(w, r, x)
		if !p.isDefault() || exchange.Begun(w) || mediaTypeFor(y.accept()) != problem.MediaType {
			y.send(d, nil)
			return
		}
		y.writeDocument(d, problem.MediaType, body, make(fieldValues, fixed+1))
	})
}
