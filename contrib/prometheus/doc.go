// Package prometheus provides metrics of requests, their durations and the problems
// that were sent, with label values that clients cannot multiply.
//
// Start with [NewMetrics], once for each registry. Put the Wrap method of its result
// outside middleware.Normalize, so that it counts what was sent:
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
// The labels have registered methods, status codes of the catalogue, problem types
// that the service lists, and patterns of routes; any other value is "other". No
// label has a path, a host or an address.
//
// The package serves no endpoint; use promhttp. A file that also imports
// github.com/prometheus/client_golang/prometheus has to rename one of the two
// imports.
package prometheus
