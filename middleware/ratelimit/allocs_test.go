package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/race"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/stretchr/testify/assert"
)

func TestAllowedRequestTakesThreeAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has allocations of its own")
	}
	h := limit(func(http.ResponseWriter, *http.Request) {}, ratelimit.Policy{Quota: ratelimit.PerSecond(1_000_000), Key: ratelimit.ByIP(peer)})
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() {
		clear(w.Header())
		h.ServeHTTP(w, r)
	}), 3.0)
}

func TestRefusedRequestTakesFourAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector has allocations of its own")
	}
	h := limit(func(http.ResponseWriter, *http.Request) {}, ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(peer)})
	r := httptest.NewRequest("GET", "/", nil)
	h.ServeHTTP(httptest.NewRecorder(), r) // takes what there is
	w := httptest.NewRecorder()
	w.Body = nil
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() {
		clear(w.Header())
		h.ServeHTTP(w, r)
	}), 4.0)
	assert.Equal(t, http.StatusTooManyRequests, w.Code)
}
