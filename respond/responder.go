package respond

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
)

// Responder writes problems as the functions of this package do, configured by its
// fields. The zero value is ready to use. It is safe for concurrent use as long as
// its fields do not change.
//
// Give it to middleware.NormalizeWith, and all problems inside that middleware are
// written by it, also those of the functions of this package. The methods use the
// Responder that they are called on, whatever middleware is around the handler.
type Responder struct {
	// Map defines what the errors of an application mean to a client. An error
	// that is a problem needs no mapping.
	Map problem.Mapping

	// Render encodes a problem in another format, such as that of JSON:API,
	// SCIM or OAuth, and returns it with its media type. A nil body means that
	// the problem is sent as JSON, XML or HTML as usual. Render must not send
	// what Details.Unwrap returns.
	//
	// The problem is a copy. Its Header is that of the response, with the
	// fields that outer layers have set, such as Retry-After. A format that has
	// its own place for the status, as gRPC has, may change Status and Header
	// if it returns a body, which may be empty.
	Render func(*http.Request, *problem.Details) (mediaType string, body []byte)

	// Extend returns options for each problem that is sent, such as an
	// Extension with the id of a trace. It cannot change the status, and is not
	// called where the request is not known.
	Extend func(*http.Request, *problem.Details) []problem.Option

	// Instance returns a URI reference that identifies the occurrence of the
	// problem, for example by the id of the request. It is not called for a
	// problem that has an instance, nor where the request is not known.
	Instance func(*http.Request) string

	// Localize translates the title and the detail of the problem, which is a
	// copy, and returns the language tag that it chose, or "" if it changed
	// nothing. The tag is sent as Content-Language. Localize is not called
	// where the request is not known. [NegotiateLanguage] chooses the language.
	Localize func(*http.Request, *problem.Details) (language string)

	// Header is sent with every problem. The fields of the problem's own Header
	// replace those of Header.
	Header http.Header

	// Home is where the link on HTML pages leads, such as "/". Empty means that
	// pages have no link.
	Home string

	// Logger gets one record for each failure, unless an access log around the
	// handler writes it: at level Error for a server error, and at level Info
	// for any other. Nil means slog.Default() at the time of the record.
	Logger *slog.Logger

	// DebugSecret lets developers read the causes of a problem. A request whose
	// Debug-Secret field has this value gets their messages in the extension
	// "debug". Make a new secret at each start, for example with crypto/rand's
	// Text, and log it: developers who can read the log can read the causes
	// there too. A secret of less than 20 bytes has no effect.
	DebugSecret string
}

var defaults Responder

// isDefault reports whether p sends problems just as package problem makes them.
func (p *Responder) isDefault() bool {
	return p == &defaults || p.Instance == nil && p.Localize == nil && p.Render == nil && p.Extend == nil && len(p.Header) == 0
}

// inEffect returns the Responder of the innermost Normalize around the handler that
// got w, or otherwise the defaults. It also returns the exchange, or nil if w has
// none.
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

func (p *Responder) logger() *slog.Logger {
	if p.Logger != nil {
		return p.Logger
	}
	return slog.Default()
}

// minSecret is the least length of a DebugSecret in bytes. The 26 letters of
// crypto/rand's Text have it, and a word that a person would type has not.
const minSecret = 20

func (p *Responder) mayDebug(r *http.Request) bool {
	if len(p.DebugSecret) < minSecret || r == nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("Debug-Secret")), []byte(p.DebugSecret)) == 1
}

// causes returns the messages of the errors behind d, the outermost first.
func causes(d *problem.Details) (messages []string) {
	for err := d.Unwrap(); err != nil && len(messages) < 20; err = errors.Unwrap(err) {
		messages = append(messages, err.Error())
	}
	return messages
}
