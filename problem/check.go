package problem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// ErrNoDocument is wrapped by the cause of a problem that [CheckResponse] built
// from the status code alone.
var ErrNoDocument = errors.New("problem: the response has no problem document")

// CheckResponse returns nil if the status code of the response is below 400, and
// otherwise a *Details that describes the failure:
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
// It reads problem documents in JSON and XML, and JSON objects of any other media
// type that have a title or a detail. If the body is not one of these, or is
// malformed, truncated or larger than [MaxSize], the problem has the reason and the
// description of the status code. Its cause wraps [ErrNoDocument] and gives the
// reason, with the beginning of the body if that is text.
//
// Status is the status code of the response, even if the document has another one,
// and Header is the header of the response. A relative type or instance is resolved
// against the URL of the request (RFC 9457, sections 3.1.1 and 3.1.5).
//
// Below 400, CheckResponse leaves the body alone. Otherwise it reads at most
// MaxSize bytes of the body and closes it. It replaces res.Body with a reader of
// the bytes that were read, so that the caller can read and close the body as
// usual.
func CheckResponse(res *http.Response) error {
	if res.StatusCode < http.StatusBadRequest {
		return nil
	}
	c := new(checked)
	body, err := readBody(res, c.space[:0])
	c.body.Reset(body)
	res.Body = &c.body

	d := &c.problem
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

// checked is a problem and the body it was decoded from. They are one struct so
// that a short response costs one allocation.
type checked struct {
	problem Details
	body    replayBody
	space   [320]byte // a larger array would cost more: objects above 512 bytes are allocated in another way
}

// replayBody is a response body that was read already. It has nothing to close.
type replayBody struct{ bytes.Reader }

func (*replayBody) Close() error { return nil }

// readBody closes the body after reading at most MaxSize bytes of it, into b as
// far as its capacity allows. It returns the bytes also with an error.
func readBody(res *http.Response, b []byte) ([]byte, error) {
	if res.Body == nil || res.Body == http.NoBody {
		return nil, nil
	}
	defer res.Body.Close()
	// Content-Length is only a promise, so memory for a large one is allocated as
	// the bytes arrive. The extra byte lets the last read see the end.
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

// decode decodes the body of a response by its media type.
func (d *Details) decode(contentType string, body []byte) error {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.TrimSpace(mediaType)
	var err error
	switch doc := bytes.TrimPrefix(body, []byte("\ufeff")); { // RFC 8259, section 8.1
	case len(doc) == 0:
		return fmt.Errorf("%w: the body is empty", ErrNoDocument)
	case strings.EqualFold(mediaType, MediaType):
		err = d.decodeJSON(doc)
	case isFormat(mediaType, "xml"):
		err = d.decodeXML(doc) // which refuses XML of another namespace
	case isFormat(mediaType, "json"), mediaType == "" && doc[0] == '{':
		if err = d.decodeJSON(doc); err == nil && d.Title == "" && d.Detail == "" {
			err = errNotAProblem
		}
	default:
		err = errNotAProblem
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNotAProblem):
		return fmt.Errorf("%w: the body is %q%s", ErrNoDocument, truncate(mediaType, maxExcerpt), excerpt(body))
	}
	return fmt.Errorf("%w: %w%s", ErrNoDocument, err, excerpt(body))
}

var errNotAProblem = errors.New("not a problem document")

// isFormat reports whether a media type is in the given format. For "json" these
// are application/json, text/json and all with the suffix +json (RFC 6839, section
// 3.1).
func isFormat(mediaType, format string) bool {
	end := len(mediaType) - len(format)
	if end < 1 || !strings.EqualFold(mediaType[end:], format) {
		return false
	}
	prefix := mediaType[:end]
	return prefix[end-1] == '+' || strings.EqualFold(prefix, "application/") || strings.EqualFold(prefix, "text/")
}

// excerpt quotes the beginning of a body for the log. It returns "" if the body is
// not text.
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

// maxExcerpt is how many bytes of a response are quoted.
const maxExcerpt = 160
