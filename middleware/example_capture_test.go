package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Count responses by route and status.
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

// One record for each request, with the cause of a failure. Health checks have none.
func ExampleAccessLogWith() {
	log := middleware.AccessLogWith(middleware.AccessLogOptions{
		Logger: toStdout(),
		Names:  middleware.AttrsShort,
		Skip: func(r *http.Request, res middleware.Result) bool {
			return r.URL.Path == "/healthz" && res.Status == 200
		},
		ClientAddr: func(r *http.Request) string { return clientip.Direct(r).String() },
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "fine") })
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		respond.Fail(w, r, errors.New("dial tcp 192.0.2.7:5432: connection refused"))
	})
	h := log(mux)
	for _, path := range []string{"/healthz", "/orders/17"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	// Output:
	// level=ERROR msg=request method=GET path=/orders/17 route="GET /orders/{id}" status=500 bytes=157 problem=500 error="dial tcp 192.0.2.7:5432: connection refused" client.address=192.0.2.1
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
