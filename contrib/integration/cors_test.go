package integration_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/cors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// A page of another origin can read when to retry, because the CORS layer exposes the
// header fields of the limiter. It stands outside the limiter, so that a preflight is
// not charged, and a refusal has the CORS fields.
func TestCORSExposesTheFieldsOfTheLimiter(t *testing.T) {
	const origin = "https://app.example.com"
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(clientip.Direct)})
	h := cors.New(cors.Options{
		AllowedOrigins: []string{origin},
		AllowedMethods: []string{"GET", "PUT"},
		AllowedHeaders: []string{"Content-Type"},
		ExposedHeaders: ratelimit.HeaderNames(),
	}).Handler(limit(http.HandlerFunc(ok)))
	srv := httptest.NewServer(h)
	defer srv.Close()

	send := func(method string, header map[string]string) *http.Response {
		r, err := http.NewRequest(method, srv.URL+"/a", nil)
		require.NoError(t, err)
		r.Header.Set("Origin", origin)
		for k, v := range header {
			r.Header.Set(k, v)
		}
		res, err := srv.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res
	}
	for range 5 {
		res := send("OPTIONS", map[string]string{"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"})
		assert.Equal(t, 204, res.StatusCode, "a preflight passes however often")
		assert.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"))
		assert.NotContains(t, res.Header, "Ratelimit")
	}
	for _, want := range []int{200, 429} {
		res := send("PUT", nil)
		assert.Equal(t, want, res.StatusCode)
		assert.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"), "a page can read a refusal as well")
		exposed := strings.ToLower(strings.Join(res.Header.Values("Access-Control-Expose-Headers"), ","))
		for field := range res.Header {
			if name := strings.ToLower(field); strings.HasPrefix(name, "ratelimit") || name == "retry-after" {
				assert.Contains(t, exposed, name)
			}
		}
	}
}
