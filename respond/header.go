package respond

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem/status"
)

// dropStale removes the fields that described the body a handler meant to
// send: they would be wrong beside the one that is sent instead. A 412 keeps
// its validators and a 416 its Content-Range, which are part of those answers;
// so is a Location that belongs to the code. Upgrade was that of a 101 or of a 426.
//
// Content-Encoding stays. A compressor around the handler has set it for
// whatever comes (go.dev/issue/66343); dropStale reports whether it is there.
func dropStale(h http.Header, code int) (encoded bool) {
	if onlyUsual(h) {
		return false
	}
	for field := range h {
		switch field {
		case "Content-Length", "Transfer-Encoding", "Content-Language", "Content-Location", "Content-Disposition",
			"Content-Md5", "Digest", "Repr-Digest", "Content-Digest", "Accept-Ranges", "Trailer",
			"Age", "Expires", "Cache-Control":
			delete(h, field)
		case "Location", "Etag", "Last-Modified", "Content-Range":
			if !keeps(code, field) {
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

// keeps reports whether a header field belongs into a response with the code
// whatever its body is.
func keeps(code int, field string) bool {
	return slices.ContainsFunc(status.Nearest(code).KeptHeader(), func(kept string) bool { return strings.EqualFold(kept, field) })
}

// onlyUsual reports whether h has what http.Error sets and next to nothing
// else, so that none of it is stale. That is what an error that is replaced by a
// problem comes with; to ask for it by name takes less time than a walk through
// the map.
func onlyUsual(h http.Header) bool {
	rest := len(h)
	if rest < 2 || rest > len(usual) {
		return rest == 0
	}
	for i, field := range usual {
		if _, ok := h[field]; ok {
			rest--
		} else if i < 2 {
			return false
		}
		if rest == 0 {
			return true
		}
	}
	return false
}

var usual = [...]string{"Content-Type", "X-Content-Type-Options", "Vary", "X-Request-Id"}

// fieldValues is the room for the values of the fields that every document
// has, so that they cost one allocation together: fixed of them, and one more
// where Vary may be needed.
type fieldValues []string

const fixed = 4

// describe puts the fields that every problem document has in place of those
// of another body. Each value is cut to its own capacity, so that appending to
// one copies it.
func describe(h http.Header, code int, v fieldValues, mediaType, length string) {
	encoded := dropStale(h, code)
	v[0], v[1], v[2], v[3] = mediaType, "nosniff", "no-store", length
	h["Content-Type"] = v[0:1:1]
	h["X-Content-Type-Options"] = v[1:2:2]
	h["Cache-Control"] = v[2:3:3]
	if !encoded { // else only the compressor knows it
		h["Content-Length"] = v[3:4:4]
	}
}

// addHeader sends the header of a problem. Its values replace those that are
// there, except in fields that several layers add to. What the writer itself
// has to know, such as the length, is not the problem's to say; whether the
// answer may be stored is, unless the code forbids it (RFC 6585).
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
		all = all[:len(all):len(all)] // the caller's slices stay the caller's
		for _, v := range values {
			all = append(all, clean(v))
		}
		h[field] = all
	}
}

// clean puts a space for each control character, so that no value can end its
// line. HTTP/1 of net/http does so for line breaks only, and HTTP/2 leaves the
// whole field out.
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

// sendEmpty answers with a code that forbids content. A 205 has to say that it
// is empty; the others must not speak of a length (RFC 9110, section 8.6), and
// none of them of a content that is not there.
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

// decimals has the numbers of one digit, of two, three and four digits, each in
// a row without gaps. Most lengths are among them, and need not be allocated.
var decimals = func() (rows [4]string) {
	var digits [len(rows)]byte
	n, end := 0, 10
	for i := range rows {
		var row strings.Builder
		row.Grow((end - n) * (i + 1))
		for ; n < end; n++ {
			row.Write(strconv.AppendInt(digits[:0], int64(n), 10))
		}
		rows[i] = row.String()
		end *= 10
	}
	return rows
}()

func decimal(n int) string {
	first, end := 0, 10
	for i, row := range decimals {
		if n < end {
			at, width := (n-first)*(i+1), i+1
			return row[at : at+width]
		}
		first, end = end, end*10
	}
	return strconv.Itoa(n)
}
