package integration_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	echov4 "github.com/labstack/echo/v4"
	"github.com/labstack/echo/v5"
	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// The handlers of each router below that accepts handlers of net/http: an order, a
// panic, a returned error, one after the response has begun, and an http.Error.
func order(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "an order") }

func panics(http.ResponseWriter, *http.Request) { panic(errSecret) }

var fails = respond.Handler(func(http.ResponseWriter, *http.Request) error { return errSecret })

var late = respond.Handler(func(w http.ResponseWriter, _ *http.Request) error {
	_, _ = io.WriteString(w, "begun")
	_ = http.NewResponseController(w).Flush()
	return errSecret
})

func plain(w http.ResponseWriter, _ *http.Request) { http.Error(w, errSecret.Error(), 503) }

// checkRouter sends one request of each kind that routers handle differently. pattern is
// the router's name of the route of an order.
func checkRouter(t *testing.T, pattern string, build func(chain middlewareFunc) http.Handler) {
	s := inside(t, build)
	for _, proto := range protocols {
		t.Run(proto, func(t *testing.T) {
			e := s.do(proto, "GET", "/orders/7")
			assert.Equal(t, 200, e.StatusCode)
			assert.Equal(t, "an order", e.body)
			assert.Equal(t, pattern[strings.IndexByte(pattern, '/'):], e.record["http.route"], "the record names the route")
			assert.Equal(t, pattern, e.result.Route)

			e = s.do(proto, "GET", "/nowhere")
			s.isProblem(e, 404)
			assert.NotContains(t, e.record, "http.route", "no route has matched")
			s.isProblem(s.do(proto, "HEAD", "/nowhere"), 404)

			e = s.do(proto, "POST", "/orders/7")
			s.isProblem(e, 405)
			assert.Contains(t, e.Header.Get("Allow"), "GET")

			e = s.do(proto, "GET", "/panics")
			s.isProblem(e, 500)
			assert.Contains(t, e.record["exception.message"], "secret", "the record has the cause")
			assert.Contains(t, e.record["exception.stacktrace"], "panics", "and the place")
			assert.Contains(t, e.result.Route, "/panics")

			e = s.do(proto, "GET", "/fails")
			s.isProblem(e, 500)
			assert.Contains(t, e.record["exception.message"], "secret", "the record has the cause")
			assert.ErrorIs(t, e.result.Err, errSecret)
			assert.Contains(t, e.result.Route, "/fails")

			e = s.do(proto, "GET", "/plain")
			s.isProblem(e, 503)
			assert.Contains(t, e.record["exception.message"], "secret", "the record has what was withheld")
		})
	}
}

// checkLate sends a request whose handler fails after its response has begun.
func checkLate(t *testing.T, build func(chain middlewareFunc) http.Handler) {
	s := inside(t, build)
	for _, proto := range protocols {
		e := s.do(proto, "GET", "/late")
		assert.Equal(t, 200, e.StatusCode)
		assert.Equal(t, "begun", e.body, "nothing is put behind what was sent")
		assert.Contains(t, e.record["exception.message"], "secret", "the record has the cause")
	}
}

func TestServeMuxIsInsideTheChain(t *testing.T) {
	checkRouter(t, "GET /orders/{id}", aroundServeMux)
	checkLate(t, aroundServeMux)
}

func aroundServeMux(chain middlewareFunc) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /orders/{id}", order)
	m.HandleFunc("GET /panics", panics)
	m.Handle("GET /fails", fails)
	m.Handle("GET /late", late)
	m.HandleFunc("GET /plain", plain)
	return chain(m)
}

func chiRoutes(r chi.Router) {
	r.Get("/orders/{id}", order)
	r.Get("/panics", panics)
	r.Method("GET", "/fails", fails)
	r.Method("GET", "/late", late)
	r.Get("/plain", plain)
}

// chiRoute makes the route of a chi router inside the chain known to records.
var chiRoute = middleware.Route(func(r *http.Request) string {
	return chi.RouteContext(r.Context()).RoutePattern()
})

func TestChiIsInsideTheChain(t *testing.T) {
	checkRouter(t, "/orders/{id}", aroundChi)
	checkLate(t, aroundChi)
}

func aroundChi(chain middlewareFunc) http.Handler {
	r := chi.NewRouter()
	r.Use(chiRoute)
	chiRoutes(r)
	return chain(r)
}

func TestChiUsesTheChain(t *testing.T) {
	checkRouter(t, "/orders/{id}", inChi)
	checkLate(t, inChi)
}

func inChi(chain middlewareFunc) http.Handler {
	r := chi.NewRouter()
	r.Use(chain)
	chiRoutes(r)
	return r
}

func TestGorillaMuxIsInsideTheChain(t *testing.T) {
	checkRouter(t, "/orders/{id}", aroundGorilla)
	checkLate(t, aroundGorilla)
}

func aroundGorilla(chain middlewareFunc) http.Handler {
	r := mux.NewRouter()
	r.Use(middleware.Route(func(r *http.Request) string {
		pattern, _ := mux.CurrentRoute(r).GetPathTemplate()
		return pattern
	}))
	r.HandleFunc("/orders/{id}", order).Methods("GET")
	r.HandleFunc("/panics", panics).Methods("GET")
	r.Handle("/fails", fails).Methods("GET")
	r.Handle("/late", late).Methods("GET")
	r.HandleFunc("/plain", plain).Methods("GET")
	r.MethodNotAllowedHandler = allowed(r)
	return chain(r)
}

// allowed responds with 405 and Allow, which gorilla/mux does not send by itself.
func allowed(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var methods []string
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			try, match := *r, mux.RouteMatch{}
			try.Method = method
			if router.Match(&try, &match) && match.MatchErr == nil {
				methods = append(methods, method)
			}
		}
		respond.Error(w, 405, problem.Allow(methods...))
	})
}

// Without such a handler gorilla/mux sends a 405 without the required Allow field, which
// Normalize reports.
func TestGorillaMuxLacksAllowByItself(t *testing.T) {
	s := inside(t, func(chain middlewareFunc) http.Handler {
		r := mux.NewRouter()
		r.HandleFunc("/orders/{id}", order).Methods("GET")
		return chain(r)
	})
	e := s.do("HTTP/1.1", "POST", "/orders/7")
	s.isProblem(e, 405)
	assert.Empty(t, e.Header.Get("Allow"))
	if assert.Len(t, e.reports, 1) {
		assert.Equal(t, []string{"Allow"}, e.reports[0].Missing)
	}
}

func TestGinIsInsideTheChain(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	checkRouter(t, "/orders/:id", aroundGin)
	checkLate(t, aroundGin)
}

func aroundGin(chain middlewareFunc) http.Handler {
	e := gin.New() // without gin.Recovery: Normalize does it
	e.HandleMethodNotAllowed = true
	e.Use(func(c *gin.Context) {
		c.Request.Pattern = c.FullPath()
		c.Next()
		if err := c.Errors.Last(); err != nil {
			respond.Fail(c.Writer, c.Request, err.Err)
		}
	})
	e.GET("/orders/:id", gin.WrapF(order))
	e.GET("/panics", gin.WrapF(panics))
	e.GET("/fails", func(c *gin.Context) { _ = c.Error(errSecret) })
	e.GET("/late", func(c *gin.Context) {
		_, _ = c.Writer.WriteString("begun")
		c.Writer.Flush()
		_ = c.Error(errSecret)
	})
	e.GET("/plain", gin.WrapF(plain))
	return chain(e)
}

// echoProblem returns the problem that an error of echo means, whether its router or a
// handler has returned it.
var echoProblem = respond.Responder{Map: problem.Mapping{func(err error) *problem.Details {
	if e, ok := errors.AsType[*echov4.HTTPError](err); ok {
		return problem.New(e.Code)
	}
	var e echo.HTTPStatusCoder // version 5
	if errors.As(err, &e) {
		return problem.New(e.StatusCode())
	}
	return nil
}}}

func TestEchoIsInsideTheChain(t *testing.T) {
	checkRouter(t, "/orders/:id", aroundEcho)
	checkLate(t, aroundEcho)
}

func aroundEcho(chain middlewareFunc) http.Handler {
	e := echov4.New()
	e.HTTPErrorHandler = func(err error, c echov4.Context) {
		echoProblem.Fail(c.Response(), c.Request(), err)
	}
	e.Use(func(next echov4.HandlerFunc) echov4.HandlerFunc {
		return func(c echov4.Context) error {
			c.Request().Pattern = c.Path()
			return next(c)
		}
	})
	e.GET("/orders/:id", echov4.WrapHandler(http.HandlerFunc(order)))
	e.GET("/panics", echov4.WrapHandler(http.HandlerFunc(panics)))
	e.GET("/fails", func(echov4.Context) error { return errSecret })
	e.GET("/late", func(c echov4.Context) error {
		_, _ = io.WriteString(c.Response(), "begun")
		c.Response().Flush()
		return errSecret
	})
	e.GET("/plain", echov4.WrapHandler(http.HandlerFunc(plain)))
	return chain(e)
}

func TestEchoV5IsInsideTheChain(t *testing.T) {
	checkRouter(t, "/orders/:id", aroundEchoV5)
	checkLate(t, aroundEchoV5)
}

func aroundEchoV5(chain middlewareFunc) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(c *echo.Context, err error) {
		echoProblem.Fail(c.Response(), c.Request(), err)
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			c.Request().Pattern = c.Path()
			return next(c)
		}
	})
	e.GET("/orders/:id", echo.WrapHandler(http.HandlerFunc(order)))
	e.GET("/panics", echo.WrapHandler(http.HandlerFunc(panics)))
	e.GET("/fails", func(*echo.Context) error { return errSecret })
	e.GET("/late", func(c *echo.Context) error {
		_, _ = io.WriteString(c.Response(), "begun")
		_ = http.NewResponseController(c.Response()).Flush()
		return errSecret
	})
	e.GET("/plain", echo.WrapHandler(http.HandlerFunc(plain)))
	return chain(e)
}

// If the chain is middleware of echo, it returns before echo handles the error of a
// handler: the client gets a response that the record does not have.
func TestEchoUseMissesReturnedErrors(t *testing.T) {
	s := inside(t, func(chain middlewareFunc) http.Handler {
		e := echov4.New()
		e.Use(echov4.WrapMiddleware(chain))
		e.GET("/fails", func(echov4.Context) error { return errSecret })
		return e
	})
	e := s.do("HTTP/1.1", "GET", "/fails")
	assert.Equal(t, 500, e.StatusCode, "echo itself responds")
	assert.Equal(t, `{"message":"Internal Server Error"}`, strings.TrimSpace(e.body))
	assert.NotEqual(t, 500, e.result.Status, "which comes too late for the record")
}
