package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	rejoinderprometheus "github.com/rejoinder-go/rejoinder/contrib/prometheus"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Metrics stand outside Normalize, since they count what was sent, and inside
// RequestID and AccessLog. The endpoint of promhttp belongs on a port that is not
// public.
func Example() {
	noOrder := problem.Define("https://example.com/probs/no-order", "No such order", 404, "The order does not exist.")
	registry := prometheus.NewRegistry()
	metrics := rejoinderprometheus.NewMetrics(registry, rejoinderprometheus.Options{Types: []*problem.Type{noOrder}})

	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return noOrder.New()
	}))
	h := middleware.Chain(middleware.RequestID, metrics.Wrap, middleware.Normalize)(mux)
	for _, path := range []string{"/orders/1", "/orders/2", "/made/up"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}

	rec := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(line, "http_requests_total") || strings.HasPrefix(line, "http_problems_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// http_problems_total{code="404",route="/orders/{id}",type="https://example.com/probs/no-order"} 2
	// http_problems_total{code="404",route="none",type="about:blank"} 1
	// http_requests_total{code="404",method="GET",route="/orders/{id}"} 2
	// http_requests_total{code="404",method="GET",route="none"} 1
}
