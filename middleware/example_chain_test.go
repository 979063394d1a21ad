package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// The first middleware is the outermost: AccessLog logs what Normalize has sent, and
// the handler is inside Timeout.
func ExampleChain() {
	chain := middleware.Chain(
		middleware.AccessLogWith(middleware.AccessLogOptions{Logger: toStdout(), Names: middleware.AttrsShort}),
		middleware.Normalize,
		middleware.Timeout(10*time.Second),
	)
	mux := http.NewServeMux()
	show(chain(mux), "GET", "/unknown")
	// Output:
	// level=INFO msg=request method=GET path=/unknown status=404 bytes=145 problem=404
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"The server found nothing at this address, or will not disclose that it exists."}
}

// At the deadline the context of the request ends, and the client receives a 503.
func ExampleTimeout() {
	query := func(r *http.Request) error {
		<-r.Context().Done() // a database that does not respond
		return r.Context().Err()
	}
	h := middleware.Timeout(20 * time.Millisecond)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query(r) != nil {
			return
		}
		fmt.Fprintln(w, "a report")
	}))
	show(h, "GET", "/report")
	// Output:
	// 503 application/problem+json
	// {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server did not finish its response in time. Try again later."}
}

// The settings add what a status requires and a handler has left out.
func ExampleNormalizeWith() {
	h := middleware.NormalizeWith(middleware.NormalizeOptions{
		Challenges: []string{`Bearer realm="orders"`},
		RetryAfter: 30 * time.Second,
	})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/orders", nil))
	fmt.Println("WWW-Authenticate:", w.Header().Get("WWW-Authenticate"))
	fmt.Println(w.Body)
	// Output:
	// WWW-Authenticate: Bearer realm="orders"
	// {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The request carries no valid credentials for this resource. Authenticate and send it again."}
}
