package rejoinder_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 503)
	})
	h := middleware.Normalize(mux)

	show(h, "GET", "/orders")
	// Output:
	// HTTP/1.1 503 Service Unavailable
	// Cache-Control: no-store
	// Content-Length: 177
	// Content-Type: application/problem+json
	// Vary: Accept
	// X-Content-Type-Options: nosniff
	//
	// {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The server cannot handle requests at the moment because of overload or maintenance. Try again later."}
}

// The documented chain, the outermost first: each request gets an id, is
// logged and normalized, and is counted against its client's quota.
func Example_chain() {
	mux := http.NewServeMux()

	limit := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(100),
		Key:   ratelimit.ByIP(clientip.Direct),
	})
	h := middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize, limit)(mux)

	http.Handle("/", h)
}

// show sends a request to h through a real server and prints the response, but
// for the fields that differ from run to run.
func show(h http.Handler, method, path string) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	req, err := http.NewRequest(method, srv.URL+path, nil)
	if err != nil {
		panic(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	res.Header.Del("Date")
	fmt.Println(res.Proto, res.Status)
	_ = res.Header.WriteSubset(crlf{}, nil)
	fmt.Println()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(string(body))
}

// crlf prints header lines without the carriage returns of the wire.
type crlf struct{}

func (crlf) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\r' {
			fmt.Print(string(b))
		}
	}
	return len(p), nil
}
