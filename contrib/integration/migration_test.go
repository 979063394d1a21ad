package integration_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/handlers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// wire returns what a client receives.
func wire(t *testing.T, h http.Handler, method, path, body string) (*middlewaretest.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := middlewaretest.Serve(h, r)
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

// isNow checks a response after the migration.
func isNow(t *testing.T, res *middlewaretest.Response, body string, code int) {
	t.Helper()
	assert.Equal(t, code, res.StatusCode)
	assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"))
	assert.NotContains(t, body, "secret")
}

func TestMigrationFromHTTPError(t *testing.T) {
	before := http.NewServeMux()
	before.HandleFunc("GET /invoices/{id}", readBefore)
	before.HandleFunc("GET /pay", closedBefore)
	res, body := wire(t, before, "GET", "/invoices/broken", "")
	assert.Equal(t, 500, res.StatusCode)
	assert.Contains(t, body, "secret", "which everybody can read")

	res, body = wire(t, middleware.Normalize(before), "GET", "/invoices/broken", "")
	isNow(t, res, body, 500)
	res, body = wire(t, middleware.Normalize(before), "GET", "/pay", "")
	isNow(t, res, body, 503)
	assert.NotContains(t, body, "noon", "a text of a 5xx vanishes, also one that is meant for clients")
	_, body = wire(t, keepTexts(before), "GET", "/pay", "")
	assert.Contains(t, body, "noon")

	after := http.NewServeMux()
	after.Handle("GET /invoices/{id}", respond.Handler(readAfter))
	after.HandleFunc("GET /pay", closedAfter)
	res, body = wire(t, after, "GET", "/invoices/broken", "")
	isNow(t, res, body, 500)
	res, body = wire(t, after, "GET", "/pay", "")
	isNow(t, res, body, 503)
	assert.Contains(t, body, "noon")
	assert.Equal(t, "3600", res.Header.Get("Retry-After"))
}

func TestMigrationFromChiRender(t *testing.T) {
	before := http.HandlerFunc(payBefore)
	res, body := wire(t, before, "POST", "/", `{"id":7}`)
	assert.Equal(t, 400, res.StatusCode)
	assert.Contains(t, body, "Go struct field", "the names of Go reach the client")
	_, same := wire(t, middleware.Normalize(before), "POST", "/", `{"id":7}`)
	assert.Equal(t, body, same, "JSON of its own passes")

	after := middleware.Normalize(respond.Handler(payAfter))
	res, body = wire(t, after, "POST", "/", `{"id":7}`)
	isNow(t, res, body, 422)
	assert.Contains(t, body, `"pointer":"#/id"`)
	res, body = wire(t, after, "POST", "/", `{"id":`)
	isNow(t, res, body, 400)
}

func TestMigrationFromHTTPRate(t *testing.T) {
	limited := func(limit func(chi.Router)) http.Handler {
		r := chi.NewRouter()
		limit(r)
		r.Get("/", order)
		return r
	}
	fields := func(h http.Handler) (first, refused http.Header, body string) {
		res, _ := wire(t, h, "GET", "/", "")
		first = res.Header
		for range 100 {
			res, body = wire(t, h, "GET", "/", "")
		}
		assert.Equal(t, 429, res.StatusCode)
		return first, res.Header, body
	}
	first, refused, body := fields(limited(limitBefore))
	assert.Equal(t, "100", first.Get("X-RateLimit-Limit"))
	assert.NotEmpty(t, refused.Get("Retry-After"))
	assert.Equal(t, "Too Many Requests\n", body)

	first, refused, body = fields(limited(limitAfter))
	assert.Empty(t, first.Get("X-RateLimit-Limit"))
	assert.Equal(t, `"default";q=100;w=60`, first.Get("RateLimit-Policy"))
	assert.NotEmpty(t, first.Get("RateLimit"))
	assert.Equal(t, "1", refused.Get("Retry-After"), "and not the rest of the window")
	assert.Contains(t, body, `"violated-policies"`)

	first, _, _ = fields(limited(limitLegacy))
	assert.Equal(t, "100", first.Get("X-RateLimit-Limit"))
}

func TestMigrationFromGorillaHandlers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", order)
	mux.HandleFunc("/panics", panics)
	before := handlers.RecoveryHandler(handlers.RecoveryLogger(discard))(mux)
	res, body := wire(t, before, "GET", "/panics", "")
	assert.Equal(t, 500, res.StatusCode)
	assert.Empty(t, body)

	var log bytes.Buffer
	slogTo(t, &log)
	after := aroundAfter(mux)
	res, body = wire(t, after, "GET", "/panics", "")
	isNow(t, res, body, 500)
	assert.Contains(t, log.String(), "secret", "the log has the panic")

	r := httptest.NewRequest("POST", "/", strings.NewReader("<order/>"))
	r.Header.Set("Content-Type", "text/xml")
	got, err := middlewaretest.Serve(aroundBefore(mux), r)
	require.NoError(t, err)
	assert.Equal(t, 415, got.StatusCode)
	assert.Empty(t, got.Header.Get("Accept"))
	r = httptest.NewRequest("POST", "/", strings.NewReader("<order/>"))
	r.Header.Set("Content-Type", "text/xml")
	got, err = middlewaretest.Serve(after, r)
	require.NoError(t, err)
	assert.Equal(t, 415, got.StatusCode)
	assert.Equal(t, "application/json", got.Header.Get("Accept"))
}

func TestMigrationFromHTTPLog(t *testing.T) {
	logged := func(use func(chi.Router, *slog.Logger)) (*middlewaretest.Response, string, string) {
		var log bytes.Buffer
		r := chi.NewRouter()
		use(r, slog.New(slog.NewJSONHandler(&log, nil)))
		r.Get("/panics", panics)
		res, body := wire(t, r, "GET", "/panics", "")
		return res, body, log.String()
	}
	res, body, log := logged(logBefore)
	assert.Equal(t, 500, res.StatusCode)
	assert.Empty(t, body)
	assert.Contains(t, log, `"url.full"`)

	res, body, log = logged(logAfter)
	isNow(t, res, body, 500)
	assert.Contains(t, log, `"http.response.status_code":500`)
	assert.Contains(t, log, `"url.path":"/panics"`, "the path, and neither query nor address")
	assert.NotContains(t, log, "url.full")
	assert.Contains(t, log, `"error.message":"secret`)
	assert.Contains(t, log, `"http.route":"/panics"`)
}

func TestMigrationFromHuma(t *testing.T) {
	build := func() http.Handler {
		r := chi.NewRouter()
		r.Use(middleware.Normalize)
		api := humachi.New(r, huma.DefaultConfig("invoices", "1"))
		huma.Post(api, "/invoices", func(_ context.Context, in *struct {
			Page int `query:"page" minimum:"1" default:"1"`
			Body struct {
				Items []struct {
					SKU string `json:"sku" minLength:"3"`
				} `json:"items"`
			}
		}) (*struct{}, error) {
			return nil, errSecret
		})
		return r
	}
	res, body := wire(t, build(), "POST", "/invoices", `{"items":[]}`)
	assert.Equal(t, 500, res.StatusCode)
	assert.Contains(t, body, "secret", "huma sends the text of an error that a handler returns")

	theirs := huma.NewError
	huma.NewError = newHumaError
	defer func() { huma.NewError = theirs }()
	res, body = wire(t, build(), "POST", "/invoices", `{"items":[]}`)
	isNow(t, res, body, 500)
	res, body = wire(t, build(), "POST", "/invoices?page=0", `{"items":[{"sku":"x"}]}`)
	isNow(t, res, body, 422)
	assert.Contains(t, body, `"pointer":"#/items/0/sku"`)
	assert.Contains(t, body, `"parameter":"page"`)
	res, body = wire(t, build(), "GET", "/nowhere", "")
	isNow(t, res, body, 404)
}

// slogTo makes the default logger write to w until the test ends.
func slogTo(t *testing.T, w io.Writer) {
	t.Helper()
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(w, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
}
