//lint:file-ignore SA1019 this is the code that users migrate from

package integration_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httplog/v3"
	"github.com/go-chi/httprate"
	"github.com/go-chi/render"
	"github.com/gorilla/handlers"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// The code of docs/migration.md: the same service before and after. The tests in
// migration_test.go check the statements of the page about responses.

// invoice is what the handlers below load; load always fails.
type invoice struct {
	ID string `json:"id"`
}

func load(id string) (invoice, error) {
	if id == "broken" {
		return invoice{}, errSecret
	}
	return invoice{id}, nil
}

// http.Error

func readBefore(w http.ResponseWriter, r *http.Request) {
	found, err := load(r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	render.JSON(w, r, found)
}

func readAfter(w http.ResponseWriter, r *http.Request) error {
	found, err := load(r.PathValue("id"))
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, found)
	return nil
}

func closedBefore(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Payments are closed until noon.", http.StatusServiceUnavailable)
}

func closedAfter(w http.ResponseWriter, _ *http.Request) {
	respond.Error(w, http.StatusServiceUnavailable,
		problem.Detail("Payments are closed until noon."), problem.RetryAfter(time.Hour))
}

// keepTexts is for a service whose texts of a 5xx have all been written for clients.
func keepTexts(mux http.Handler) http.Handler {
	normalize := middleware.NormalizeWith(middleware.NormalizeOptions{
		Detail: func(_ *http.Request, code int, text string) string { return text },
	})
	return normalize(mux)
}

// chi/render

type errResponse struct {
	Err     error  `json:"-"`
	Code    int    `json:"-"`
	Status  string `json:"status"`
	Message string `json:"error,omitempty"`
}

func (e *errResponse) Render(_ http.ResponseWriter, r *http.Request) error {
	render.Status(r, e.Code)
	return nil
}

func (i *invoice) Bind(*http.Request) error { return nil }

func payBefore(w http.ResponseWriter, r *http.Request) {
	var i invoice
	if err := render.Bind(r, &i); err != nil {
		_ = render.Render(w, r, &errResponse{err, 400, "Invalid request.", err.Error()})
		return
	}
	render.JSON(w, r, i)
}

func payAfter(w http.ResponseWriter, r *http.Request) error {
	i, err := request.JSON[invoice](r)
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, i)
	return nil
}

// httprate

func limitBefore(r chi.Router) {
	r.Use(httprate.LimitByIP(100, time.Minute))
}

func limitAfter(r chi.Router) {
	r.Use(ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(100),
		Key:   ratelimit.ByIP(clientip.Direct),
	}))
}

func limitLegacy(r chi.Router) {
	limiter := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{{
			Quota: ratelimit.PerMinute(100),
			Key:   ratelimit.ByIP(clientip.Direct),
		}},
		Legacy: true,
	})
	r.Use(limiter.Wrap)
}

// gorilla/handlers

func aroundBefore(mux http.Handler) http.Handler {
	h := handlers.ContentTypeHandler(mux, "application/json")
	h = handlers.RecoveryHandler()(h)
	h = handlers.CombinedLoggingHandler(os.Stdout, h)
	return handlers.ProxyHeaders(h)
}

func aroundAfter(mux http.Handler) http.Handler {
	return middleware.Chain(
		clientip.Source(clientip.Direct).Wrap, // or clientip.Forwarded(proxies...).Wrap behind a proxy
		middleware.AccessLog,
		middleware.Normalize,
		middleware.ContentType("application/json"),
	)(mux)
}

// httplog

func logBefore(r chi.Router, logger *slog.Logger) {
	r.Use(httplog.RequestLogger(logger, &httplog.Options{
		Schema:        httplog.SchemaECS,
		RecoverPanics: true,
	}))
}

func logAfter(r chi.Router, logger *slog.Logger) {
	r.Use(
		middleware.AccessLogWith(middleware.AccessLogOptions{Logger: logger, Names: middleware.AttrsECS}),
		middleware.Normalize,
	)
}

// huma

// humaError makes a problem an error of huma.
type humaError struct{ *problem.Details }

func (e humaError) GetStatus() int            { return e.Status }
func (e humaError) ContentType(string) string { return problem.MediaType }

func newHumaError(status int, message string, errs ...error) huma.StatusError {
	var faults []problem.FieldError
	for _, err := range errs {
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			faults = append(faults, faultOf(d))
		}
	}
	if status >= 500 {
		slog.Error("request failed", "error", errors.Join(errs...))
		return humaError{problem.New(status)}
	}
	return humaError{problem.New(status, problem.Detail(message), problem.Errors(faults...))}
}

// faultOf converts a location such as body.items[0].sku or query.page.
func faultOf(d *huma.ErrorDetail) problem.FieldError {
	part, rest, _ := strings.Cut(d.Location, ".")
	switch part {
	case "body":
		return problem.FieldError{Detail: d.Message, Pointer: problem.PointerFromNamespace(d.Location)}
	case "header":
		return problem.FieldError{Detail: d.Message, Header: rest}
	default:
		return problem.FieldError{Detail: d.Message, Parameter: rest}
	}
}
