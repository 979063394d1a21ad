package respond

import (
	"net/http"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Validators identify the state that a resource is in, for conditional requests
// (RFC 9110, section 13). The zero value means that there is no such resource
// as yet, or that its state cannot be told.
//
// A handler that reads has two lines for it, and so has one that writes:
//
//	if respond.Conditional(w, r, v) {
//		return nil // the client has it
//	}
//
//	if err := v.Require(r); err != nil {
//		return err // another client was faster
//	}
//
// Compare and write in one transaction or under one lock; otherwise another
// request may come in between.
//
// A compressor around the handler may weaken the entity tag, or append something
// to it, since the compressed bytes are others. A client that sends such a tag
// back in If-Match gets 412, each time: weak tags match no write. Tell the
// compressor to leave the tags of what clients edit alone, or let clients send
// If-Unmodified-Since.
type Validators struct {
	// Tag differs from that of every other state: a revision number or a hash,
	// without quotes. Bytes that an entity tag cannot have are percent-encoded.
	Tag string
	// Weak says that states with the same tag only mean the same, byte for byte
	// they may differ. A weak tag protects no update: If-Match never matches.
	Weak bool
	// Modified is when the resource changed last, or the zero time. Fractions
	// of a second do not count.
	Modified time.Time
}

// ETag returns the tag as the ETag field has it, or "" if there is none.
func (v Validators) ETag() string {
	if v.Tag == "" {
		return ""
	}
	prefix := `"`
	if v.Weak {
		prefix = `W/"`
	}
	return prefix + escapeTag(v.Tag) + `"`
}

// SetHeader sets ETag and Last-Modified, for a response that shows the resource
// in this state, or has just put it there. A time that is still to come is sent
// as the present one, which is the Date of the response (RFC 9110, section
// 8.8.2.1).
func (v Validators) SetHeader(h http.Header) {
	if v.Tag != "" {
		h["Etag"] = []string{v.ETag()}
	}
	if !v.Modified.IsZero() {
		modified := v.Modified
		if now := time.Now(); modified.After(now) {
			modified = now
		}
		h["Last-Modified"] = []string{modified.UTC().Format(http.TimeFormat)}
	}
}

// Conditional sets the validators of v in the header of the response and reports
// whether that was all the request needed: it sends 304 if the client has this
// state already, and 412 if the client requires another. Call it where the
// response would otherwise be 200. It leaves Range to [http.ServeContent].
//
// For a QUERY (RFC 10008) v is the state of the result, not of what was queried.
func Conditional(w http.ResponseWriter, r *http.Request, v Validators) (done bool) {
	v.SetHeader(w.Header())
	switch v.Evaluate(r) {
	case http.StatusNotModified:
		NotModified(w)
		return true
	case http.StatusPreconditionFailed:
		Problem(w, r, v.failed())
		return true
	}
	return false
}

// Check returns nil if the conditions of the request allow it to change a
// resource in this state; a request without conditions may. Else it returns a
// problem with status 412 that carries the current validators.
//
// To create only, send If-None-Match: *, and compare with Validators that
// are zero unless the resource exists.
func (v Validators) Check(r *http.Request) error {
	if v.Evaluate(r) == 0 {
		return nil
	}
	return v.failed()
}

// Require is [Validators.Check] where a condition is required, so that no client
// overwrites a change that it has not seen: a request without If-Match,
// If-Unmodified-Since and If-None-Match gets a problem with status 428
// (RFC 6585, section 3), and so does one whose fields are to be ignored, such as
// a date that is none.
func (v Validators) Require(r *http.Request) error {
	if v.conditional(r.Header) {
		return v.Check(r)
	}
	return problem.New(http.StatusPreconditionRequired, problem.Detail(
		"Send the ETag of the version that the change is based on in If-Match, or If-None-Match: * to create."))
}

// conditional reports whether a write has a condition that Evaluate does not pass
// over. A malformed If-Match is one: it fails.
func (v Validators) conditional(h http.Header) bool {
	if len(h["If-Match"]) > 0 {
		return true
	}
	if _, ok := date(h["If-Unmodified-Since"]); ok && !v.Modified.IsZero() {
		return true
	}
	return hasTag(h["If-None-Match"])
}

// hasTag reports whether a field is an asterisk, or a list with at least one
// entity tag and nothing else.
func hasTag(fields []string) (found bool) {
	if isAny(fields) {
		return true
	}
	budget := maxTags
	for _, field := range fields {
		if budget -= len(field); budget < 0 {
			return false
		}
		for field != "" {
			var tag string
			var ok bool
			if tag, _, field, ok = cutTag(field); !ok {
				return false
			}
			found = found || tag != ""
		}
	}
	return found
}

// isAny reports whether a field is an asterisk, which any version matches.
func isAny(fields []string) bool {
	return len(fields) == 1 && strings.Trim(fields[0], " \t") == "*"
}

// exists reports whether there is a resource.
func (v Validators) exists() bool { return v.Tag != "" || !v.Modified.IsZero() }

func (v Validators) failed() *problem.Details {
	d := problem.New(http.StatusPreconditionFailed)
	if v.exists() {
		d.Header = http.Header{}
		v.SetHeader(d.Header)
	}
	return d
}

// Evaluate decides what the conditions of the request ask for, in the order of
// RFC 9110, section 13.2.2: 0 to go on, 304 for a read that the client need not
// repeat, or 412. It sends nothing. GET, HEAD and QUERY read; OPTIONS, CONNECT and
// TRACE have no conditions.
func (v Validators) Evaluate(r *http.Request) int {
	reads := false
	switch r.Method {
	case http.MethodGet, http.MethodHead, "", "QUERY":
		reads = true
	case http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return 0
	}
	h := r.Header
	if match := h["If-Match"]; len(match) > 0 {
		if !v.listed(match, true) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := date(h["If-Unmodified-Since"]); ok && !v.Modified.IsZero() {
		if v.Modified.Truncate(time.Second).After(since) {
			return http.StatusPreconditionFailed
		}
	}
	if match := h["If-None-Match"]; len(match) > 0 {
		switch {
		case !v.listed(match, false):
		case reads:
			return http.StatusNotModified
		default:
			return http.StatusPreconditionFailed
		}
	} else if since, ok := date(h["If-Modified-Since"]); ok && reads && !v.Modified.IsZero() {
		if !v.Modified.Truncate(time.Second).After(since) {
			return http.StatusNotModified
		}
	}
	return 0
}

// listed reports whether the fields name the version: by its tag, or by a star
// if there is any version. Strong comparison takes no weak tags.
func (v Validators) listed(fields []string, strong bool) bool {
	if isAny(fields) {
		return v.exists()
	}
	if v.Tag == "" || strong && v.Weak {
		return false
	}
	tag := v.ETag()
	tag = tag[strings.IndexByte(tag, '"'):]
	budget := maxTags
	for _, field := range fields {
		if len(field) > budget {
			return false
		}
		budget -= len(field)
		for field != "" {
			var weak, ok bool
			var candidate string
			candidate, weak, field, ok = cutTag(field)
			if !ok {
				return false // what follows cannot be told apart any more
			}
			if candidate == tag && !(strong && weak) {
				return true
			}
		}
	}
	return false
}

// maxTags is how many bytes of a list of entity tags are looked at. A longer
// one matches nothing.
const maxTags = 8 << 10

// cutTag cuts the first entity tag with its quotes off a list (RFC 9110,
// section 8.8.3). It is empty for an empty member.
func cutTag(list string) (tag string, weak bool, rest string, ok bool) {
	list = strings.TrimLeft(list, " \t")
	if list, weak = strings.CutPrefix(list, "W/"); list == "" || !weak && list[0] == ',' {
		return "", false, strings.TrimPrefix(list, ","), !weak
	}
	if list[0] != '"' {
		return "", false, "", false
	}
	end := 1
	for end < len(list) && isTagByte(list[end]) {
		end++
	}
	if end == len(list) || list[end] != '"' {
		return "", false, "", false
	}
	tag, rest = list[:end+1], strings.TrimLeft(list[end+1:], " \t")
	if rest != "" && rest[0] != ',' {
		return "", false, "", false
	}
	return tag, weak, strings.TrimPrefix(rest, ","), true
}

func isTagByte(c byte) bool { return c == '!' || c >= '#' && c != 0x7f }

// escapeTag percent-encodes what a tag cannot have, and the percent sign, so
// that two tags never become one.
func escapeTag(s string) string {
	return percentEncode(s, func(c byte) bool { return !isTagByte(c) || c == '%' || c >= 0x80 })
}

// date returns the date of a field that has exactly one. Any other is as good
// as absent.
func date(field []string) (time.Time, bool) {
	if len(field) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(field[0])
	return t, err == nil
}
