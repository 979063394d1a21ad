package connect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rejoinder-go/rejoinder/contrib/connect"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// REST and RPC share one limit, and each client gets its refusal in the form of its
// protocol.
func Example() {
	limit := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerHour(1),
		Key:   func(r *http.Request) string { return r.RemoteAddr },
	})
	h := middleware.Chain(
		middleware.NormalizeWith(middleware.NormalizeOptions{
			Responder: &respond.Responder{Render: connect.Render},
		}),
		limit,
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	for _, contentType := range []string{"application/json", "application/json", "application/proto", "application/grpc"} {
		rec, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/orders.v1.Orders/Get", strings.NewReader(""))
		r.Header.Set("Content-Type", contentType)
		h.ServeHTTP(rec, r)
		fmt.Printf("%d %q %q\n", rec.Code, rec.Header().Get("Content-Type"), rec.Header().Get("Grpc-Status"))
	}
	// Output:
	// 200 "" ""
	// 429 "application/problem+json" ""
	// 429 "application/json" ""
	// 200 "application/grpc" "8"
}
