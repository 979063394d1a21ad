package main

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// metrics counts requests by route and problems by type. No label is for a client
// to choose: a route is a pattern, and a type is one that the service defines.
type metrics struct {
	registry *prometheus.Registry
	duration *prometheus.HistogramVec
	problems *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds", Help: "How long requests took, by route and status.",
		}, []string{"route", "status"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_server_problems_total", Help: "Problems that were sent, by type and status.",
		}, []string{"type", "status"}),
	}
	m.registry.MustRegister(m.duration, m.problems)
	return m
}

// middleware stands outside Normalize, which decides what is sent.
func (m *metrics) middleware(next http.Handler) http.Handler {
	return middleware.Capture(func(_ *http.Request, res middleware.Result) {
		status := strconv.Itoa(res.Status)
		m.duration.WithLabelValues(res.Route, status).Observe(res.Duration.Seconds())
		if res.Problem != nil {
			m.problems.WithLabelValues(res.Problem.Type, status).Inc()
		}
	})(next)
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
