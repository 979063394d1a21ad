package problem

import (
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// MediaType is the media type of a problem in JSON (RFC 9457, section 3).
const MediaType = "application/problem+json"

// BlankType is the type URI of a problem that means no more than its status
// code does (RFC 9457, section 4.2.1).
const BlankType = "about:blank"

// Details describes one failure of one request (RFC 9457). It is an error.
//
// Its exported fields are what the client may know. Writers copy a Details and
// never change it, so a package-level one may serve many goroutines at once,
// as long as no other code changes it either; use [Details.With] to vary it.
//
// The zero value is usable: it is written as an Internal Server Error.
type Details struct {
	// Type is a URI that identifies the kind of problem. Empty means
	// BlankType, and is sent as such.
	Type string
	// Title is a short summary of the type. Apart from its language it is the
	// same for every occurrence.
	Title string
	// Status is the HTTP status code. A writer sends 500 in place of a number
	// that no final response can have.
	Status int
	// Detail explains this occurrence, so that the client can correct it.
	Detail string
	// Instance names this occurrence by a URI reference.
	Instance string
	// Extensions are further members, sent beside the standard ones, whose
	// names they cannot take. In a problem that was read, each value is a
	// json.RawMessage with exactly the bytes that came.
	Extensions map[string]any
	// Header is sent with the response and is not part of the document. In a
	// problem that CheckResponse returns it is the header of the response.
	Header http.Header

	cause   error
	remote  bool
	fromXML bool   // read from it: every text in the extensions is a string
	stated  int    // the status in the document that was read
	origin  string // the host that sent it, if CheckResponse read the problem
}

// New describes a failure by its status code. Without options its type is
// about:blank, its title the reason and its detail the description of the code;
// for a code that the catalogue does not have, those of [status.Nearest].
func New(code int, opts ...Option) *Details {
	s := status.Nearest(code)
	d := &Details{Type: BlankType, Title: s.Reason, Status: code, Detail: s.Description}
	d.apply(opts)
	return d
}

// With returns a copy of d that the options have changed. d itself stays as it
// is, also its header and its extensions; only their values are shared.
func (d *Details) With(opts ...Option) *Details {
	c := *d
	c.Extensions = maps.Clone(d.Extensions)
	c.Header = d.Header.Clone()
	c.apply(opts)
	return &c
}

func (d *Details) apply(opts []Option) {
	for _, o := range opts {
		if o != nil {
			o(d)
		}
	}
}

// Error returns the status, the title and the detail, such as
// "404 Not Found: no order 17"; in a problem that [CheckResponse] read also the host
// that sent it, before them, and the type, after them. Each part is cut to 1 KiB;
// what another server wrote to 512 bytes, with its control characters replaced,
// so that it is safe to log. The cause is not part of the message: see Unwrap.
func (d *Details) Error() string {
	if d == nil {
		return "problem: nil *Details" // a nil one that was returned as an error
	}
	title, detail := d.Title, d.Detail
	if title == "" && (d.Status != 0 || detail == "") {
		title = status.Nearest(d.Status).Reason
	}
	var b []byte
	if d.origin != "" {
		b = append(b, cut(d.origin, maxShortText)...)
		b = append(b, ": "...)
	}
	if d.Status != 0 {
		b = strconv.AppendInt(b, int64(d.Status), 10)
		if title != "" {
			b = append(b, ' ')
		}
	}
	if detail == "" {
		b = append(b, d.printable(title)...)
	} else {
		if title != "" {
			b = append(b, d.printable(strings.TrimSuffix(title, "."))...)
			b = append(b, ": "...)
		}
		b = append(b, d.printable(detail)...)
	}
	if d.remote && d.typeURI() != BlankType {
		b = append(b, " ("...)
		b = append(b, d.printable(d.Type)...)
		b = append(b, ')')
	}
	return string(b)
}

// The lengths in bytes to which Error and LogValue cut texts. A client may have
// chosen parts of any of them.
const (
	maxText       = 1 << 10
	maxRemoteText = 512 // what another server wrote, in a message
	maxShortText  = 256 // what is short by its nature, in a log record
)

// printable returns s for a message. What was written here keeps its lines.
func (d *Details) printable(s string) string {
	if d.remote {
		return loggable(s, maxRemoteText)
	}
	return cut(s, maxText)
}

// loggable returns s for a log: not longer than limit, and without characters
// that a log would have to write at several times their length.
func loggable(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, cut(s, limit))
}

// Unwrap returns the cause, or nil. It is meant for logs and for [errors.Is]
// and [errors.As]; no writer sends it.
func (d *Details) Unwrap() error {
	if d == nil {
		return nil
	}
	return d.cause
}

// Problem returns d, so that [From] finds it also inside a struct that embeds
// it. Other fields of such a struct are not sent; make them extensions.
func (d *Details) Problem() *Details { return d }

// Is reports whether target is the [Type] of the problem, or a problem of the
// same type. Types are compared by URI, character by character; [CheckResponse] has
// resolved a relative one. All problems of type about:blank share that URI and
// mean only their status, so two of them are the same when their status codes
// are equal.
func (d *Details) Is(target error) bool {
	var uri string
	var code int
	switch t := target.(type) {
	case *Type:
		if t == nil {
			return false
		}
		uri, code = t.URI, t.Status
	case *Details:
		if t == nil {
			return false
		}
		uri, code = t.typeURI(), t.Status
	default:
		return false
	}
	return d != nil && uri == d.typeURI() && (uri != BlankType || code == d.Status)
}

// IsRemote reports whether the problem was read, by [CheckResponse] or by decoding,
// and so describes a request to another server. [From] never returns it as the
// outcome of the present request; to pass on what it says, make a new problem of
// it.
func (d *Details) IsRemote() bool { return d.remote }

// StatedStatus returns the status in the document of a problem that was read,
// and 0 if it gave none. It is advisory: after [CheckResponse] Status is the status code
// of the response, which a proxy may have changed (RFC 9457, section 3.1.2).
func (d *Details) StatedStatus() int { return d.stated }

func (d *Details) typeURI() string {
	if d.Type == "" {
		return BlankType
	}
	return d.Type
}

// LogValue returns the members of the problem, the host that sent it if
// [CheckResponse] read it, and the cause, for log/slog. Detail and cause are cut to
// 1 KiB and other values to 256 bytes, whoever chose them, and control characters
// are replaced, so that a record has less than 8 KiB. Extensions may be anything,
// so they are left out.
func (d *Details) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 7)
	attrs = append(attrs, slog.Int("status", d.Status), slog.String("title", loggable(d.Title, maxShortText)))
	add := func(name, value string, limit int) {
		if value != "" {
			attrs = append(attrs, slog.String(name, loggable(value, limit)))
		}
	}
	if d.typeURI() != BlankType {
		add("type", d.Type, maxShortText)
	}
	add("detail", d.Detail, maxText)
	add("instance", d.Instance, maxShortText)
	add("origin", d.origin, maxShortText)
	if d.cause != nil {
		attrs = append(attrs, slog.String("cause", loggable(d.cause.Error(), maxText)))
	}
	return slog.GroupValue(attrs...)
}
