package clientip

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

type contextKey struct{}

// Wrap returns a handler that asks s once per request and leaves the answer
// where [FromContext] finds it, so that logs, limits and handlers agree even
// if something between them rewrites the request. Put it outermost.
//
// Wrap panics if s is nil.
func (s Source) Wrap(next http.Handler) http.Handler {
	if s == nil {
		panic("clientip: Wrap of a nil Source")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchange.Serve(next, w, r, NewContext(r.Context(), s(r)))
	})
}

// NewContext returns a copy of ctx that carries addr, for tests and for
// servers that find their clients in another way.
func NewContext(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, contextKey{}, addr)
}

// FromContext returns the address that [Source.Wrap] or [NewContext] left in
// ctx. It is the zero Addr if it was unknown, or if neither was used.
func FromContext(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(contextKey{}).(netip.Addr)
	return addr
}
