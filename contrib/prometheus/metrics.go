package prometheus

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
)

// Options are settings of [NewMetrics]. The zero value is ready to use.
type Options struct {
	// Namespace is the prefix of the names of all metrics, followed by an
	// underscore. Empty means no prefix.
	Namespace string
	// ConstLabels are added to all metrics.
	ConstLabels prometheus.Labels
	// Buckets are the upper bounds of the histogram of durations, in seconds.
	// Nil means prometheus.DefBuckets.
	Buckets []float64
	// Types are the problem types of the service. Those of package problem need
	// not be listed.
	Types []*problem.Type
	// Methods are the methods of the service, such as PROPFIND, that are not in
	// RFC 9110. PATCH and QUERY need not be listed.
	Methods []string
	// Exemplar returns the labels of an exemplar for the duration of a request,
	// such as the id of its trace, or nil for none. Labels that Prometheus does
	// not permit are dropped. It may be called concurrently.
	Exemplar func(*http.Request) prometheus.Labels
}

// Metrics counts the requests to the handlers that it wraps. It is safe for
// concurrent use. The zero value is not valid; use [NewMetrics].
type Metrics struct {
	requests, problems *prometheus.CounterVec
	durations          *prometheus.HistogramVec
	inFlight           prometheus.Gauge

	labels   labels
	exemplar func(*http.Request) prometheus.Labels
}

// NewMetrics registers the metrics with reg. Two Metrics with the same registerer,
// Namespace and ConstLabels share their counters.
//
// NewMetrics panics if reg or one of the types is nil, or if reg refuses the metrics,
// for example because other metrics have the same names.
func NewMetrics(reg prometheus.Registerer, o Options) *Metrics {
	if reg == nil {
		panic("prometheus: NewMetrics: the registerer is nil")
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: o.Namespace, Name: name, Help: help, ConstLabels: o.ConstLabels,
		}, labels))
	}
	return &Metrics{
		requests: counter("http_requests_total", "Requests by the status code that was sent.", "method", "route", "code"),
		problems: counter("http_problems_total", "Problems that were sent, by type.", "type", "code", "route"),
		durations: register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: o.Namespace, Name: "http_request_duration_seconds", Help: "How long handlers took.",
			ConstLabels: o.ConstLabels, Buckets: o.Buckets,
		}, []string{"method", "route", "class"})),
		inFlight: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: o.Namespace, Name: "http_requests_in_flight", Help: "Requests whose handlers run.", ConstLabels: o.ConstLabels,
		})),
		labels:   newLabels(o),
		exemplar: o.Exemplar,
	}
}

// register registers c, or returns what is registered in its place.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	err := reg.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
	}
	if err != nil {
		panic(fmt.Sprintf("prometheus: NewMetrics: %v", err))
	}
	return c
}

// Wrap returns a handler that counts the requests to next. A response that the server
// cut short has the code "aborted", whatever its status was, and one that the client
// did not wait for has the code "client_gone". The duration of a hijacked connection,
// such as a WebSocket, is not observed.
//
// Wrap panics if next is nil.
func (m *Metrics) Wrap(next http.Handler) http.Handler {
	return &measured{m, middleware.Capture(m.observe)(next)}
}

// measured is a handler whose requests are counted.
type measured struct {
	metrics *Metrics
	next    http.Handler
}

func (h *measured) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()
	h.next.ServeHTTP(w, r)
}

// Handler returns the handler that a ServeMux inside would call for r and its pattern,
// or nil and "". middleware.Timeout calls it.
func (h *measured) Handler(r *http.Request) (http.Handler, string) {
	if next, ok := h.next.(interface {
		Handler(*http.Request) (http.Handler, string)
	}); ok {
		return next.Handler(r)
	}
	return nil, ""
}

func (m *Metrics) observe(r *http.Request, res middleware.Result) {
	method, route := m.labels.method(r.Method), m.labels.route(res.Route)
	code, class := result(res)
	m.requests.WithLabelValues(method, route, code).Inc()
	if d := res.Problem; d != nil {
		m.problems.WithLabelValues(m.labels.problemType(d.Type), codeOf(d.Status), route).Inc()
	}
	if res.Hijacked || res.Status == http.StatusSwitchingProtocols {
		return
	}
	duration := m.durations.WithLabelValues(method, route, class)
	if exemplar := m.exemplarOf(r); exemplar != nil {
		if o, ok := duration.(prometheus.ExemplarObserver); ok {
			o.ObserveWithExemplar(res.Duration.Seconds(), exemplar)
			return
		}
	}
	duration.Observe(res.Duration.Seconds())
}

// exemplarOf returns the labels of an exemplar without those that would make the
// observation panic, or nil if none are left.
func (m *Metrics) exemplarOf(r *http.Request) prometheus.Labels {
	if m.exemplar == nil {
		return nil
	}
	all, room := maps.Clone(m.exemplar(r)), prometheus.ExemplarMaxRunes
	for name, value := range all {
		room -= utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
		if !utf8.ValidString(value) {
			delete(all, name)
		}
	}
	if room < 0 || len(all) == 0 {
		return nil
	}
	return all
}
