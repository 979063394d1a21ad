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

// BlankType is the type URI of a problem that has no meaning beyond its status
// code (RFC 9457, section 4.2.1).
const BlankType = "about:blank"

// Details describes one failure of one request (RFC 9457). It is an error.
//
// Its exported fields are for the client. No function of this module changes the
// Details it is given, so many goroutines may share one, such as a package-level
// variable, as long as no other code changes it. Use [Details.With] to vary it.
//
// The zero value is usable. It is written as an Internal Server Error.
type Details struct {
	// Type is a URI that identifies the kind of problem. An empty Type is
	// sent as BlankType.
	Type string
	// Title is a short summary of the type. It is the same for every
	// occurrence, except that it may be translated.
	Title string
	// Status is the HTTP status code. If it is not the code of a final
	// response, 500 is sent instead.
	Status int
	// Detail explains this occurrence, so that the client can correct it.
	Detail string
	// Instance is a URI reference that identifies this occurrence.
	Instance string
	// Extensions are further members of the document. They cannot have the
	// name of a standard member. In a decoded problem each value is a
	// json.RawMessage, with exactly the bytes of the document if that is JSON.
	Extensions map[string]any
	// Header is sent with the response. It is not part of the document. In a
	// problem from CheckResponse it is the header of the response.
	Header http.Header

	cause   error
	remote  bool
	fromXML bool   // decoded from XML: each text in the extensions is a JSON string
	stated  int    // the status member of the document that was decoded
	origin  string // the host that sent the response, for CheckResponse
}

// New returns a problem with the given status code. Unless options set them, its
// type is about:blank and its title and detail are the reason and the description
// of [status.Nearest], which has a row for every number.
func New(code int, opts ...Option) *Details {
	s := status.Nearest(code)
	d := &Details{Type: BlankType, Title: s.Reason, Status: code, Detail: s.Description}
	d.apply(opts)
	return d
}

// With returns a copy of d with the options applied. It does not change d: the
// copy has a Header and an Extensions map of its own. The values in the map are
// shared.
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
// "404 Not Found: no order 17". For a problem from [CheckResponse] the message
// begins with the host that sent the response and ends with the type. Each part
// is truncated to 1 KiB. Remote parts are truncated to 512 bytes and their control
// characters are replaced, so that the message is safe to log. The message does
// not include the cause, which Unwrap returns.
func (d *Details) Error() string {
	if d == nil {
		return "problem: nil *Details" // a nil *Details that was returned as an error
	}
	title, detail := d.Title, d.Detail
	if title == "" && (d.Status != 0 || detail == "") {
		title = status.Nearest(d.Status).Reason
	}
	var b []byte
	if d.origin != "" {
		b = append(b, truncate(d.origin, maxShortText)...)
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

// The lengths in bytes to which Error and LogValue truncate strings. They bound
// every string, since a client may have chosen part of any of them.
const (
	maxText       = 1 << 10
	maxRemoteText = 512 // text of another server, in a message
	maxShortText  = 256 // titles, URIs and host names, in a log record
)

// printable returns s for an error message. Local text keeps its line breaks.
func (d *Details) printable(s string) string {
	if d.remote {
		return loggable(s, maxRemoteText)
	}
	return truncate(s, maxText)
}

// truncate returns s, or its beginning and "..." if s is longer than limit bytes.
// The result is at most limit bytes long and splits no character.
func truncate(s string, limit int) string {
	const more = "..."
	if len(s) <= limit {
		return s
	}
	end := limit - len(more)
	for end > 0 && end > limit-len(more)-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}

// loggable truncates s to limit bytes and replaces the characters that a log
// handler would escape, since an escape is several times as long.
func loggable(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, truncate(s, limit))
}

// Unwrap returns the cause, or nil if there is none. It is for logs, [errors.Is]
// and [errors.As]. The cause is never sent to a client.
func (d *Details) Unwrap() error {
	if d == nil {
		return nil
	}
	return d.cause
}

// Problem returns d. Because of this method [From] also finds a *Details that is
// embedded in another error type. The other fields of that type are not sent:
// make them extensions.
func (d *Details) Problem() *Details { return d }

// Is reports whether target is the [Type] of d or another problem of that type,
// for [errors.Is]. It compares type URIs character by character; a relative URI
// has been resolved by [CheckResponse]. Two problems of type about:blank match if
// their status codes are equal.
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

// IsRemote reports whether d was returned by [CheckResponse] or decoded from a
// document, and so describes a request to another server. [From] does not return
// such a problem for the current request. To forward what it says, create a new
// problem.
func (d *Details) IsRemote() bool { return d.remote }

// StatedStatus returns the status member of the document that d was decoded from,
// or 0 if there was none. It is advisory: after [CheckResponse], Status is the
// status code of the response, which a proxy may have changed (RFC 9457, section
// 3.1.2).
func (d *Details) StatedStatus() int { return d.stated }

func (d *Details) typeURI() string {
	if d.Type == "" {
		return BlankType
	}
	return d.Type
}

// LogValue returns the standard members, the cause and, for a problem from
// [CheckResponse], the host that sent the response, for log/slog. The detail and
// the cause are truncated to 1 KiB and other values to 256 bytes, and control
// characters are replaced, so that a record is shorter than 8 KiB. Extensions are
// left out, because their size and contents are unknown.
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
