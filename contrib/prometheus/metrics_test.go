package prometheus_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	metrics "github.com/rejoinder-go/rejoinder/contrib/prometheus"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

var outOfStock = problem.Define("https://example.com/probs/out-of-stock", "Out of stock", 409, "Come back later.")

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, 1) })
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/type/", func(w http.ResponseWriter, r *http.Request) {
		respond.Problem(w, r, problem.Define("/"+r.URL.Path, "t", 409, "").New())
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, outOfStock.New()) })
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "abc")
		http.NewResponseController(w).Flush() // otherwise the client retries
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/tenants/{tenant}/", func(w http.ResponseWriter, r *http.Request) {})
	return mux
}

// serve starts a service whose metrics are registered with reg.
func serve(t *testing.T, reg prometheus.Registerer, o metrics.Options, inner http.Handler) *httptest.Server {
	h := middleware.Chain(
		metrics.NewMetrics(reg, o).Wrap,
		middleware.NormalizeWith(middleware.NormalizeOptions{Logger: slog.New(slog.DiscardHandler)}),
	)(inner)
	return wiretest.Start(t, wiretest.HTTP1, h)
}

func send(t *testing.T, srv *httptest.Server, method, path string) {
	t.Helper()
	r, err := http.NewRequest(method, srv.URL+path, nil)
	require.NoError(t, err)
	if res, err := srv.Client().Do(r); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}

func TestMetricsCountWhatWasSent(t *testing.T) {
	reg := prometheus.NewRegistry()
	srv := serve(t, reg, metrics.Options{Types: []*problem.Type{outOfStock}, Methods: []string{"PROPFIND"}}, routes())
	for _, request := range []string{
		"GET /orders/1", "GET /orders/2", "HEAD /orders/3", "DELETE /orders/1", "BREW /orders/1", "PROPFIND /orders/1",
		"POST /orders", "GET /nowhere", "GET /cut", "GET /status/429", "GET /status/499", "GET /type/made-up",
	} {
		method, path, _ := strings.Cut(request, " ")
		send(t, srv, method, path)
	}
	srv.Close() // so that all handlers have returned
	assert.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP http_requests_in_flight Requests whose handlers run.
# TYPE http_requests_in_flight gauge
http_requests_in_flight 0
# HELP http_requests_total Requests by the status code that was sent.
# TYPE http_requests_total counter
http_requests_total{code="200",method="GET",route="/orders/{id}"} 2
http_requests_total{code="200",method="HEAD",route="/orders/{id}"} 1
http_requests_total{code="404",method="GET",route="none"} 1
http_requests_total{code="405",method="DELETE",route="none"} 1
http_requests_total{code="405",method="PROPFIND",route="none"} 1
http_requests_total{code="405",method="other",route="none"} 1
http_requests_total{code="409",method="GET",route="/type/"} 1
http_requests_total{code="409",method="POST",route="/orders"} 1
http_requests_total{code="429",method="GET",route="/status/{code}"} 1
http_requests_total{code="aborted",method="GET",route="/cut"} 1
http_requests_total{code="other",method="GET",route="/status/{code}"} 1
# HELP http_problems_total Problems that were sent, by type.
# TYPE http_problems_total counter
http_problems_total{code="404",route="none",type="about:blank"} 1
http_problems_total{code="405",route="none",type="about:blank"} 3
http_problems_total{code="409",route="/orders",type="https://example.com/probs/out-of-stock"} 1
http_problems_total{code="409",route="/type/",type="other"} 1
http_problems_total{code="429",route="/status/{code}",type="about:blank"} 1
http_problems_total{code="other",route="/status/{code}",type="about:blank"} 1
`), "http_requests_in_flight", "http_requests_total", "http_problems_total"))
	assert.Equal(t, uint64(2), durations(t, reg, "GET", "/orders/{id}", "2xx"))
	assert.Equal(t, uint64(1), durations(t, reg, "GET", "/cut", "aborted"))
}

// durations returns how many durations were observed with these labels.
func durations(t *testing.T, reg prometheus.Gatherer, method, route, class string) (n uint64) {
	for _, series := range gather(t, reg) {
		if strings.HasPrefix(series.name, "http_request_duration_seconds") &&
			strings.Join(series.labels, " ") == fmt.Sprintf("class=%s method=%s route=%s", class, method, route) {
			n += series.count
		}
	}
	return n
}

type series struct {
	name   string
	labels []string
	count  uint64
}

func gather(t *testing.T, reg prometheus.Gatherer) (all []series) {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			s := series{name: family.GetName(), count: m.GetHistogram().GetSampleCount()}
			for _, pair := range m.GetLabel() {
				s.labels = append(s.labels, pair.GetName()+"="+pair.GetValue())
			}
			all = append(all, s)
		}
	}
	return all
}

func TestHostileClientsAddNoLabelValues(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := metrics.NewMetrics(reg, metrics.Options{Types: []*problem.Type{outOfStock}}).Wrap(
		middleware.NormalizeWith(middleware.NormalizeOptions{Logger: slog.New(slog.DiscardHandler)})(routes()))
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, 1+random.IntN(8))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"[random.IntN(53)]
		}
		return string(b)
	}
	for range 10_000 {
		method := []string{word(), "GET", "POST", "CONNECT"}[random.IntN(4)]
		path := []string{
			"/" + word() + "/" + word(), "/tenants/" + word(), "/tenants/" + word() + "/" + word(), "/type/" + word(),
			"/status/" + strconv.Itoa(random.IntN(2000)), "/orders/" + word(), "//" + word() + "/../" + word(),
		}[random.IntN(7)]
		r := httptest.NewRequest("GET", path, nil)
		r.Method, r.Host = method, word()
		r.Header.Set("X-Request-Id", word())
		if res, err := middlewaretest.Serve(h, r); err == nil {
			res.Body.Close()
		}
	}
	values := map[string]map[string]bool{}
	for _, s := range gather(t, reg) {
		for _, label := range s.labels {
			name, value, _ := strings.Cut(label, "=")
			if values[name] == nil {
				values[name] = map[string]bool{}
			}
			values[name][value] = true
		}
	}
	assert.LessOrEqual(t, len(values["method"]), 4, "%v", values["method"])
	assert.LessOrEqual(t, len(values["route"]), 7, "%v", values["route"])
	assert.LessOrEqual(t, len(values["code"]), 63+3)
	assert.LessOrEqual(t, len(values["class"]), 5+3)
	assert.LessOrEqual(t, len(values["type"]), 3, "%v", values["type"])
}

// A router that reports paths as patterns is misconfigured, but cannot exhaust memory.
func TestRoutesAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := metrics.NewMetrics(reg, metrics.Options{}).Wrap(
		middleware.Route(func(r *http.Request) string { return r.URL.Path + "\xff" })(routes()))
	for i := range 3000 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/x/%d", i), nil))
	}
	assert.Equal(t, 1001, testutil.CollectAndCount(reg, "http_requests_total"))
}

func TestInFlightCountsWhileAHandlerRuns(t *testing.T) {
	reg := prometheus.NewRegistry()
	var during string
	h := metrics.NewMetrics(reg, metrics.Options{Namespace: "shop"}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		during = rec.Body.String()
		panic("no")
	}))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	assert.Contains(t, during, "shop_http_requests_in_flight 1\n")
	assert.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP shop_http_requests_in_flight Requests whose handlers run.
# TYPE shop_http_requests_in_flight gauge
shop_http_requests_in_flight 0
`), "shop_http_requests_in_flight"))
}

func TestClientThatLeftIsNotAServerError(t *testing.T) {
	reg := prometheus.NewRegistry()
	entered := make(chan struct{})
	srv := serve(t, reg, metrics.Options{}, respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		close(entered)
		<-r.Context().Done()
		return r.Context().Err()
	}))
	wiretest.Leave(t, srv, entered)
	srv.Close()
	assert.Equal(t, uint64(1), durations(t, reg, "GET", "none", "client_gone"))
}

func TestCollectorsAreRegisteredOnce(t *testing.T) {
	reg := prometheus.NewRegistry()
	for range 2 {
		h := metrics.NewMetrics(reg, metrics.Options{}).Wrap(routes())
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders/1", nil))
	}
	assert.Equal(t, uint64(2), durations(t, reg, "GET", "/orders/{id}", "2xx"))
	t.Run("but not over others", func(t *testing.T) {
		reg := prometheus.NewRegistry()
		reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_total", Help: "mine"}))
		assert.Panics(t, func() { metrics.NewMetrics(reg, metrics.Options{}) })
	})
	assert.Panics(t, func() { metrics.NewMetrics(nil, metrics.Options{}) })
	assert.Panics(t, func() { metrics.NewMetrics(reg, metrics.Options{Types: []*problem.Type{nil}}) })
}

func TestExemplarsNeverPanic(t *testing.T) {
	for value, want := range map[string]int{"4bf92f3577b34da6a3ce929d0e0e4736": 1, strings.Repeat("a", 500): 0, "\xff": 0, "": 1} {
		reg := prometheus.NewRegistry()
		h := metrics.NewMetrics(reg, metrics.Options{Exemplar: func(*http.Request) prometheus.Labels {
			return prometheus.Labels{"trace_id": value}
		}}).Wrap(routes())
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders/1", nil))
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept", "application/openmetrics-text")
		promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(rec, r)
		assert.Equal(t, want, strings.Count(rec.Body.String(), `# {trace_id=`), "%q", value)
		assert.Contains(t, rec.Body.String(), "http_request_duration_seconds_count{")
	}
}

func TestHijackedConnectionsHaveNoDuration(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := metrics.NewMetrics(reg, metrics.Options{}).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	}))
	returned := make(chan struct{}) // Close does not wait for hijacked connections
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	send(t, srv, "GET", "/")
	<-returned
	assert.Equal(t, 0, testutil.CollectAndCount(reg, "http_request_duration_seconds"))
	assert.Equal(t, 1, testutil.CollectAndCount(reg, "http_requests_total"))
}

func TestWrapForwardsHandlerForTimeout(t *testing.T) {
	h := metrics.NewMetrics(prometheus.NewRegistry(), metrics.Options{}).Wrap(routes())
	finder, ok := h.(interface {
		Handler(*http.Request) (http.Handler, string)
	})
	require.True(t, ok)
	_, pattern := finder.Handler(httptest.NewRequest("GET", "/orders/1", nil))
	assert.Equal(t, "GET /orders/{id}", pattern)
}
