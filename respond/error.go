package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Error responds with the problem that problem.New(code, opts...) describes, with
// its Content-Length, nosniff and no-store, and with the header fields that
// options add. Fields that described another body, such as ETag, are removed. A
// code that forbids a body gets none.
//
// Some codes are incomplete without a field that only the caller knows: give
// 401 and 407 a [problem.Challenge], 405 an [problem.Allow] and 426 an
// [problem.Upgrade].
//
// A code that is not a final response, which is one outside 200 to 599, is sent
// as 500 and logged; so is a [problem.Cause]. Inside package middleware Error
// knows the request: it sends the form that the client prefers, through the
// Responder that middleware.NormalizeWith was given. Otherwise the form is JSON;
// see [Problem].
//
// Like http.Error it does not end the handler: return after it.
func Error(w http.ResponseWriter, code int, opts ...problem.Option) {
	p, x := inEffect(w)
	if x != nil && exchange.Begun(w) {
		w.WriteHeader(code) // which reports the call, and sends nothing
		return
	}
	if !p.isDefault() || x != nil && formFor(x.Accept()) != problem.MediaType {
		p.reply(w, x).send(problem.New(code, opts...), nil)
		return
	}
	if len(opts) == 0 {
		if q := preparedFor(code); q != nil {
			q.send(w, x)
			return
		}
	}
	// What problem.New does, with the header values in the same allocation.
	s := status.Nearest(code)
	a := &struct {
		d      problem.Details
		values [fixed + 1]string
	}{d: problem.Details{Type: problem.BlankType, Title: s.Reason, Status: code, Detail: s.Description}}
	for _, o := range opts {
		if o != nil {
			o(&a.d)
		}
	}
	if q := preparedFor(code); q != nil && q.differsInDetail(&a.d) {
		q.sendDetail(w, x, &a.d, a.values[:])
		return
	}
	p.reply(w, x).send(&a.d, nil)
}

// prepared is the whole response for a code without options. It is shared by all
// requests, so nothing in it is ever written to.
type prepared struct {
	code   int
	title  string
	d      *problem.Details
	length string
	body   []byte // nil if the code forbids a body
	before []byte // the part of the body before the text of the detail
}

// responses has what Error sends for each code of the catalogue, built once. The
// header of a 426 depends on the version of HTTP.
var responses = func() (all [600]*prepared) {
	for s := range status.All() {
		if !final(s.Code) || s.Code == http.StatusUpgradeRequired {
			continue
		}
		p := &prepared{code: s.Code, title: s.Reason, d: problem.New(s.Code)}
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
	if code < 0 || code >= len(responses) {
		return nil
	}
	return responses[code]
}

func (p *prepared) send(w http.ResponseWriter, x *exchange.Exchange) {
	if p.body == nil {
		sendEmpty(w, p.code)
		return
	}
	if x == nil {
		p.write(w, nil, p.d, p.body, p.length, make(fieldValues, fixed))
		return
	}
	p.write(w, x, p.d, p.body, p.length, make(fieldValues, fixed+1))
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

func (p *prepared) sendDetail(w http.ResponseWriter, x *exchange.Exchange, d *problem.Details, v fieldValues) {
	buf := bodies.Get().(*[]byte)
	body := append((*buf)[:0], p.before...)
	body = append(body, d.Detail...)
	body = append(body, `"}`...)
	p.write(w, x, d, body, decimal(len(body)), v)
	keep(buf, body)
}

func (p *prepared) write(w http.ResponseWriter, x *exchange.Exchange, d *problem.Details, body []byte, length string, v fieldValues) {
	h := w.Header()
	describe(h, p.code, v, problem.MediaType, length)
	if x != nil {
		varyByAccept(h, v)
		x.Problem = d
	}
	w.WriteHeader(p.code)
	_, _ = w.Write(body) // the client may be gone, and there is nothing else to tell it by
}

// final reports whether code can be the status of a final answer.
func final(code int) bool { return code >= 200 && code <= 599 }
