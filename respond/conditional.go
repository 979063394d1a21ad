package respond

import (
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
)

// Validators identify the current state of a resource, for conditional requests
// (RFC 9110, section 13). The zero value means that the resource does not exist,
// or that its state is not known.
//
// A handler that reads needs these lines:
//
//	if respond.Conditional(w, r, v) {
//		return nil // the client has the current representation
//	}
//
// A handler that writes needs these:
//
//	if err := v.Require(r); err != nil {
//		return err // another client has changed the resource
//	}
//
// Compare and write in one transaction or under one lock; otherwise another
// request can change the resource in between.
//
// A compressor around the handler may weaken the entity tag or append to it, since
// the compressed bytes differ. A client that sends such a tag back in If-Match
// always gets a 412, because weak tags match no write. Configure the compressor to
// leave the tags of resources that clients edit alone, or let clients send
// If-Unmodified-Since.
type Validators struct {
	// Tag differs between any two states: a revision number or a hash, without
	// quotes. Bytes that an entity tag cannot have are percent-encoded. Empty
	// means that there is no entity tag.
	Tag string
	// Weak means that states with the same tag are equivalent, but may differ
	// in their bytes. If-Match never matches a weak tag.
	Weak bool
	// Modified is when the resource changed last. Fractions of a second are
	// ignored. The zero time means that it is not known.
	Modified time.Time
}

// ETag returns the value of the ETag field, or "" if Tag is empty.
func (v Validators) ETag() string {
	if v.Tag == "" {
		return ""
	}
	return v.entityTag().String()
}

// SetHeader sets ETag and Last-Modified, for a response that shows the resource in
// this state, or that reports a write which led to it. A time in the future is
// sent as the present time (RFC 9110, section 8.8.2.1).
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

// Conditional sets the validators in the header of the response, evaluates the
// preconditions of the request, and reports whether it has responded: with 304 if
// the client has the current representation, or with 412 if a precondition is
// false. Call it where the response would otherwise be 200. It ignores If-Range
// and Range, which [http.ServeContent] handles.
//
// For a QUERY (RFC 10008) v is the state of the result, not of the resource that
// was queried.
func Conditional(w http.ResponseWriter, r *http.Request, v Validators) (done bool) {
	v.SetHeader(w.Header())
	switch v.Evaluate(r) {
	case http.StatusNotModified:
		NotModified(w)
		return true
	case http.StatusPreconditionFailed:
		Problem(w, r, v.preconditionFailed())
		return true
	}
	return false
}

// Check returns nil if the request has no preconditions, or if they allow it to change
// a resource in this state. Otherwise it returns a problem with status 412 and the
// current validators in its header.
//
// To create a resource but never replace one, a client sends If-None-Match: *. Validators
// have to be zero then if the resource does not exist.
func (v Validators) Check(r *http.Request) error {
	if v.Evaluate(r) == 0 {
		return nil
	}
	return v.preconditionFailed()
}

// Require is [Validators.Check] for resources that no client may overwrite without
// having seen their current state. A request without a precondition gets a problem
// with status 428 (RFC 6585, section 3). So does one whose preconditions have to
// be ignored, such as a malformed date.
func (v Validators) Require(r *http.Request) error {
	if v.hasPrecondition(r.Header) {
		return v.Check(r)
	}
	return problem.New(http.StatusPreconditionRequired, problem.Detail(
		"Send the ETag of the version that the change is based on in If-Match, or If-None-Match: * to create."))
}

// hasPrecondition reports whether a write has a precondition that Evaluate does
// not ignore. A malformed If-Match is not ignored: it is false.
func (v Validators) hasPrecondition(h http.Header) bool {
	if len(h["If-Match"]) > 0 {
		return true
	}
	if _, ok := date(h["If-Unmodified-Since"]); ok && !v.Modified.IsZero() {
		return true
	}
	return isAnyTag(h["If-None-Match"]) || isTagList(h["If-None-Match"])
}

// exists reports whether there is a resource.
func (v Validators) exists() bool { return v.Tag != "" || !v.Modified.IsZero() }

func (v Validators) preconditionFailed() *problem.Details {
	d := problem.New(http.StatusPreconditionFailed)
	if v.exists() {
		d.Header = http.Header{}
		v.SetHeader(d.Header)
	}
	return d
}

// Evaluate evaluates the preconditions of the request in the order of RFC 9110,
// section 13.2.2. It returns 0 if the request is to be processed, 304 if it reads
// what the client has already, and 412 if a precondition is false. It sends
// nothing.
//
// GET, HEAD and QUERY read. OPTIONS, CONNECT and TRACE have no preconditions. Any
// other method writes.
func (v Validators) Evaluate(r *http.Request) int {
	reads := false
	switch r.Method {
	case http.MethodGet, http.MethodHead, "", "QUERY":
		reads = true
	case http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return 0
	}
	switch {
	case !v.isExpected(r.Header):
		return http.StatusPreconditionFailed
	case reads && v.isStored(r.Header):
		return http.StatusNotModified
	case !reads && v.matches(r.Header["If-None-Match"], entityTag.equalWeak):
		return http.StatusPreconditionFailed
	}
	return 0
}

// isExpected evaluates If-Match, or otherwise If-Unmodified-Since: steps 1 and 2
// of section 13.2.2.
func (v Validators) isExpected(h http.Header) bool {
	if fields := h["If-Match"]; len(fields) > 0 {
		return v.matches(fields, entityTag.equalStrong)
	}
	since, ok := date(h["If-Unmodified-Since"])
	return !ok || v.Modified.IsZero() || !v.modifiedAfter(since)
}

// isStored evaluates If-None-Match, or otherwise If-Modified-Since, of a request
// that reads: steps 3 and 4.
func (v Validators) isStored(h http.Header) bool {
	if fields := h["If-None-Match"]; len(fields) > 0 {
		return v.matches(fields, entityTag.equalWeak)
	}
	since, ok := date(h["If-Modified-Since"])
	return ok && !v.Modified.IsZero() && !v.modifiedAfter(since)
}

// modifiedAfter compares in seconds, which is all that a date in a header has.
func (v Validators) modifiedAfter(t time.Time) bool { return v.Modified.Truncate(time.Second).After(t) }

// date returns the date of a header field with exactly one value. Any other value
// has to be ignored.
func date(field []string) (time.Time, bool) {
	if len(field) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(field[0])
	return t, err == nil
}
