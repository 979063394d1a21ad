package middleware_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

// show sends a request to h and prints the response.
func show(h http.Handler, method, path string) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	fmt.Println(rec.Code, rec.Header().Get("Content-Type"))
	fmt.Println(rec.Body)
}

// toStdout returns a logger without the time, for the examples.
func toStdout() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}))
}

// Errors of any handler become problems, also those of ServeMux.
func ExampleNormalize() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "there is no order "+r.PathValue("id"), 404)
	})
	h := middleware.Normalize(mux)
	show(h, "GET", "/orders/17")
	show(h, "DELETE", "/orders/17")
	// Output:
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no order 17"}
	// 405 application/problem+json
	// {"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"The resource exists but does not support this method."}
}

// The text of a server error goes to the log, not to the client.
func ExampleNormalizeWith_log() {
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: toStdout()})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "pq: connection to 192.0.2.7 refused", 500)
	}))
	show(h, "GET", "/orders")
	// Output:
	// level=WARN msg="middleware: response normalized" method=GET path=/orders status=500 withheld="pq: connection to 192.0.2.7 refused"
	// 500 application/problem+json
	// {"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The server met a condition it did not expect and could not fulfil the request."}
}

// The identifier of the request becomes the instance of its problem.
func ExampleNormalizeWith_instance() {
	ids := middleware.RequestIDOptions{New: func(*http.Request) string { return "M5TTZ6LZ" }}
	normalizer := middleware.NormalizeOptions{Responder: &respond.Responder{
		Instance: func(r *http.Request) string {
			return "https://api.example.com/requests/" + middleware.RequestIDFrom(r.Context())
		},
	}}
	h := middleware.Chain(middleware.RequestIDWith(ids), middleware.NormalizeWith(normalizer))(http.NewServeMux())
	show(h, "GET", "/unknown")
	// Output:
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"The server found nothing at this address, or will not disclose that it exists.","instance":"https://api.example.com/requests/M5TTZ6LZ"}
}

// A gateway passes the errors of other servers on as they are.
func ExampleNormalizeWith_skip() {
	n := middleware.NormalizeOptions{Skip: func(r *http.Request) bool { return r.URL.Path != "/" }}
	h := middleware.NormalizeWith(n)(http.NotFoundHandler())
	show(h, "GET", "/upstream")
	// Output:
	// 404 text/plain; charset=utf-8
	// 404 page not found
}
