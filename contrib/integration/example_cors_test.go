package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rs/cors"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

func Example_cors() {
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone})
	mux := http.NewServeMux()
	mux.HandleFunc("/", order)

	pages := cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example.com"},
		ExposedHeaders: append(ratelimit.HeaderNames(), "ETag", "Location", "X-Request-Id"),
	})
	h := middleware.Chain(middleware.RequestID, middleware.AccessLog, pages.Handler, middleware.Normalize, limit)(mux)

	srv := httptest.NewServer(h)
	defer srv.Close()
	for range 2 {
		r, _ := http.NewRequest("GET", srv.URL, nil)
		r.Header.Set("Origin", "https://app.example.com")
		res, err := srv.Client().Do(r)
		if err != nil {
			panic(err)
		}
		_ = res.Body.Close()
		fmt.Println(res.StatusCode, res.Header.Get("Access-Control-Allow-Origin"),
			strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "Retry-After"))
	}
	// Output:
	// 200 https://app.example.com true
	// 503 https://app.example.com true
}
