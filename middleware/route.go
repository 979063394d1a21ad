package middleware

import (
	"net/http"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
)

// Route reports the pattern of the handler to outer layers such as [AccessLog] and
// [Capture]. Use it for a router that does not set http.Request.Pattern, and put it
// inside that router:
//
//	r := chi.NewRouter()
//	r.Use(middleware.Route(func(r *http.Request) string {
//		return chi.RouteContext(r.Context()).RoutePattern()
//	}))
//
// Pattern is called when the handler has returned or panicked, with the request
// that was passed to it, and may return "". Its results become labels of metrics:
// return patterns, never paths. Route panics if pattern is nil.
func Route(pattern func(*http.Request) string) func(http.Handler) http.Handler {
	if pattern == nil {
		panic("middleware: Route: the function is nil")
	}
	return func(next http.Handler) http.Handler {
		mustHandler("Route", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := exchange.Find(w)
			if x == nil { // no layer outside that could use it
				next.ServeHTTP(w, r)
				return
			}
			defer func() { x.SetRoute(pattern(r)) }()
			next.ServeHTTP(w, r)
		})
	}
}

// router is embedded in each middleware, so that Timeout can find the route of a
// request whose handler has not returned, in a ServeMux inside.
type router struct{ next http.Handler }

// Handler returns the handler that a ServeMux inside would call for r, and its
// pattern, or nil and "".
func (h router) Handler(r *http.Request) (http.Handler, string) {
	if next, ok := h.next.(exchange.Router); ok {
		return next.Handler(r)
	}
	return nil, ""
}
