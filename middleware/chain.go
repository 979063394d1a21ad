package middleware

import (
	"fmt"
	"net/http"
)

// Chain combines middleware into one. A request passes through them in the given
// order: the first is the outermost. Without arguments, the result returns its
// handler unchanged.
//
// Chain panics if a middleware is nil.
func Chain(mw ...func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	for i, m := range mw {
		if m == nil {
			panic(fmt.Sprintf("middleware: Chain: middleware %d of %d is nil", i+1, len(mw)))
		}
	}
	mw = append([]func(http.Handler) http.Handler(nil), mw...) // the caller may change its slice later
	return func(h http.Handler) http.Handler {
		for i := len(mw) - 1; i >= 0; i-- {
			h = mw[i](h)
		}
		return h
	}
}

// Unless applies a middleware to every request but those for which skip returns
// true: they reach next as if the middleware were not there. Use it for handlers
// that need interfaces of the server's ResponseWriter beyond those of net/http,
// such as WebTransport over HTTP/3:
//
//	h = middleware.Unless(isWebTransport, middleware.Chain(middleware.AccessLog, middleware.Normalize))(h)
//
// Unless panics if skip or the middleware is nil.
func Unless(skip func(*http.Request) bool, mw func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	if skip == nil || mw == nil {
		panic("middleware: Unless: a function is nil")
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Unless", next)
		wrapped := mw(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if skip(r) {
				next.ServeHTTP(w, r)
				return
			}
			wrapped.ServeHTTP(w, r)
		})
	}
}

// mustHandler panics if next is nil, which would otherwise show only at the first
// request.
func mustHandler(name string, next http.Handler) {
	if next == nil {
		panic("middleware: " + name + ": the handler is nil")
	}
}
