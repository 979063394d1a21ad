// Package prometheus counts requests, their durations and the problems that were
// sent, with labels that a client cannot multiply.
//
// Start with [NewMetrics], once for each registry, and put its Wrap outside
// middleware.Normalize, so that it counts what was sent:
//
//	metrics := prometheus.NewMetrics(registry, prometheus.Options{Types: []*problem.Type{OutOfStock}})
//	h = middleware.Chain(middleware.RequestID, middleware.AccessLog, metrics.Wrap, middleware.Normalize)(mux)
//
// The metrics are
//
//	http_requests_total{method,route,code}
//	http_request_duration_seconds{method,route,class}
//	http_requests_in_flight
//	http_problems_total{type,code,route}
//
// A method is one that is registered, a code one of the catalogue, a type one
// that the service has named, and a route the pattern of a handler; everything
// else is "other". Neither path, host nor address is a label.
//
// The package serves no endpoint: promhttp does. Import it under a name of its
// own where github.com/prometheus/client_golang/prometheus is imported too.
package prometheus
