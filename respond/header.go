package respond

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem/status"
)

// dropStale removes the fields that described the body which the handler was about
// to send, since another body is sent instead. Fields that the code itself gives a
// meaning stay: the validators of a 412, the Content-Range of a 416, the Location
// of a redirection, and the Upgrade of a 426.
//
// Content-Encoding stays too, because a compressor around the handler sets it for
// any body (go.dev/issue/66343); see restoreEncoding. dropStale reports whether it is
// set.
func dropStale(h http.Header, code int) (encoded bool) {
	for field := range h {
		switch field {
		case "Content-Length", "Transfer-Encoding", "Content-Language", "Content-Location", "Content-Disposition",
			"Content-Md5", "Digest", "Repr-Digest", "Content-Digest", "Accept-Ranges", "Trailer",
			"Age", "Expires", "Cache-Control":
			delete(h, field)
		case "Location", "Etag", "Last-Modified", "Content-Range":
			if !isKept(code, field) {
				delete(h, field)
			}
		case "Upgrade":
			if code != http.StatusUpgradeRequired {
				delete(h, field)
			}
		case "Content-Encoding":
			encoded = h[field] != nil
		}
	}
	return encoded
}

// restoreEncoding sets Content-Encoding to that of the compressor around the handler, if
// the exchange knows it: the handler may have set its own for another body.
func restoreEncoding(h http.Header, w http.ResponseWriter) {
	outside, known := exchange.EncodingOutside(w)
	switch {
	case !known:
	case outside != nil:
		h["Content-Encoding"] = outside
	case h["Content-Encoding"] != nil:
		delete(h, "Content-Encoding")
	}
}

// isKept reports whether a header field has a meaning in a response with the code,
// whatever the body is.
func isKept(code int, field string) bool {
	return slices.ContainsFunc(status.Nearest(code).KeptHeader(), func(kept string) bool { return strings.EqualFold(kept, field) })
}

// fieldValues is room for the values of the header fields of a document, so that
// they cost one allocation together: fixed of them, and one more where Vary may be
// needed.
type fieldValues []string

const fixed = 4

// setDocumentHeader replaces the fields of another body with those that every problem
// document has. Each value has no spare capacity, so that appending to one does not
// overwrite the next.
func setDocumentHeader(h http.Header, code int, v fieldValues, mediaType, length string) {
	encoded := dropStale(h, code)
	v[0], v[1], v[2], v[3] = mediaType, "nosniff", "no-store", length
	h["Content-Type"] = v[0:1:1]
	h["X-Content-Type-Options"] = v[1:2:2]
	h["Cache-Control"] = v[2:3:3]
	if !encoded { // otherwise only the compressor knows the length
		h["Content-Length"] = v[3:4:4]
	}
}

// addHeader adds the header of a problem to h. Its values replace those in h, except
// in fields that several layers add to. Fields that describe the body are ignored,
// because respond sets them itself, and so is Cache-Control where the code forbids
// storing the response (RFC 6585).
func addHeader(h, extra http.Header, code int) {
	for field, values := range extra {
		field = http.CanonicalHeaderKey(field)
		switch field {
		case "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Trailer":
			continue
		case "Cache-Control":
			if status.StorageForbidden(code) {
				continue
			}
		case "Vary":
			for _, v := range values {
				addVary(h, clean(v))
			}
			continue
		}
		var all []string
		switch field {
		case "Link", "Set-Cookie", "Ratelimit", "Ratelimit-Policy":
			all = h[field]
		}
		all = all[:len(all):len(all)] // appending must not write into the caller's array
		for _, v := range values {
			all = append(all, clean(v))
		}
		h[field] = all
	}
}

// clean replaces control characters with spaces, so that no value can end its line.
// net/http replaces only line breaks over HTTP/1, and drops the whole field over
// HTTP/2.
func clean(value string) string {
	if strings.IndexFunc(value, isControl) < 0 {
		return value
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, value)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// sendEmpty responds with a code that forbids a body, without the fields that would
// describe one. A 205 needs a Content-Length of 0; the other codes must not have
// that field (RFC 9110, section 8.6).
func sendEmpty(w http.ResponseWriter, code int) {
	h := w.Header()
	for _, field := range [...]string{
		"Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Content-Language", "Trailer",
	} {
		delete(h, field)
	}
	if code == http.StatusResetContent {
		h["Content-Length"] = []string{"0"}
	}
	w.WriteHeader(code)
}

// lengths are the decimal forms of small numbers, so that the length of most documents
// needs no allocation.
var lengths = func() (all [1000]string) {
	for n := range all {
		all[n] = strconv.Itoa(n)
	}
	return all
}()

func decimal(n int) string {
	if n < len(lengths) {
		return lengths[n]
	}
	return strconv.Itoa(n)
}
