package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
)

// stale lists the fields that described the body a handler meant to send. They
// would be wrong beside the one that is sent instead. Content-Encoding is not
// among them: a compressor around the handler has set it for whatever comes
// (go.dev/issue/66343).
var stale = [...]string{
	"Content-Length", "Transfer-Encoding", "Content-Language", "Content-Location", "Content-Disposition",
	"Content-Md5", "Digest", "Repr-Digest", "Content-Digest", "Accept-Ranges", "Trailer",
	"Age", "Expires", "Cache-Control", "Location",
}

// dropStale removes the fields of another body. A 412 keeps its validators and
// a 416 its Content-Range: there they are part of the answer. So is a Location
// that belongs to the code.
func dropStale(h http.Header, code int) {
	if len(h) == 0 {
		return
	}
	for _, field := range stale {
		if field == "Location" && (code == http.StatusCreated || problem.ClassOf(code) == problem.Redirection) {
			continue
		}
		delete(h, field)
	}
	if code != http.StatusPreconditionFailed {
		delete(h, "Etag")
		delete(h, "Last-Modified")
	}
	if code != http.StatusRequestedRangeNotSatisfiable {
		delete(h, "Content-Range")
	}
}

// describe sets the fields that every problem document has. The values share
// one allocation; each is cut to its own capacity, so that appending to one
// copies it.
func describe(h http.Header, mediaType, length string) {
	v := [...]string{mediaType, "nosniff", "no-store", length}
	values := v[:]
	h["Content-Type"] = values[0:1:1]
	h["X-Content-Type-Options"] = values[1:2:2]
	h["Cache-Control"] = values[2:3:3]
	if _, encoded := h["Content-Encoding"]; !encoded {
		h["Content-Length"] = values[3:4:4] // else only the compressor knows it
	}
}

// sendEmpty answers with a code that forbids content. A 205 has to say that it
// is empty; the others must not speak of a length (RFC 9110, section 8.6).
func sendEmpty(w http.ResponseWriter, code int) {
	h := w.Header()
	delete(h, "Content-Length")
	delete(h, "Content-Type")
	if code == http.StatusResetContent {
		h["Content-Length"] = []string{"0"}
	}
	w.WriteHeader(code)
}
