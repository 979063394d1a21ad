package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Error answers with the problem that problem.New(code, opts...) describes: as
// application/problem+json, with its Content-Length, nosniff and no-store, and
// with the header fields that options add. Fields that described another body,
// such as ETag, are removed. A code that forbids content gets none.
//
// Some codes are incomplete without a field that only the caller knows: give
// 401 and 407 a [problem.Challenge], 405 an [problem.Allow] and 426 an
// [problem.Upgrade].
//
// A code that is no final answer, which is one outside 200 to 599, is sent as
// 500 and logged; so is a [problem.Cause]. Error has no request to look at: the
// form is JSON whatever the client prefers. See [Problem].
//
// Like http.Error it does not end the handler: return after it.
func Error(w http.ResponseWriter, code int, opts ...problem.Option) {
	if len(opts) == 0 {
		if p := preparedFor(code); p != nil {
			p.send(w)
			return
		}
	}
	// What problem.New does, with the header values in the same allocation.
	s := status.Nearest(code)
	a := &struct {
		d      problem.Details
		values [fixed]string
	}{d: problem.Details{Type: problem.BlankType, Title: s.Reason, Status: code, Detail: s.Description}}
	for _, o := range opts {
		if o != nil {
			o(&a.d)
		}
	}
	if p := preparedFor(code); p != nil && p.differsInDetail(&a.d) {
		p.sendDetail(w, a.d.Detail, a.values[:])
		return
	}
	defaults.answer(w, nil, &a.d, a.values[:], false)
}

// prepared is the whole answer for a code without options. It is shared by all
// requests, so nothing in it is ever written to.
type prepared struct {
	code   int
	title  string
	length string
	body   []byte // nil if the code forbids content
	before []byte // the part of the body before the text of the detail
}

// answers has what Error sends for each code of the catalogue, built once.
var answers = func() (all [600]*prepared) {
	for s := range status.All() {
		if !final(s.Code) {
			continue
		}
		p := &prepared{code: s.Code, title: s.Reason}
		if !status.BodyForbidden(s.Code) {
			p.body, _ = problem.New(s.Code).AppendJSON(nil)
			p.length = decimal(len(p.body))
			p.before = p.body[:len(p.body)-len(s.Description)-len(`"}`)]
		}
		all[s.Code] = p
	}
	return all
}()

func preparedFor(code int) *prepared {
	if code < 0 || code >= len(answers) {
		return nil
	}
	return answers[code]
}

func (p *prepared) send(w http.ResponseWriter) {
	if p.body == nil {
		sendEmpty(w, p.code)
		return
	}
	p.write(w, p.body, p.length, make(fieldValues, fixed))
}

// differsInDetail reports whether d is the prepared problem with a detail of
// its own, and that needs no escapes: most of all problems.
func (p *prepared) differsInDetail(d *problem.Details) bool {
	if p.body == nil || d.Status != p.code || d.Type != problem.BlankType || d.Title != p.title || d.Detail == "" ||
		d.Instance != "" || d.Extensions != nil || d.Header != nil || d.Unwrap() != nil || d.IsRemote() {
		return false
	}
	for i := range len(d.Detail) {
		if c := d.Detail[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (p *prepared) sendDetail(w http.ResponseWriter, detail string, v fieldValues) {
	buf := bodies.Get().(*[]byte)
	body := append((*buf)[:0], p.before...)
	body = append(body, detail...)
	body = append(body, `"}`...)
	p.write(w, body, decimal(len(body)), v)
	keep(buf, body)
}

func (p *prepared) write(w http.ResponseWriter, body []byte, length string, v fieldValues) {
	h := w.Header()
	describe(h, p.code, v, problem.MediaType, length)
	w.WriteHeader(p.code)
	_, _ = w.Write(body) // the client may be gone, and there is nobody else to tell
}

// final reports whether code can be the status of a final answer.
func final(code int) bool { return code >= 200 && code <= 599 }
