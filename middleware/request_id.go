package middleware

import (
	"context"
	"crypto/rand"
	"net/http"
)

// RequestID gives each request an identifier of its own: in the context, where
// [RequestIDFrom] finds it, and in the X-Request-Id field of the answer. It is
// made here, whatever the client sends: an identifier that a client may choose
// is one that it may reuse. Behind a gateway that sets the field, use
// [RequestIDs].
//
// Make it the outermost, so that every record and every answer has the
// identifier.
func RequestID(next http.Handler) http.Handler { return RequestIDs{}.Wrap(next) }

// RequestIDs is [RequestID] with settings. The zero value is RequestID itself.
type RequestIDs struct {
	// Header is the name of the field. Empty means X-Request-Id.
	Header string
	// Trust, if it returns true, takes the identifier that the request has in
	// Header, as long as it is 1 to 128 bytes of letters, digits and any of
	// "-._~:/+=@", and there is only one. Nil trusts nobody.
	Trust func(*http.Request) bool
	// New makes an identifier. Nil makes 26 letters and digits with at least
	// 128 bits from crypto/rand.
	New func() string
}

// Wrap returns a handler that identifies the requests to next.
//
// Panics if next is nil.
func (c RequestIDs) Wrap(next http.Handler) http.Handler {
	mustHandler("RequestID", next)
	if c.Header == "" {
		c.Header = "X-Request-Id"
	}
	c.Header = http.CanonicalHeaderKey(c.Header)
	if c.New == nil {
		c.New = rand.Text
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if c.Trust != nil && c.Trust(r) {
			id = incomingID(r.Header[c.Header])
		}
		if id == "" {
			id = c.New()
		}
		ctx := &idContext{r.Context(), id, [1]string{id}}
		w.Header()[c.Header] = ctx.value[:]
		identified := r.WithContext(ctx)
		next.ServeHTTP(w, identified)
		r.Pattern = identified.Pattern // as a ServeMux leaves it for the layers around
	})
}

// RequestIDFrom returns the identifier that [RequestID] gave to the request
// with this context, or "".
func RequestIDFrom(ctx context.Context) string {
	if c, _ := ctx.Value(idKey{}).(*idContext); c != nil {
		return c.id
	}
	return ""
}

type idKey struct{}

// idContext is context.WithValue in one allocation, the field's value included.
type idContext struct {
	context.Context
	id    string
	value [1]string // of the field, where others may change it
}

func (c *idContext) Value(key any) any {
	if key == (idKey{}) {
		return c // not the string, which would be allocated for each look
	}
	return c.Context.Value(key)
}

// maxID is the length in bytes of the longest identifier that is taken over.
const maxID = 128

// incomingID returns the identifier in a field of a request, or "" if it is
// not fit to be logged and sent.
func incomingID(values []string) string {
	if len(values) != 1 || len(values[0]) > maxID {
		return ""
	}
	for i := range len(values[0]) {
		if !isIDByte(values[0][i]) {
			return ""
		}
	}
	return values[0]
}

func isIDByte(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return true
	}
	switch c {
	case '-', '.', '_', '~', ':', '/', '+', '=', '@':
		return true
	}
	return false
}
