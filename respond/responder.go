package respond

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// Responder answers with problems as the functions of the package do, tuned by
// its fields. The zero value is ready to use and is what those functions use.
// It is safe for concurrent use as long as nobody changes its fields.
type Responder struct {
	// Map says what errors of the application mean to a client, where an error
	// is no problem by itself.
	Map problem.Mapping

	// Instance returns a URI reference for the occurrence, made of the id of
	// the request for instance. A problem that has one keeps it.
	Instance func(*http.Request) string

	// Localize translates the title and the detail of the problem, which is a
	// copy, and returns the language tag that it chose, or "" if it changed
	// nothing. The tag is sent as Content-Language.
	Localize func(*http.Request, *problem.Details) (language string)

	// Header is sent with every problem. The header of the problem itself wins.
	Header http.Header

	// Logger gets one record for each failure: at level Error for a server
	// error, else at Info. Nil means slog.Default(), at the time of the record.
	Logger *slog.Logger

	// DebugSecret lets a developer read the causes of a problem: a request
	// that sends the secret in its Debug-Secret field gets their texts in the
	// extension "debug". Take a new secret at each start, such as crypto/rand's
	// Text, and write it to the log: who can read it there can read the causes
	// there. One shorter than 20 bytes is as good as none.
	DebugSecret string
}

var defaults Responder

// Problem is the function [Problem] with the settings of p.
func (p *Responder) Problem(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	p.answer(w, r, d, make(fieldValues, fixed+1), false)
}

// Err is the function [Err] with the settings of p.
func (p *Responder) Err(w http.ResponseWriter, r *http.Request, err error) {
	p.answer(w, r, p.Map.From(err), make(fieldValues, fixed+1), true)
}

// answer completes a problem, logs it if it must be or has a cause, and sends
// it. d may be nil.
func (p *Responder) answer(w http.ResponseWriter, r *http.Request, d *problem.Details, v fieldValues, log bool) {
	switch {
	case d == nil:
		d, log = problem.New(http.StatusInternalServerError, problem.Cause(errNoProblem)), true
	case d.IsRemote():
		d, log = problem.From(d), true
	case !final(d.Status): // what it says is about another status
		cause := fmt.Errorf("respond: status code %d cannot be sent: %w", d.Status, error(d))
		d, log = problem.New(http.StatusInternalServerError, problem.Cause(cause)), true
	}
	if p.Instance != nil && r != nil && d.Instance == "" {
		d = d.With(problem.Instance(p.Instance(r)))
	}
	if log && status.ClassOf(d.Status) >= status.ClientError || d.Unwrap() != nil {
		p.record(w, r, "request failed", d)
	}
	if p.Localize != nil && r != nil {
		d = p.localized(r, d)
	}
	if d.Unwrap() != nil && p.mayDebug(r) {
		d = d.With(problem.Extension("debug", causes(d)))
	}
	p.send(w, r, d, v)
}

var errNoProblem = errors.New("respond: no error to answer with")

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

// record logs a failure. That a client left before it got its answer is none
// of the server's. The id that the answer carries leads to the other records of
// the request.
func (p *Responder) record(w http.ResponseWriter, r *http.Request, message string, d *problem.Details) {
	ctx, level := context.Background(), slog.LevelInfo
	if status.ClassOf(d.Status) == status.ServerError {
		level = slog.LevelError
	}
	attrs := make([]slog.Attr, 1, 4)
	attrs[0] = slog.Any("problem", d)
	if r != nil {
		ctx = r.Context()
		if ctx.Err() == context.Canceled && (errors.Is(d, ctx.Err()) || errors.Is(d, context.Cause(ctx))) {
			level = slog.LevelInfo
		}
		attrs = append(attrs, slog.String("method", r.Method))
		if r.URL != nil {
			attrs = append(attrs, slog.String("path", r.URL.Path))
		}
	}
	if id := w.Header()["X-Request-Id"]; len(id) > 0 {
		attrs = append(attrs, slog.String("request_id", id[0]))
	}
	p.logger().LogAttrs(ctx, level, message, attrs...)
}

func (p *Responder) logger() *slog.Logger {
	if p.Logger != nil {
		return p.Logger
	}
	return slog.Default()
}

// minSecret is the length in bytes that a secret has to have: 26 letters of
// crypto/rand's Text have it, and no word that anybody would type.
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
