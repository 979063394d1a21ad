package integration_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rs/cors"
	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// A page of another origin can read every error if the CORS layer is outside the layers
// that refuse: a layer that replaces a body keeps the header fields of outer layers.
func TestCORSFieldsAreOnEveryError(t *testing.T) {
	const origin = "https://app.example.com"
	allow := cors.New(cors.Options{AllowedOrigins: []string{origin}, ExposedHeaders: []string{"X-Request-Id"}})
	for place := range 3 {
		t.Run(fmt.Sprintf("at %d", place), func(t *testing.T) {
			var down middleware.Maintenance
			s := &service{t: t, ended: make(chan struct{}, 1000)}
			m := codedRoutes()
			layers := slices.Insert([]middlewareFunc{
				s.outer,
				s.normalize,
				down.Wrap,
				ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1000), Key: ratelimit.ByIP(clientip.Direct)}),
				middleware.Timeout(time.Minute),
			}, place, allow.Handler)
			s.serve(middleware.Chain(layers...)(m))

			check := func(path string, code int) {
				t.Helper()
				for _, proto := range protocols {
					e := s.do(proto, "GET", path, "Origin", origin)
					s.isProblem(e, code)
					assert.Equal(t, origin, e.Header.Get("Access-Control-Allow-Origin"), path)
					assert.Equal(t, "X-Request-Id", e.Header.Get("Access-Control-Expose-Headers"), path)
					assert.Contains(t, e.Header.Values("Vary"), "Origin", path)
					e = s.do(proto, "GET", path, "Origin", "https://evil.example.com")
					s.isProblem(e, code)
					assert.Empty(t, e.Header.Get("Access-Control-Allow-Origin"), path)
				}
			}
			for path, code := range map[string]int{"/failed": 500, "/refused": 404, "/bare": 503, "/panics": 500, "/fails": 500, "/nowhere": 404} {
				check(path, code)
			}
			down.Start(time.Time{})
			check("/long", 503)
			down.Stop()

			if place == 0 {
				return // a preflight has no record here
			}
			e := s.do("HTTP/1.1", "OPTIONS", "/long", "Origin", origin, "Access-Control-Request-Method", "GET")
			assert.Equal(t, 204, e.StatusCode)
			assert.Equal(t, origin, e.Header.Get("Access-Control-Allow-Origin"))
			e = s.do("HTTP/1.1", "OPTIONS", "/long", "Origin", "https://evil.example.com", "Access-Control-Request-Method", "GET")
			assert.Empty(t, e.Header.Get("Access-Control-Allow-Origin"), "a preflight that fails is not an error of HTTP")
		})
	}
}
