package otel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"go.opentelemetry.io/otel/propagation"

	"github.com/rejoinder-go/rejoinder/contrib/otel"
	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// service is a server with a chain inside otelhttp, and what otelhttp has recorded.
type service struct {
	*httptest.Server
	spans   *tracetest.SpanRecorder
	metrics *sdkmetric.ManualReader
	log     bytes.Buffer
}

func serve(t *testing.T, annotate func(http.Handler) http.Handler, inner http.Handler) *service {
	t.Helper()
	s := &service{spans: tracetest.NewSpanRecorder(), metrics: sdkmetric.NewManualReader()}
	h := middleware.Chain(
		otelhttp.NewMiddleware("test",
			otelhttp.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans))),
			otelhttp.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.metrics))),
			otelhttp.WithPropagators(propagation.TraceContext{}),
		),
		annotate,
		middleware.RequestID,
		middleware.AccessLogWith(middleware.AccessLogOptions{Logger: slog.New(slog.NewJSONHandler(&s.log, nil)), Trace: otel.IDs}),
		middleware.NormalizeWith(middleware.NormalizeOptions{
			Responder: &respond.Responder{Extend: otel.TraceID},
			Logger:    slog.New(slog.DiscardHandler),
		}),
	)(inner)
	s.Server = wiretest.Start(t, wiretest.HTTP1, h)
	return s
}

// span sends a request and returns its span.
func (s *service) span(t *testing.T, method, path string, header ...string) (span sdktrace.ReadOnlySpan, body string) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if res, err := s.Client().Do(r); err == nil {
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		body = string(b)
	}
	s.Close() // so that the handler has returned
	spans := s.spans.Ended()
	require.Len(t, spans, 1)
	return spans[0], body
}

func attr(attrs []attribute.KeyValue, key string) string {
	for _, a := range attrs {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

var errDB = errors.New("pq: connection refused")

var outOfStock = problem.Define("https://example.com/probs/out-of-stock", "Out of stock", 503, "Come back later.")

func routes() http.Handler {
	fail := func(err error) http.Handler {
		return respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return err })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { respond.JSON(w, 200, 1) })
	mux.HandleFunc("GET example.com/orders", func(w http.ResponseWriter, r *http.Request) {})
	mux.Handle("GET /missing", fail(problem.New(404, problem.Cause(errDB))))
	mux.Handle("GET /down", fail(errDB))
	mux.Handle("GET /cause", fail(problem.New(503, problem.Cause(errDB))))
	mux.Handle("GET /typed", fail(outOfStock.New(problem.Cause(fmt.Errorf("stock: %w", errDB)))))
	mux.HandleFunc("GET /bare", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502) })
	mux.HandleFunc("GET /panic", func(w http.ResponseWriter, r *http.Request) { panic(errDB) })
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, r *http.Request) { panic(strings.Repeat("x", 1<<20)) })
	mux.HandleFunc("GET /late-panic", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "abc")
		http.NewResponseController(w).Flush()
		panic(errDB)
	})
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "abc")
		panic(http.ErrAbortHandler)
	})
	mux.Handle("GET /late", respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		io.WriteString(w, "abc")
		return outOfStock.New(problem.Cause(errDB))
	}))
	return mux
}

func TestAnnotateDescribesTheSpan(t *testing.T) {
	for _, row := range []struct {
		why, method, path            string
		name, route, failure         string
		status                       codes.Code
		exceptionType, exceptionText string
	}{
		{"a success", "GET", "/orders/7", "GET /orders/{id}", "/orders/{id}", "", codes.Unset, "", ""},
		{"no route", "GET", "/nowhere/7", "GET", "", "", codes.Unset, "", ""},
		{"a method that is none", "BREW", "/orders/7", "HTTP", "", "", codes.Unset, "", ""},
		{"a client's mistake has no error.type, with a cause or not", "GET", "/missing", "GET /missing", "/missing", "", codes.Unset, "", ""},
		{"an error", "GET", "/down", "GET /down", "/down", "500", codes.Error, "*errors.errorString", errDB.Error()},
		{"a problem with a cause", "GET", "/cause", "GET /cause", "/cause", "503", codes.Error, "*errors.errorString", errDB.Error()},
		{"a type", "GET", "/typed", "GET /typed", "/typed", outOfStock.URI, codes.Error, "*fmt.wrapError", "stock: " + errDB.Error()},
		{"a status alone", "GET", "/bare", "GET /bare", "/bare", "502", codes.Error, "", ""},
		{"a panic", "GET", "/panic", "GET /panic", "/panic", "500", codes.Error, "*errors.errorString", errDB.Error()},
		{"a long panic", "GET", "/long", "GET /long", "/long", "500", codes.Error, "string", strings.Repeat("x", 1024) + "…"},
		{"a panic when the response had begun", "GET", "/late-panic", "GET", "/late-panic", "*errors.errorString", codes.Error, "*errors.errorString", errDB.Error()},
		{"a response that the handler cut", "GET", "/cut", "GET", "/cut", "aborted", codes.Error, "", ""},
		{"an error when the response had begun", "GET", "/late", "GET /late", "/late", outOfStock.URI, codes.Error, "*errors.errorString", errDB.Error()},
	} {
		t.Run(row.why, func(t *testing.T) {
			span, _ := serve(t, otel.Annotate, routes()).span(t, row.method, row.path)
			assert.Contains(t, span.Name(), row.name)
			assert.Equal(t, row.route, attr(span.Attributes(), "http.route"))
			assert.Equal(t, row.failure, attr(span.Attributes(), "error.type"))
			assert.Equal(t, row.status, span.Status().Code)
			var kinds, texts []string
			for _, e := range span.Events() {
				// The SDK notes the http.ErrAbortHandler that ends a cut response.
				if text := attr(e.Attributes, "exception.message"); e.Name == "exception" && text != http.ErrAbortHandler.Error() {
					kinds, texts = append(kinds, attr(e.Attributes, "exception.type")), append(texts, text)
				}
			}
			assert.Equal(t, row.exceptionType, strings.Join(kinds, " "))
			assert.Equal(t, row.exceptionText, strings.Join(texts, " "))
		})
	}
}

func TestAnnotateHasTheRouteOfARouter(t *testing.T) {
	route := middleware.Route(func(*http.Request) string { return "/things/{id}" })
	span, _ := serve(t, otel.Annotate, route(http.NotFoundHandler())).span(t, "POST", "/things/7")
	assert.Equal(t, "POST /things/{id}", span.Name())
	assert.Equal(t, "/things/{id}", attr(span.Attributes(), "http.route"))
}

func TestAnnotateKnowsThatAClientHasLeft(t *testing.T) {
	entered := make(chan struct{})
	s := serve(t, otel.Annotate, respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		close(entered)
		<-r.Context().Done()
		return r.Context().Err()
	}))
	wiretest.Leave(t, s.Server, entered)
	s.Close()
	span := s.spans.Ended()[0]
	assert.Equal(t, "client_gone", attr(span.Attributes(), "error.type"))
	assert.Empty(t, span.Events())
}

func TestAnnotateSeesTheErrorInAGRPCResponse(t *testing.T) {
	p := &respond.Responder{Render: func(_ *http.Request, d *problem.Details) (string, []byte) {
		d.Status = 200
		return "application/grpc", []byte{}
	}}
	inner := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: p})(routes())
	span, _ := serve(t, otel.Annotate, inner).span(t, "GET", "/typed")
	assert.Equal(t, "200", attr(span.Attributes(), "http.response.status_code"))
	assert.Equal(t, outOfStock.URI, attr(span.Attributes(), "error.type"))
	assert.Equal(t, codes.Error, span.Status().Code)
}

func TestAnnotateLabelsTheMetricsOfOtelhttp(t *testing.T) {
	route := middleware.Route(func(*http.Request) string { return "GET /typed/{id}" })
	s := serve(t, otel.Annotate, route(routes()))
	s.span(t, "GET", "/typed")
	var all metricdata.ResourceMetrics
	require.NoError(t, s.metrics.Collect(t.Context(), &all))
	found := 0
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if h, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == "http.server.request.duration" {
				for _, p := range h.DataPoints {
					found++
					assert.Equal(t, outOfStock.URI, attr(p.Attributes.ToSlice(), "error.type"))
				}
			}
		}
	}
	assert.Equal(t, 1, found)
}

func TestAnnotateWithAddsAttributes(t *testing.T) {
	annotate := otel.AnnotateWith(otel.AnnotateOptions{Attrs: func(r *http.Request, res middleware.Result) []attribute.KeyValue {
		return []attribute.KeyValue{attribute.Int("app.bytes", int(res.Bytes))}
	}})
	span, _ := serve(t, annotate, routes()).span(t, "GET", "/orders/7")
	assert.Equal(t, "2", attr(span.Attributes(), "app.bytes"))
}

func TestLogAndProblemHaveTheTrace(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, header := range [][]string{nil, {"Traceparent", parent}} {
		s := serve(t, otel.Annotate, routes())
		span, body := s.span(t, "GET", "/down", header...)
		var sent, logged struct {
			Trace string `json:"trace_id"`
			Span  string `json:"span_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &sent))
		require.NoError(t, json.Unmarshal(s.log.Bytes(), &logged), "one record: %s", s.log.String())
		assert.Equal(t, span.SpanContext().TraceID().String(), sent.Trace)
		assert.Equal(t, span.SpanContext().TraceID().String(), logged.Trace)
		assert.Equal(t, span.SpanContext().SpanID().String(), logged.Span, "of this server, not of its client")
		assert.Equal(t, 1, strings.Count(s.log.String(), "trace_id"), "once")
		if header != nil {
			assert.Contains(t, parent, sent.Trace)
		}
	}
}

func TestWithoutASpanNothingIsAdded(t *testing.T) {
	h := middleware.Chain(
		otel.Annotate,
		middleware.NormalizeWith(middleware.NormalizeOptions{Responder: &respond.Responder{Extend: otel.TraceID}}),
	)(routes())
	srv := httptest.NewServer(h)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/bare")
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, 502, res.StatusCode)
	assert.NotContains(t, string(b), "trace_id")
}

var quiet = slog.New(slog.DiscardHandler)
