package respond

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Problem answers with d in the form that the client prefers: JSON, unless its
// Accept field gives XML or HTML a higher weight. d is not changed. A nil d
// stands for an Internal Server Error; a nil r for a client without wishes.
func Problem(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	defaults.Problem(w, r, d)
}

// bodies keeps the buffers that documents are encoded into.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled is the size in bytes up to which a buffer is kept for the next
// document. A larger one was an exception and would only hold memory.
const maxPooled = 16 << 10

func (p *Responder) send(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	if d == nil || !final(d.Status) {
		d = p.unsendable(d)
	}
	h := w.Header()
	dropStale(h, d.Status)
	if problem.BodyForbidden(d.Status) {
		addHeader(h, d.Header)
		sendEmpty(w, d.Status)
		return
	}
	if d.Title == "" && (d.Type == "" || d.Type == problem.BlankType) {
		d = d.With(problem.Title(problem.Nearest(d.Status).Reason)) // RFC 9457, 4.2.1
	}
	buf := bodies.Get().(*[]byte)
	body, err := d.AppendJSON((*buf)[:0])
	if err != nil {
		p.logger().Error("respond: extension left out of a problem", "error", err)
	}
	describe(h, problem.MediaType, strconv.Itoa(len(body)))
	addHeader(h, d.Header)
	w.WriteHeader(d.Status)
	_, _ = w.Write(body) // the client may be gone, and there is nobody else to tell
	if cap(body) <= maxPooled {
		*buf = body
		bodies.Put(buf)
	}
}

// unsendable returns the problem to send in place of one that has no status
// for a final answer. What it said was about another status, so it is dropped.
func (p *Responder) unsendable(d *problem.Details) *problem.Details {
	code, cause := 0, error(nil)
	if d != nil {
		code, cause = d.Status, d
	}
	p.logger().Error("respond: status code cannot be sent, answered with 500", "code", code)
	return problem.New(http.StatusInternalServerError, problem.Cause(cause))
}

// addHeader sends the header of a problem. Its values replace those that are
// there, except in fields that several layers add to.
func addHeader(h, extra http.Header) {
	for field, values := range extra {
		switch field {
		case "Vary", "Link", "Set-Cookie", "Ratelimit", "Ratelimit-Policy":
			h[field] = append(h[field], values...)
		default:
			h[field] = append([]string(nil), values...) // the caller's slice stays the caller's
		}
	}
}
