package middleware

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// RequestID gives each request an identifier of its own: in the context, where
// [RequestIDFrom] finds it, and in the X-Request-Id header field of the response.
// It is made here, whatever the client sends: an identifier that a client may
// choose is one that it may reuse. Behind a gateway that sets the field, use
// [RequestIDWith]. Where a proxy inside adds the identifier of its upstream, one
// of the two leaves: this one.
//
// Make it the outermost, so that every record and every response has the
// identifier. RequestID panics if next is nil.
func RequestID(next http.Handler) http.Handler { return RequestIDWith(RequestIDOptions{})(next) }

// RequestIDOptions are settings of [RequestIDWith]. The zero value is RequestID
// itself.
type RequestIDOptions struct {
	// Header is the name of the header field. Empty means X-Request-Id.
	Header string
	// Trust, if it returns true, takes the identifier that the request has in
	// Header, as long as it is 1 to 128 bytes of letters, digits and any of
	// "-._~:/+=@", and there is only one. Nil trusts no request.
	Trust func(*http.Request) bool
	// New makes an identifier. Nil, or an empty result, makes 26 letters and
	// digits with at least 128 bits from crypto/rand.
	New func(*http.Request) string
}

// RequestIDWith is [RequestID] with settings.
func RequestIDWith(o RequestIDOptions) func(http.Handler) http.Handler {
	if o.Header == "" {
		o.Header = "X-Request-Id"
	}
	o.Header = http.CanonicalHeaderKey(o.Header)
	return func(next http.Handler) http.Handler {
		mustHandler("RequestID", next)
		return &identified{router{next}, o}
	}
}

type identified struct {
	router
	options RequestIDOptions
}

func (i *identified) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	id := i.id(r)
	ctx := &idContext{Context: r.Context(), id: id, value: [1]string{id}}
	w, face, owner := exchange.Enter(rw, r)
	w.Header()[i.options.Header] = ctx.value[:]
	ctx.own.Field, ctx.own.Values, ctx.own.Observer = i.options.Header, ctx.value[:], &ctx.own
	w.Observe(&ctx.own.Observation)
	defer w.Ended(face, r, owner)
	exchange.Serve(i.next, face, r, ctx)
}

func (i *identified) id(r *http.Request) (id string) {
	o := &i.options
	if o.Trust != nil && o.Trust(r) {
		id = incomingID(r.Header[o.Header])
	}
	if id == "" && o.New != nil {
		id = o.New(r)
	}
	if id == "" {
		id = rand.Text()
	}
	return id
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
	value [1]string // of the header field, where others may change it
	own   exchange.Own
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
