package middleware

import (
	"fmt"
	"net/http"
)

// Chain makes one middleware of several. They stand in the order that a
// request passes them: the first is the outermost. Without any, the result
// returns its handler as it is.
//
// Panics if a middleware is nil.
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

// mustHandler panics if there is nothing to wrap, which would otherwise show
// at the first request only.
func mustHandler(name string, next http.Handler) {
	if next == nil {
		panic("middleware: " + name + ": the handler is nil")
	}
}
