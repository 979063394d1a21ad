package problem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// ErrNoDocument is wrapped by the cause of a problem that [CheckResponse] built
// from the status code alone.
var ErrNoDocument = errors.New("problem: the response has no problem document")

// CheckResponse returns nil for a response with a status code below 400, whose
// body it leaves alone, and otherwise always a *Details that describes the
// failure:
//
//	res, err := client.Do(req)
//	if err != nil {
//		return err
//	}
//	defer res.Body.Close()
//	if err := problem.CheckResponse(res); err != nil {
//		return err
//	}
//
// The response may be a problem in JSON or in XML, or an object in JSON of another
// type that has a title or a detail. What is none of these, or is malformed, cut
// short or larger than [MaxSize], is described by its status code alone: its
// cause wraps [ErrNoDocument] and says why, with the beginning of a text.
//
// Status is the status code of the response, whatever the document says, and
// Header is its header. A relative type or instance is resolved against the URL
// of the request (RFC 9457, sections 3.1.1 and 3.1.5).
//
// For a failure CheckResponse reads at most MaxSize bytes of the body and closes it;
// closing it again does no harm. What was read can be read once more from
// res.Body.
func CheckResponse(res *http.Response) error {
	if res.StatusCode < http.StatusBadRequest {
		return nil
	}
	a := new(failed)
	body, err := readBody(res, a.space[:0])
	a.body.Reset(body)
	res.Body = &a.body

	d := &a.problem
	if err == nil {
		err = d.decode(res.Header.Get("Content-Type"), body)
	}
	if err != nil {
		s := status.Nearest(res.StatusCode)
		*d = Details{Type: BlankType, Title: s.Reason, Detail: s.Description, cause: err}
	}
	d.stated, d.Status = d.Status, res.StatusCode
	d.Header, d.remote = res.Header, true
	if res.Request != nil && res.Request.URL != nil {
		base := res.Request.URL
		d.origin = base.Host
		d.Type = resolve(base, d.Type)
		d.Instance = resolve(base, d.Instance)
	}
	return d
}

// failed has what CheckResponse makes of a failure, in one allocation if the body is
// short.
type failed struct {
	problem Details
	body    replay
	space   [320]byte // more would cost: above 512 bytes the allocator works otherwise
}

// replay is a body that can be read once more. It has nothing to close.
type replay struct{ bytes.Reader }

func (*replay) Close() error { return nil }

// readBody reads at most MaxSize bytes of the body, into b where there is
// room, and closes it. The bytes are also returned with an error.
func readBody(res *http.Response, b []byte) ([]byte, error) {
	if res.Body == nil || res.Body == http.NoBody {
		return nil, nil
	}
	defer res.Body.Close()
	// A length is only a promise: a large one costs memory as the bytes come. The
	// byte more lets the last read see the end.
	if n := int(min(res.ContentLength, 16<<10)); n >= cap(b) {
		b = make([]byte, 0, n+1)
	}
	for idle := 0; ; {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := res.Body.Read(b[len(b):min(cap(b), MaxSize+1)])
		b = b[:len(b)+n]
		switch {
		case len(b) > MaxSize:
			return b[:MaxSize], fmt.Errorf("%w: larger than %d bytes", ErrNoDocument, MaxSize)
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, fmt.Errorf("%w: %w", ErrNoDocument, err)
		case n > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return b, fmt.Errorf("%w: %w", ErrNoDocument, io.ErrNoProgress)
			}
		}
	}
}

// decode reads the body of a response into d, by its media type.
func (d *Details) decode(contentType string, body []byte) error {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.TrimSpace(mediaType)
	var err error
	switch doc := bytes.TrimPrefix(body, []byte("\ufeff")); { // RFC 8259, section 8.1
	case len(doc) == 0:
		return fmt.Errorf("%w: it is empty", ErrNoDocument)
	case strings.EqualFold(mediaType, MediaType):
		err = d.decodeJSON(doc)
	case typeOf(mediaType, "xml"):
		err = d.decodeXML(doc) // the namespace tells a problem from other XML
	case typeOf(mediaType, "json"), mediaType == "" && doc[0] == '{':
		if err = d.decodeJSON(doc); err == nil && d.Title == "" && d.Detail == "" {
			err = errForeign
		}
	default:
		err = errForeign
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errForeign):
		return fmt.Errorf("%w: it is %q%s", ErrNoDocument, cut(mediaType, maxExcerpt), excerpt(body))
	}
	return fmt.Errorf("%w: %w%s", ErrNoDocument, err, excerpt(body))
}

var errForeign = errors.New("no problem")

// typeOf reports whether the media type is one of the format: application/json,
// text/json, or any with the suffix +json (RFC 6839, section 3.1).
func typeOf(mediaType, format string) bool {
	cut := len(mediaType) - len(format)
	if cut < 1 || !strings.EqualFold(mediaType[cut:], format) {
		return false
	}
	prefix := mediaType[:cut]
	return prefix[cut-1] == '+' || strings.EqualFold(prefix, "application/") || strings.EqualFold(prefix, "text/")
}

// excerpt quotes the beginning of a text, for a log.
func excerpt(body []byte) string {
	more := ""
	if len(body) > maxExcerpt {
		body, more = body[:maxExcerpt], "..."
		for len(body) > 0 && !utf8.Valid(body) && len(body) > maxExcerpt-utf8.UTFMax {
			body = body[:len(body)-1]
		}
	}
	if !utf8.Valid(body) {
		return ""
	}
	return fmt.Sprintf(": %q%s", body, more)
}

// maxExcerpt is the length in bytes of what is quoted from a response.
const maxExcerpt = 160

// resolve makes a relative reference absolute (RFC 3986, section 5). It returns
// ref itself if it is absolute already, or not a reference. The usual ones need
// no parsing.
func resolve(base *url.URL, ref string) string {
	if ref == "" || hasScheme(ref) {
		return ref
	}
	if ref[0] == '/' && base.Scheme != "" && simple(ref) && simple(base.Host) {
		return base.Scheme + "://" + base.Host + ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ref
	}
	b := *base
	b.User = nil // credentials of the request are not part of a name
	return b.ResolveReference(u).String()
}

// simple reports whether a host or a path is written with letters, digits,
// colons and single slashes, hyphens and underscores only, and with dots that
// make no segment of their own.
func simple(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/' || c == '.':
			if i+1 < len(s) && (s[i+1] == '/' || s[i+1] == '.') {
				return false
			}
		case c != '-' && c != '_' && c != ':' && !jsonscan.Digit(c) && (c|0x20 < 'a' || c|0x20 > 'z'):
			return false
		}
	}
	return s != ""
}
