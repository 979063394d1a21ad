package main

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoinder-go/rejoinder/contrib/otel"
	rejoinderprometheus "github.com/rejoinder-go/rejoinder/contrib/prometheus"
	"github.com/rejoinder-go/rejoinder/examples/orders/api"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// service is what the handlers share, and the handler that serves all requests.
type service struct {
	store       *store
	hub         *hub
	users       users
	registry    *prometheus.Registry
	maintenance middleware.Maintenance
	stopping    atomic.Bool
	http.Handler
}

func newService(origin string, tracing trace.TracerProvider) *service {
	s := &service{store: newStore(), hub: newHub(), users: demoUsers(), registry: prometheus.NewRegistry()}
	s.maintenance.Skip = isProbe
	pages := cors.New(cors.Options{
		AllowedOrigins: []string{origin},
		AllowedMethods: []string{"GET", "POST", "PUT", "DELETE"},
		AllowedHeaders: []string{"Authorization", "Content-Type", "If-Match"},
		ExposedHeaders: append(ratelimit.HeaderNames(), "ETag", "Location", "X-Request-Id"),
	})
	metrics := rejoinderprometheus.NewMetrics(s.registry, rejoinderprometheus.Options{Types: []*problem.Type{api.OutOfStock}})
	chain := middleware.Chain(
		otelhttp.NewMiddleware("orders", otelhttp.WithTracerProvider(tracing), otelhttp.WithPropagators(propagation.TraceContext{})),
		otel.Annotate,
		middleware.RequestID,
		middleware.AccessLogWith(middleware.AccessLogOptions{Trace: otel.IDs, Skip: succeededProbe}),
		metrics.Wrap,
		pages.Handler,
		func(next http.Handler) http.Handler { return gzhttp.GzipHandler(next) },
		middleware.NormalizeWith(middleware.NormalizeOptions{
			Responder:  &respond.Responder{Map: mapping, Instance: instance, Extend: otel.TraceID},
			Challenges: []string{challenge},
			RetryAfter: 5 * time.Second,
		}),
		s.maintenance.Wrap,
		limitLogins(),
	)
	s.Handler = chain(s.routes())
	return s
}

func (s *service) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Route(func(r *http.Request) string {
		return chi.RouteContext(r.Context()).RoutePattern()
	}))
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { respond.NoContent(w) })
	r.Get("/readyz", s.ready)
	r.Method("GET", "/metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})) // in production, on a port that is not public
	r.Mount("/problems", respond.Pages(api.OutOfStock))

	r.Group(func(r chi.Router) {
		r.Use(s.users.required, limitByPlan())
		r.With(limitStreams()).Method("GET", "/events", respond.Handler(s.events)) // without a timeout

		r.Group(func(r chi.Router) {
			r.Use(middleware.Timeout(10*time.Second), middleware.MaxBytes(64<<10))
			r.Method("GET", "/orders", respond.Handler(s.list))
			r.Method("POST", "/orders", respond.Handler(s.create))
			r.Method("GET", "/orders/{id}", respond.Handler(s.read))
			r.Method("PUT", "/orders/{id}", respond.Handler(s.update))
			r.Method("DELETE", "/orders/{id}", respond.Handler(s.cancel))
		})
	})
	return r
}

// ready reports to load balancers whether the service accepts requests.
func (s *service) ready(w http.ResponseWriter, _ *http.Request) {
	if s.stopping.Load() {
		respond.Error(w, http.StatusServiceUnavailable)
		return
	}
	respond.NoContent(w)
}

func isProbe(r *http.Request) bool {
	return r.URL.Path == "/livez" || r.URL.Path == "/readyz" || r.URL.Path == "/metrics"
}

// succeededProbe reports what need not be logged every few seconds.
func succeededProbe(r *http.Request, res middleware.Result) bool {
	return isProbe(r) && res.Status < 400
}
