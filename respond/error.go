package respond

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Error responds with the problem that problem.New(code, opts...) returns, and with
// the header fields that options add. It sets Content-Type, Content-Length,
// Cache-Control: no-store and X-Content-Type-Options: nosniff, and removes fields
// that described another body, such as ETag. Where the code forbids a body, none is
// sent.
//
// Some codes require a header field whose value only the caller knows: use
// [problem.Challenge] with 401 and 407, [problem.Allow] with 405, and
// [problem.Upgrade] with 426.
//
// A code outside 200 to 599 cannot be the status of a final response: it is logged,
// and the client gets a 500. A [problem.Cause] is logged as well.
//
// Inside the middleware of package middleware Error knows the request: it responds
// as [Problem] does, with the Responder of middleware.NormalizeWith. Elsewhere the
// form is JSON.
//
// Like http.Error it does not end the handler: return after it.
func Error(w http.ResponseWriter, code int, opts ...problem.Option) {
	p, x := inEffect(w)
	if x != nil && exchange.Begun(w) {
		w.WriteHeader(code) // sends nothing, but is reported as superfluous
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
	// As problem.New does, with the header values in the same allocation.
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

// prepared is the response of Error for a code without options, encoded once. All
// requests share it, so that nothing may write to it.
type prepared struct {
	code   int
	title  string
	d      *problem.Details
	length string
	body   []byte // nil if the code forbids a body
	before []byte // the part of the body before the detail
}

// responses has an entry for each code of the catalogue that Error can send, but for
// 426, whose header depends on the version of HTTP.
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

// differsInDetail reports whether d is the prepared problem but for its detail, and
// JSON needs no escapes for that. Most problems are of this kind.
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
	if x != nil {
		restoreEncoding(h, w)
	}
	describe(h, p.code, v, problem.MediaType, length)
	if x != nil {
		varyByAccept(h, v)
		x.Problem = d
	}
	w.WriteHeader(p.code)
	_, _ = w.Write(body) // an error means that the client has gone
}

// final reports whether code can be the status of a final response.
func final(code int) bool { return code >= 200 && code <= 599 }
