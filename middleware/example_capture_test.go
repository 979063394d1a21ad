package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// Count answers by route and status.
func ExampleCapture() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	h := middleware.Capture(func(r *http.Request, res middleware.Result) {
		fmt.Printf("%q %d, %d bytes\n", r.Pattern, res.Status, res.Bytes)
	})(mux)
	for _, path := range []string{"/orders/17", "/unknown"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	// Output:
	// "GET /orders/{id}" 200, 5 bytes
	// "" 404, 19 bytes
}

// One record for each request, with what was unusual.
func ExampleAccessLog() {
	ids := middleware.RequestIDOptions{New: func(*http.Request) string { return "M5TTZ6LZ" }}
	log := middleware.AccessLogOptions{Logger: toStdout(), Names: middleware.AttrsShort}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	h := middleware.Chain(middleware.RequestIDWith(ids), middleware.AccessLogWith(log), middleware.Normalize)(mux)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders", nil))
	// Output:
	// level=INFO msg=request method=GET path=/orders request_id=M5TTZ6LZ route="GET /orders" status=200 bytes=5
}

// Behind a gateway that names each request, keep its name.
func ExampleRequestIDWith() {
	ids := middleware.RequestIDOptions{
		Header: "X-Correlation-Id",
		Trust:  func(r *http.Request) bool { return r.RemoteAddr == "192.0.2.1:1234" }, // the gateway
	}
	h := middleware.RequestIDWith(ids)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(middleware.RequestIDFrom(r.Context()))
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Correlation-Id", "0af7651916cd43dd")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// 0af7651916cd43dd
}
