package problem_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestRetryAfterIsInWholeSecondsRoundedUp(t *testing.T) {
	for _, tt := range []struct {
		wait time.Duration
		want string
	}{
		{0, "0"}, {-time.Second, "0"}, {1, "1"}, {time.Second, "1"}, {time.Second + 1, "2"}, {90 * time.Second, "90"},
		{math.MaxInt64, "9223372037"}, {math.MinInt64, "0"},
	} {
		d := problem.New(503, problem.RetryAfter(tt.wait))
		assert.Equal(t, tt.want, d.Header.Get("Retry-After"), "%d", tt.wait)
	}
}

func TestOptionsSetTheHeaderThatTheStatusNeeds(t *testing.T) {
	for _, tt := range []struct {
		why  string
		d    *problem.Details
		want http.Header
	}{
		{"RFC 9110, 15.5.2", problem.New(401, problem.Challenge(`Bearer realm="a"`, "Basic")), http.Header{"Www-Authenticate": {`Bearer realm="a"`, "Basic"}}},
		{"RFC 9110, 15.5.8", problem.New(407, problem.Challenge("Basic")), http.Header{"Proxy-Authenticate": {"Basic"}}},
		{"RFC 9110, 15.5.6", problem.New(405, problem.Allow("GET", "HEAD")), http.Header{"Allow": {"GET, HEAD"}}},
		{"an empty list", problem.New(405, problem.Allow()), http.Header{"Allow": {""}}},
		{"RFC 9110, 15.5.22", problem.New(426, problem.Upgrade("h2c", "websocket")), http.Header{"Upgrade": {"h2c, websocket"}, "Connection": {"Upgrade"}}},
		{"several values stay several", problem.New(404, problem.Header("link", "a"), problem.Header("Link", "b")), http.Header{"Link": {"a", "b"}}},
	} {
		assert.Equal(t, tt.want, tt.d.Header, tt.why)
		assert.NoError(t, tt.d.Lint(), tt.why)
	}
}

func TestErrorsWithoutFaultsAddsNothing(t *testing.T) {
	assert.Nil(t, problem.New(422, problem.Errors()).Extensions)
	assert.NotContains(t, write(t, problem.New(422, problem.Errors(), problem.Errors())), "errors")
}

func TestLaterOptionWins(t *testing.T) {
	d := problem.New(404, problem.Detail("a"), nil, problem.Detailf("%s %d", "b", 1), problem.Extension("x", 1), problem.Extension("x", 2))
	assert.Equal(t, "b 1", d.Detail)
	assert.Equal(t, map[string]any{"x": 2}, d.Extensions)
}
