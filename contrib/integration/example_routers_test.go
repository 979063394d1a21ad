package integration_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// documented is the chain without its log.
var documented = middleware.Chain(middleware.RequestID, middleware.Normalize)

func Example_chi() {
	router := chi.NewRouter()
	router.Use(middleware.Route(func(r *http.Request) string {
		return chi.RouteContext(r.Context()).RoutePattern()
	}))
	router.Get("/orders/{id}", order)

	show(documented(router), "GET", "/orders")
	// Output:
	// 404 Not Found, application/problem+json
}

func Example_gorillaMux() {
	router := mux.NewRouter()
	router.Use(middleware.Route(func(r *http.Request) string {
		pattern, _ := mux.CurrentRoute(r).GetPathTemplate()
		return pattern
	}))
	router.HandleFunc("/orders/{id}", order).Methods("GET")
	router.MethodNotAllowedHandler = allowed(router)

	show(documented(router), "POST", "/orders/7")
	// Output:
	// 405 Method Not Allowed, application/problem+json, allows [GET]
}

func Example_gin() {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.Use(func(c *gin.Context) {
		c.Request.Pattern = c.FullPath()
		c.Next()
		if err := c.Errors.Last(); err != nil {
			respond.Fail(c.Writer, c.Request, err.Err)
		}
	})
	engine.GET("/orders/:id", func(c *gin.Context) {
		_ = c.Error(problem.New(409, problem.Detail("The order was paid in the meantime.")))
	})

	show(documented(engine), "GET", "/orders/7")
	// Output:
	// 409 Conflict, application/problem+json
}

func Example_echo() {
	responder := respond.Responder{Map: problem.Mapping{func(err error) *problem.Details {
		if e, ok := errors.AsType[*echo.HTTPError](err); ok {
			return problem.New(e.Code, problem.Cause(err))
		}
		return nil
	}}}
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		responder.Fail(c.Response(), c.Request(), err)
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Request().Pattern = c.Path()
			return next(c)
		}
	})
	e.GET("/orders/:id", func(c echo.Context) error {
		return echo.NewHTTPError(410, "the text of an echo error stays in the log")
	})

	show(documented(e), "GET", "/orders/7")
	// Output:
	// 410 Gone, application/problem+json
}

func Example_webTransport() {
	mux := http.NewServeMux()
	chain := middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize)

	isWebTransport := func(r *http.Request) bool {
		return r.Method == http.MethodConnect && strings.HasPrefix(r.Proto, "webtransport")
	}
	h := middleware.Unless(isWebTransport, chain)(mux)

	http.Handle("/", h)
}

// show prints the status and the form of the response to one request.
func show(h http.Handler, method, path string) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	r, err := http.NewRequest(method, srv.URL+path, nil)
	if err != nil {
		panic(err)
	}
	res, err := srv.Client().Do(r)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	fmt.Printf("%s, %s", res.Status, res.Header.Get("Content-Type"))
	if methods, ok := res.Header["Allow"]; ok {
		fmt.Printf(", allows %s", methods)
	}
}
