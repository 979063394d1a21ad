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
	if !p.isDefault() || x != nil && mediaTypeFor(x.Accept()) != problem.MediaType {
		p.reply(w, x).send(problem.New(code, opts...), nil)
		return
	}
	if len(opts) == 0 {
		if c := documentFor(code); c != nil {
			c.send(w, x)
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
	if c := documentFor(code); c != nil && c.differsInDetail(&a.d) {
		c.sendDetail(w, x, &a.d, a.values[:])
		return
	}
	p.reply(w, x).send(&a.d, nil)
}

// codeDocument is the response of Error to a code without options, encoded once. All
// requests share it, so that nothing may write to it.
type codeDocument struct {
	code   int
	title  string
	d      *problem.Details
	length string
	body   []byte // nil if the code forbids a body
	before []byte // the part of the body before the detail
}

// codeDocuments has an entry for each code of the catalogue that Error can send, but
// for 426, whose header depends on the version of HTTP.
var codeDocuments = func() (all [600]*codeDocument) {
	for s := range status.All() {
		if !isFinal(s.Code) || s.Code == http.StatusUpgradeRequired {
			continue
		}
		c := &codeDocument{code: s.Code, title: s.Reason, d: problem.New(s.Code)}
		if !status.BodyForbidden(s.Code) {
			c.body, _ = problem.New(s.Code).AppendJSON(nil)
			c.length = decimal(len(c.body))
			c.before = c.body[:len(c.body)-len(s.Description)-len(`"}`)]
		}
		all[s.Code] = c
	}
	return all
}()

// documentFor returns nil for a code without an entry.
func documentFor(code int) *codeDocument {
	if code < 0 || code >= len(codeDocuments) {
		return nil
	}
	return codeDocuments[code]
}

func (c *codeDocument) send(w http.ResponseWriter, x *exchange.Exchange) {
	if c.body == nil {
		sendEmpty(w, c.code)
		return
	}
	if x == nil {
		c.write(w, nil, c.d, c.body, c.length, make(fieldValues, fixed))
		return
	}
	c.write(w, x, c.d, c.body, c.length, make(fieldValues, fixed+1))
}

// differsInDetail reports whether d differs from the document only in its detail, and
// whether JSON needs no escapes for that. Most problems are of this kind.
func (c *codeDocument) differsInDetail(d *problem.Details) bool {
	if c.body == nil || d.Status != c.code || d.Type != problem.BlankType || d.Title != c.title || d.Detail == "" ||
		d.Instance != "" || d.Extensions != nil || d.Header != nil || d.Unwrap() != nil || d.IsRemote() {
		return false
	}
	for i := range len(d.Detail) {
		if b := d.Detail[i]; b < ' ' || b > '~' || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// sendDetail sends the document of d, which differs in its detail. v is the room for its
// header values.
func (c *codeDocument) sendDetail(w http.ResponseWriter, x *exchange.Exchange, d *problem.Details, v fieldValues) {
	buf := bodies.Get().(*[]byte)
	body := append((*buf)[:0], c.before...)
	body = append(body, d.Detail...)
	body = append(body, `"}`...)
	c.write(w, x, d, body, decimal(len(body)), v)
	putBody(buf, body)
}

func (c *codeDocument) write(w http.ResponseWriter, x *exchange.Exchange, d *problem.Details, body []byte, length string, v fieldValues) {
	h := w.Header()
	if x != nil {
		restoreEncoding(h, w)
	}
	setDocumentHeader(h, c.code, v, problem.MediaType, length)
	if x != nil {
		varyByAccept(h, v)
		x.Problem = d
	}
	w.WriteHeader(c.code)
	_, _ = w.Write(body) // an error means that the client has gone
}

// isFinal reports whether code can be the status of a final response.
func isFinal(code int) bool { return code >= 200 && code <= 599 }
