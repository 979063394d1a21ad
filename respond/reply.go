package respond

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
)

// reply is a response with a problem. Its request is not known to [Error] without
// an exchange, nor where a caller passes nil.
type reply struct {
	p *Responder
	w http.ResponseWriter
	r *http.Request      // nil if it is not known
	x *exchange.Exchange // nil if there is none
}

// reply returns a reply to the request of the exchange.
func (p *Responder) reply(w http.ResponseWriter, x *exchange.Exchange) reply {
	var r *http.Request
	if x != nil {
		r = x.Current
	}
	return reply{p: p, w: w, r: r, x: x}
}

// replyTo returns a reply to r, or to the request of the exchange if r is nil.
func (p *Responder) replyTo(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) reply {
	if r == nil {
		return p.reply(w, x)
	}
	return reply{p: p, w: w, r: r, x: x}
}

// fail sends the problem that err means.
func (y reply) fail(err error) { y.send(y.p.Map.From(err), err) }

// send logs why d is sent, completes it and writes it. err is the error that d was
// made from; nil means the cause of d.
func (y reply) send(d *problem.Details, err error) {
	d, err = y.resolve(d, err)
	switch begun := y.x != nil && exchange.Begun(y.w); {
	case !begun:
		y.logFailure("request failed", d, err)
		y.write(y.complete(d))
	case err == nil:
		y.w.WriteHeader(d.Status) // sends nothing, but is reported as superfluous
	default:
		y.logFailure("request failed after the response had begun", d, err)
	}
}

// resolve returns the problem to send for d, with its instance, and the error to
// log: err, or the cause of the problem if there is no err, or if d is replaced.
func (y reply) resolve(d *problem.Details, err error) (*problem.Details, error) {
	sent := sendable(d)
	if sent != d || err == nil {
		err = sent.Unwrap()
	}
	if y.p.Instance != nil && y.r != nil && sent.Instance == "" {
		sent = sent.With(problem.Instance(y.p.Instance(y.r)))
	}
	return sent, err
}

// sendable returns d, or the problem to send in its place if d is nil, was read from
// another server, or has a status that cannot be sent.
func sendable(d *problem.Details) *problem.Details {
	switch {
	case d == nil:
		return problem.New(http.StatusInternalServerError, problem.Cause(errNoProblem))
	case d.IsRemote():
		return problem.From(d)
	case !isFinal(d.Status): // the title and the detail describe the other status
		cause := fmt.Errorf("respond: status code %d cannot be sent: %w", d.Status, error(d))
		return problem.New(http.StatusInternalServerError, problem.Cause(cause))
	}
	return d
}

var errNoProblem = errors.New("respond: nil error or problem")

// complete returns d with what the Responder adds to each problem.
func (y reply) complete(d *problem.Details) *problem.Details {
	if y.p.Extend != nil && y.r != nil {
		code := d.Status
		d = d.With(y.p.Extend(y.r, d)...)
		d.Status = code // the document and the status line have to agree
	}
	if y.p.Localize != nil && y.r != nil {
		d = y.localize(d)
	}
	if d.Unwrap() != nil && y.p.mayDebug(y.r) {
		d = d.With(problem.Extension("debug", causes(d)), neverStored)
	}
	return d
}

// localize returns the translation of d, or d if there is none. In both cases the
// response depends on Accept-Language.
func (y reply) localize(d *problem.Details) *problem.Details {
	d = d.With(problem.Header("Vary", "Accept-Language"))
	c := d.With()
	lang := y.p.Localize(y.r, c)
	if lang == "" {
		return d
	}
	c.Status = d.Status // the document and the status line have to agree
	return c.With(func(c *problem.Details) { c.Header = d.Header.Clone() }, problem.Header("Content-Language", lang))
}

// neverStored is an option that forbids caches to store a problem, whatever its
// Header says.
func neverStored(d *problem.Details) {
	problem.Header("Cache-Control", "no-store")(d)
	d.Header["Cache-Control"] = []string{"no-store"}
}
