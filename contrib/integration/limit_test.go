package integration_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// routes are the paths that each router below serves, with one limit for all.
var routes = []string{"/a", "/b"}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

// routers add a middleware in each way that they offer.
var routers = []struct {
	name  string
	build func(mw func(http.Handler) http.Handler) http.Handler
}{
	{"ServeMux, around all", func(mw func(http.Handler) http.Handler) http.Handler {
		m := http.NewServeMux()
		for _, path := range routes {
			m.HandleFunc(path, ok)
		}
		return mw(m)
	}},
	{"ServeMux, around each route", func(mw func(http.Handler) http.Handler) http.Handler {
		m := http.NewServeMux()
		for _, path := range routes {
			m.Handle(path, mw(http.HandlerFunc(ok)))
		}
		return m
	}},
	{"gorilla/mux Use, which calls it for each request", func(mw func(http.Handler) http.Handler) http.Handler {
		r := mux.NewRouter()
		r.Use(mw)
		for _, path := range routes {
			r.HandleFunc(path, ok)
		}
		return r
	}},
	{"gorilla/mux Subrouter", func(mw func(http.Handler) http.Handler) http.Handler {
		r := mux.NewRouter()
		s := r.PathPrefix("/").Subrouter()
		s.Use(mw)
		for _, path := range routes {
			s.HandleFunc(path, ok)
		}
		return r
	}},
	{"chi Use", func(mw func(http.Handler) http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Use(mw)
		for _, path := range routes {
			r.Get(path, ok)
		}
		return r
	}},
	{"chi Group, which calls it for each route", func(mw func(http.Handler) http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Group(func(r chi.Router) {
			r.Use(mw)
			for _, path := range routes {
				r.Get(path, ok)
			}
		})
		return r
	}},
	{"chi With", func(mw func(http.Handler) http.Handler) http.Handler {
		r := chi.NewRouter()
		for _, path := range routes {
			r.With(mw).Get(path, ok)
		}
		return r
	}},
	{"echo WrapMiddleware, which calls it for each request", func(mw func(http.Handler) http.Handler) http.Handler {
		e := echo.New()
		e.Use(echo.WrapMiddleware(mw))
		for _, path := range routes {
			e.GET(path, echo.WrapHandler(http.HandlerFunc(ok)))
		}
		return e
	}},
	{"echo Group", func(mw func(http.Handler) http.Handler) http.Handler {
		e := echo.New()
		g := e.Group("", echo.WrapMiddleware(mw))
		for _, path := range routes {
			g.GET(path, func(c echo.Context) error { return c.String(200, "ok") })
		}
		return e
	}},
	{"gin, around the engine", func(mw func(http.Handler) http.Handler) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		e := gin.New()
		for _, path := range routes {
			e.GET(path, gin.WrapF(ok))
		}
		return mw(e)
	}},
	{"gin, around each route", func(mw func(http.Handler) http.Handler) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		e := gin.New()
		for _, path := range routes {
			e.GET(path, gin.WrapH(mw(http.HandlerFunc(ok))))
		}
		return e
	}},
}

func TestLimitHoldsInEachRouter(t *testing.T) {
	policy := ratelimit.Policy{Quota: ratelimit.PerHour(3), Key: ratelimit.ByIP(clientip.Direct)}
	for _, router := range routers {
		for _, way := range []struct {
			name string
			mw   func(http.Handler) http.Handler
		}{
			{"New", ratelimit.New(policy)},
			{"Limiter.Wrap", ratelimit.NewLimiter(ratelimit.Options{Policies: []ratelimit.Policy{policy}}).Wrap},
		} {
			t.Run(router.name+", "+way.name, func(t *testing.T) {
				srv := httptest.NewServer(router.build(way.mw))
				defer srv.Close()
				var codes []int
				for i := range 6 {
					res, err := srv.Client().Get(srv.URL + routes[i%len(routes)])
					require.NoError(t, err)
					require.NoError(t, res.Body.Close())
					codes = append(codes, res.StatusCode)
				}
				assert.Equal(t, []int{200, 200, 200, 429, 429, 429}, codes, "three in all, whichever the route")
			})
		}
	}
}

func TestInFlightHoldsInEachRouter(t *testing.T) {
	for _, router := range routers {
		t.Run(router.name, func(t *testing.T) {
			limit := ratelimit.InFlight(1)
			inside, leave := make(chan struct{}), make(chan struct{})
			h := router.build(func(next http.Handler) http.Handler {
				return limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == routes[0] {
						close(inside)
						<-leave
					}
					next.ServeHTTP(w, r)
				}))
			})
			srv := httptest.NewServer(h)
			defer srv.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if res, err := srv.Client().Get(srv.URL + routes[0]); err == nil {
					res.Body.Close()
				}
			}()
			<-inside
			res, err := srv.Client().Get(srv.URL + routes[1])
			close(leave)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, 503, res.StatusCode)
			<-done
		})
	}
}
