package middleware

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// RequestID assigns a random identifier to each request. [RequestIDFrom] returns it
// from the context, and the X-Request-Id header field of the response has it. An
// identifier that the client sends is ignored, since a client could reuse one;
// behind a gateway that sets the header field, use [RequestIDWith]. If a proxy
// inside copies the X-Request-Id of another server, the client receives only the
// identifier of this one.
//
// Make RequestID the outermost middleware, so that every record and every response
// has the identifier. RequestID panics if next is nil.
func RequestID(next http.Handler) http.Handler { return RequestIDWith(RequestIDOptions{})(next) }

// RequestIDOptions are the settings of [RequestIDWith]. The zero value gives the
// behavior of [RequestID]. The functions must be safe for concurrent use.
type RequestIDOptions struct {
	// Header is the name of the header field. Empty means X-Request-Id.
	Header string
	// Trust reports whether to keep the identifier that the request has in Header.
	// A field that is repeated, or not 1 to 128 letters, digits and characters
	// of "-._~:/+=@", is ignored nevertheless. Nil trusts no request.
	Trust func(*http.Request) bool
	// New returns a new identifier. Nil, or an empty result, means 26 letters and
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
		return &requestIDHandler{router{next}, o}
	}
}

type requestIDHandler struct {
	router
	options RequestIDOptions
}

func (h *requestIDHandler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	id := h.id(r)
	ctx := &idContext{Context: r.Context(), id: id, value: [1]string{id}}
	w, face, owner := exchange.Enter(rw, r)
	w.Header()[h.options.Header] = ctx.value[:]
	ctx.own.Field, ctx.own.Values, ctx.own.Observer = h.options.Header, ctx.value[:], &ctx.own
	w.Observe(&ctx.own.Observation)
	defer w.Ended(face, r, owner)
	exchange.Serve(h.next, face, r, ctx)
}

func (h *requestIDHandler) id(r *http.Request) (id string) {
	o := &h.options
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

// RequestIDFrom returns the identifier that [RequestID] assigned to the request
// with this context, or "" if there is none.
func RequestIDFrom(ctx context.Context) string {
	if c, _ := ctx.Value(idKey{}).(*idContext); c != nil {
		return c.id
	}
	return ""
}

type idKey struct{}

// idContext is a context with the identifier. Context, identifier and the value of
// the header field are one allocation.
type idContext struct {
	context.Context
	id    string
	value [1]string // of the header field, which other layers may change
	own   exchange.Own
}

func (c *idContext) Value(key any) any {
	if key == (idKey{}) {
		return c // a pointer costs no allocation; a string would, at each lookup
	}
	return c.Context.Value(key)
}

// maxID is the length in bytes of the longest identifier that is accepted.
const maxID = 128

// incomingID returns the identifier in a header field of a request, or "" if it is
// not safe to log and to send.
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
