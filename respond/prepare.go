package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Prepare returns a function that answers as Problem(w, r, d) does, but faster:
// the JSON of d is encoded once, now. It is for a refusal that is the same each
// time. The other forms are encoded when a client asks for one. d is copied, and
// the function is safe for concurrent use.
func Prepare(d *problem.Details) func(http.ResponseWriter, *http.Request) {
	if d == nil || d.IsRemote() || d.Unwrap() != nil || !final(d.Status) || status.BodyForbidden(d.Status) || d.Title == "" {
		return func(w http.ResponseWriter, r *http.Request) { Problem(w, r, d) }
	}
	d = d.With()
	body, err := d.AppendJSON(nil)
	if err != nil { // which every answer reports
		return func(w http.ResponseWriter, r *http.Request) { Problem(w, r, d) }
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if Negotiate(r, problem.MediaType, problem.MediaTypeXML, problem.MediaTypeHTML) == problem.MediaType {
			defaults.sendDocument(w, r, d, make(fieldValues, fixed+1), problem.MediaType, body)
			return
		}
		Problem(w, r, d)
	}
}
