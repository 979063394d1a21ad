package integration_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// authenticate is a middleware of another library, which copies the request.
func authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type user struct{}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), user{}, "alice")))
	})
}

// A ServeMux sets the pattern on the copy that an outer middleware has made of the
// request. A Route directly around the mux reports the pattern to the layers outside.
func TestRouteSurvivesACopyOfTheRequest(t *testing.T) {
	pattern := middleware.Route(func(r *http.Request) string { return r.Pattern })
	s := inside(t, func(chain middlewareFunc) http.Handler {
		return chain(authenticate(pattern(streams())))
	})
	for _, proto := range protocols {
		e := s.do(proto, "GET", "/orders/7")
		assert.Equal(t, "/orders/{id}", e.record["http.route"])
		e = s.do(proto, "GET", "/panics")
		assert.Equal(t, "/panics", e.record["http.route"])
		assert.NotContains(t, s.do(proto, "GET", "/nowhere").record, "http.route")
	}
}

// Where no middleware can wrap the router, the log calls a function for the route.
func TestAccessLogCallsRoute(t *testing.T) {
	m := streams()
	var records strings.Builder
	log := middleware.AccessLogWith(middleware.AccessLogOptions{
		Logger: slog.New(slog.NewTextHandler(&records, nil)),
		Route: func(r *http.Request) string {
			_, pattern := m.Handler(r)
			return pattern
		},
	})
	srv := httptest.NewServer(log(authenticate(m)))
	res, err := srv.Client().Get(srv.URL + "/orders/7")
	if assert.NoError(t, err) {
		_ = res.Body.Close()
	}
	srv.Close() // waits for the record
	assert.Contains(t, records.String(), "http.route=/orders/{id}")
}

// A mounted router has a part of the pattern, even for a path that it does not serve:
// the path of a client must not become a label.
func TestChiNamesRoutesOfMountedRouters(t *testing.T) {
	for name, build := range map[string]func(middlewareFunc, http.Handler) http.Handler{
		"around": func(chain middlewareFunc, mounted http.Handler) http.Handler {
			r := chi.NewRouter()
			r.Use(chiRoute)
			r.Mount("/v1", mounted)
			return chain(r)
		},
		"Use": func(chain middlewareFunc, mounted http.Handler) http.Handler {
			r := chi.NewRouter()
			r.Use(chain)
			r.Mount("/v1", mounted)
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := inside(t, func(chain middlewareFunc) http.Handler {
				mounted := chi.NewRouter()
				chiRoutes(mounted)
				return build(chain, mounted)
			})
			e := s.do("HTTP/1.1", "GET", "/v1/orders/7")
			assert.Equal(t, "/v1/orders/{id}", e.result.Route)
			e = s.do("HTTP/1.1", "POST", "/v1/orders/7")
			s.isProblem(e, 405)
			assert.NotContains(t, e.result.Route, "7")
			e = s.do("HTTP/1.1", "GET", "/v1/made/up")
			s.isProblem(e, 404)
			assert.Equal(t, "/v1/*", e.result.Route)
		})
	}
}
