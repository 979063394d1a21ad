package respond

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Responder writes problems as the functions of the package do, tuned by its
// fields. The zero value is ready to use. It is safe for concurrent use as long
// as its fields do not change.
//
// Give it to middleware.NormalizeWith, and it writes all problems inside: also
// those of the functions of this package, which look for it. The methods use the
// Responder that they are called on, wherever that is.
type Responder struct {
	// Map says what errors of the application mean to a client, where an error
	// is not a problem by itself.
	Map problem.Mapping

	// Render returns a problem in another format, such as that of JSON:API,
	// SCIM or OAuth, with its media type. A nil body means the usual choice
	// between JSON, XML and HTML. It must not send what it finds behind
	// Details.Unwrap.
	//
	// Render gets a copy, whose Header is that of the response, with the fields
	// of layers outside, such as the Retry-After of a limiter. A format that has
	// its own place for the status, as gRPC has, may change Status and Header
	// of the copy, if it also returns a body, which may be empty.
	Render func(*http.Request, *problem.Details) (mediaType string, body []byte)

	// Extend returns what every problem has in addition that is sent in response
	// to this request, such as an Extension with the id of its trace. It is not
	// called where the request is not known, and cannot change the status.
	Extend func(*http.Request, *problem.Details) []problem.Option

	// Instance returns a URI reference for the occurrence, made of the id of
	// the request for instance. A problem that has one keeps it.
	Instance func(*http.Request) string

	// Localize translates the title and the detail of the problem, which is a
	// copy, and returns the language tag that it chose, or "" if it changed
	// nothing. The tag is sent as Content-Language.
	Localize func(*http.Request, *problem.Details) (language string)

	// Header is sent with every problem. The header of the problem itself wins.
	Header http.Header

	// Home is where a link on the pages for people leads, such as "/". Empty
	// means that there is no link.
	Home string

	// Logger gets one record for each failure, unless an access log around the
	// handler writes it: at level Error for a server error, at Info for any
	// other. Nil means slog.Default(), at the time of the record.
	Logger *slog.Logger

	// DebugSecret lets a developer read the causes of a problem: a request
	// that sends the secret in its Debug-Secret field gets their texts in the
	// extension "debug". Take a new secret at each start, such as crypto/rand's
	// Text, and write it to the log: who can read it there can read the causes
	// there. One shorter than 20 bytes is as good as none.
	DebugSecret string
}

var defaults Responder

// isDefault reports whether p adds nothing to what package problem says.
func (p *Responder) isDefault() bool {
	return p == &defaults || p.Instance == nil && p.Localize == nil && p.Render == nil && p.Extend == nil && len(p.Header) == 0
}

// inEffect returns the Responder of the innermost Normalize around the handler
// that w was given to, or the defaults; and the exchange, or nil if w is of none.
func inEffect(w http.ResponseWriter) (*Responder, *exchange.Exchange) {
	x := exchange.Find(w)
	if x != nil {
		if p, ok := x.Responder().(*Responder); ok {
			return p, x
		}
	}
	return &defaults, x
}

// Error is the function [Error] with the settings of p.
func (p *Responder) Error(w http.ResponseWriter, code int, opts ...problem.Option) {
	p.reply(w, exchange.Find(w)).send(problem.New(code, opts...), nil)
}

// Problem is the function [Problem] with the settings of p.
func (p *Responder) Problem(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	p.replyTo(w, r, exchange.Find(w)).send(d, nil)
}

// Fail is the function [Fail] with the settings of p.
func (p *Responder) Fail(w http.ResponseWriter, r *http.Request, err error) {
	p.replyTo(w, r, exchange.Find(w)).fail(err)
}

// reply is one problem on its way to a client.
type reply struct {
	p *Responder
	w http.ResponseWriter
	r *http.Request      // nil if it is not known
	x *exchange.Exchange // nil if there is none
}

func (p *Responder) reply(w http.ResponseWriter, x *exchange.Exchange) reply {
	var r *http.Request
	if x != nil {
		r = x.Current
	}
	return reply{p: p, w: w, r: r, x: x}
}

func (p *Responder) replyTo(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) reply {
	if r == nil {
		return p.reply(w, x)
	}
	return reply{p: p, w: w, r: r, x: x}
}

// fail sends the problem that err stands for.
func (y reply) fail(err error) { y.send(y.p.Map.From(err), err) }

// send completes a problem, notes why it is sent, and writes it. d may be nil;
// err is the error that it stands for, nil for its cause.
func (y reply) send(d *problem.Details, err error) {
	sent := resolve(d)
	if sent != d || err == nil {
		err = sent.Unwrap()
	}
	d = y.identified(sent)
	begun := y.x != nil && exchange.Begun(y.w)
	if err != nil && (status.ClassOf(d.Status) >= status.ClientError || d.Unwrap() != nil) {
		message := "request failed"
		if begun {
			message = "request failed after the response had begun"
		}
		y.note(message, d, err)
	}
	switch {
	case !begun:
		y.write(y.finished(d))
	case err == nil:
		y.w.WriteHeader(d.Status) // which reports the call, and sends nothing
	}
}

// identified gives a problem its instance.
func (y reply) identified(d *problem.Details) *problem.Details {
	if y.p.Instance != nil && y.r != nil && d.Instance == "" {
		return d.With(problem.Instance(y.p.Instance(y.r)))
	}
	return d
}

// finished returns the problem as this client gets it.
func (y reply) finished(d *problem.Details) *problem.Details {
	d = y.identified(resolve(d))
	if y.p.Extend != nil && y.r != nil {
		code := d.Status
		d = d.With(y.p.Extend(y.r, d)...)
		d.Status = code // the wire and the document have to agree
	}
	if y.p.Localize != nil && y.r != nil {
		d = y.p.localized(y.r, d)
	}
	if d.Unwrap() != nil && y.p.mayDebug(y.r) {
		d = d.With(problem.Extension("debug", causes(d)), neverStored)
	}
	return d
}

// neverStored is the option that keeps a problem out of caches, whatever it says
// about them.
func neverStored(d *problem.Details) {
	problem.Header("Cache-Control", "no-store")(d)
	d.Header["Cache-Control"] = []string{"no-store"}
}

// resolve returns the problem to send in place of d, where d cannot be sent.
func resolve(d *problem.Details) *problem.Details {
	switch {
	case d == nil:
		return problem.New(http.StatusInternalServerError, problem.Cause(errNoProblem))
	case d.IsRemote():
		return problem.From(d)
	case !final(d.Status): // what it says is about another status
		cause := fmt.Errorf("respond: status code %d cannot be sent: %w", d.Status, error(d))
		return problem.New(http.StatusInternalServerError, problem.Cause(cause))
	}
	return d
}

var errNoProblem = errors.New("respond: no error to respond with")

// note leaves a failure to the access log around the handler, or logs it.
func (y reply) note(message string, d *problem.Details, err error) {
	if y.x != nil {
		y.x.Failed(err)
		if y.x.Logged {
			return
		}
	}
	y.p.record(y, message, d)
}

// localized returns the translation of d. That there is none is also due to
// what the client prefers.
func (p *Responder) localized(r *http.Request, d *problem.Details) *problem.Details {
	d = d.With(problem.Header("Vary", "Accept-Language"))
	c := d.With()
	lang := p.Localize(r, c)
	if lang == "" {
		return d
	}
	c.Status = d.Status // the wire and the document have to agree
	return c.With(func(c *problem.Details) { c.Header = d.Header.Clone() }, problem.Header("Content-Language", lang))
}

// record logs a failure. That a client left before it got its response is not a
// failure of the server. The id that the response carries leads to the other
// records of the request.
func (p *Responder) record(y reply, message string, d *problem.Details) {
	ctx, level := context.Background(), slog.LevelInfo
	if status.ClassOf(d.Status) == status.ServerError {
		level = slog.LevelError
	}
	attrs := make([]slog.Attr, 1, 5)
	attrs[0] = slog.Any("problem", d)
	if r := y.r; r != nil {
		ctx = r.Context()
		if ctx.Err() == context.Canceled && (errors.Is(d, ctx.Err()) || errors.Is(d, context.Cause(ctx))) {
			level = slog.LevelInfo
		}
		in := y.incoming()
		attrs = append(attrs, slog.String("method", bounded(in.Method, 32)))
		if in.URL != nil && in.URL.Path != "" {
			attrs = append(attrs, slog.String("path", bounded(in.URL.Path, maxLogged)))
		}
		if r.Pattern != "" {
			attrs = append(attrs, slog.String("route", bounded(r.Pattern, maxLogged)))
		}
	}
	if id := y.w.Header()["X-Request-Id"]; len(id) > 0 {
		attrs = append(attrs, slog.String("request_id", bounded(id[0], maxLogged)))
	}
	p.logger().LogAttrs(ctx, level, message, attrs...)
}

// incoming returns the request as the outermost layer got it.
func (y reply) incoming() *http.Request {
	if y.x != nil {
		return y.x.Request
	}
	return y.r
}

// maxLogged is how much of a text that a client chose is logged, in bytes.
const maxLogged = 256

func bounded(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (p *Responder) logger() *slog.Logger {
	if p.Logger != nil {
		return p.Logger
	}
	return slog.Default()
}

// minSecret is the length in bytes that a secret has to have: 26 letters of
// crypto/rand's Text have it, and no word that a person would type.
const minSecret = 20

func (p *Responder) mayDebug(r *http.Request) bool {
	if len(p.DebugSecret) < minSecret || r == nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("Debug-Secret")), []byte(p.DebugSecret)) == 1
}

// causes returns the texts of the errors behind d, the outermost first.
func causes(d *problem.Details) (texts []string) {
	for err := d.Unwrap(); err != nil && len(texts) < 20; err = errors.Unwrap(err) {
		texts = append(texts, err.Error())
	}
	return texts
}
