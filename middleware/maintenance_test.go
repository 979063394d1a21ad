package middleware_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

func TestMaintenanceSends503WhileItIsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &middleware.Maintenance{
			Skip:   func(r *http.Request) bool { return r.URL.Path == "/healthz" },
			Detail: "The press is being cleaned.",
		}
		h := m.Wrap(http.HandlerFunc(ok))
		serve := func(path string) wiretest.Response {
			rec, r := recorder()
			r.URL.Path = path
			h.ServeHTTP(rec, r)
			return wiretest.Response{Response: rec.Result(), Text: rec.Body.String()}
		}
		assert.Equal(t, 200, serve("/").StatusCode, "off at first")

		m.Start(time.Now().Add(90*time.Second + 1))
		a := serve("/")
		assert.Equal(t, "The press is being cleaned.", a.Problem(t)["detail"])
		assert.Equal(t, 503, a.StatusCode)
		assert.Equal(t, "91", a.Header.Get("Retry-After"), "rounded up")
		assert.Equal(t, 200, serve("/healthz").StatusCode)

		time.Sleep(2 * time.Minute)
		a = serve("/")
		assert.Equal(t, 503, a.StatusCode, "it ends when it is stopped, not when that was expected")
		assert.Empty(t, a.Header.Get("Retry-After"))

		m.Start(time.Time{})
		assert.Empty(t, serve("/").Header.Get("Retry-After"), "the end is unknown")

		m.Stop()
		assert.Equal(t, 200, serve("/").StatusCode)
	})
}

func TestMaintenanceUsesTheDescriptionOf503(t *testing.T) {
	var m middleware.Maintenance
	m.Start(time.Time{})
	a := wiretest.Get(t, "HTTP/1.1", m.Wrap(http.HandlerFunc(ok)))
	assert.Equal(t, descriptionOf(503), a.Problem(t)["detail"])
}
