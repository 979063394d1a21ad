package conformance_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest/conformance"
	"github.com/rejoinder-go/rejoinder/respond"
)

func TestServiceConforms(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 404)
	})
	conformance.Test(t, middleware.Normalize(mux), conformance.Options{
		Requests: []conformance.Request{
			{Target: "/orders/17"},
			{Method: "POST", Target: "/orders/17", Body: "{}"},
		},
	})
}

// A 405 by hand has no Allow, and its HEAD is an error of another kind.
func ExampleCheck() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "HEAD" {
			http.Error(w, "no HEAD here", 400)
			return
		}
		http.Error(w, "send a POST", 405)
	}))
	defer srv.Close()
	found, err := conformance.Check(context.Background(), srv.URL+"/orders", conformance.Options{
		Protocols: []string{conformance.HTTP11},
	})
	for _, f := range found {
		fmt.Println(f)
	}
	fmt.Println(err)
	// Output:
	// GET /orders over HTTP/1.1 -> 405: 405 without Allow
	// 	RFC 9110, section 15.5.6, MUST (405-allow): 405 has an Allow
	// 	to fix it: use problem.Allow with respond.Error, or let ServeMux refuse the method
	// HEAD /orders over HTTP/1.1 -> 400: HEAD has status 400, and GET 405
	// 	RFC 9110, section 9.3.2, SHOULD (head-status): a HEAD has the status of the GET
	// 	to fix it: route HEAD to the handler of GET, as ServeMux does, and chi with middleware.GetHead: net/http leaves out the body
	// <nil>
}
