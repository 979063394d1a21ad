package respond

import "github.com/rejoinder-go/rejoinder/problem"

// appendPage appends the problem as a page for people, with what the response
// knows beside it: the way home, the id of the request, and when to come back.
func (y reply) appendPage(b []byte, d *problem.Details) ([]byte, error) {
	o := problem.HTMLOptions{Home: y.p.Home}
	h := y.w.Header()
	if id := h["X-Request-Id"]; len(id) > 0 {
		o.RequestID = bounded(id[0], maxLogged)
	}
	for _, from := range [...][]string{y.p.Header["Retry-After"], h["Retry-After"]} {
		if len(from) > 0 && len(d.Header["Retry-After"]) == 0 {
			d = d.With(problem.Header("Retry-After", from[0]))
		}
	}
	return d.AppendHTMLWith(b, o)
}
