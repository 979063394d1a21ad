package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// behind starts a gateway before a server with this handler. Closing the
// returned server makes it unreachable.
func behind(t *testing.T, h http.HandlerFunc, change func(*settings)) (client string, upstream *httptest.Server) {
	t.Helper()
	upstream = httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	u, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	s := settings{upstream: u, timeout: time.Minute, maxBytes: 1000, perMinute: 1000}
	if change != nil {
		change(&s)
	}
	srv := httptest.NewServer(gateway(s))
	t.Cleanup(srv.Close)
	return srv.URL, upstream
}

func send(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	received, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(received)
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Request-Id", "upstream's own")
	w.Header().Set("X-Was-Told", r.Header.Get("X-Request-Id"))
	_, _ = io.Copy(w, r.Body)
}

func TestGatewayForwards(t *testing.T) {
	gw, _ := behind(t, echo, nil)
	res, body := send(t, "POST", gw+"/orders", "tea")
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "tea", body)
	assert.Equal(t, []string{res.Header.Get("X-Was-Told")}, res.Header["X-Request-Id"], "one request, one id")
	assert.NotEmpty(t, res.Header.Get("X-Request-Id"))
}

func TestGatewayKeepsTheProblemsOfItsUpstream(t *testing.T) {
	const theirs = `{"type":"https://example.com/problems/out-of-stock",  "title":"Out of Stock","status":409,"available":7}`
	gw, _ := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(409)
		_, _ = io.WriteString(w, theirs)
	}, nil)
	res, body := send(t, "POST", gw+"/orders", "")
	assert.Equal(t, 409, res.StatusCode)
	assert.Equal(t, theirs, body, "every byte")
	assert.Equal(t, "60", res.Header.Get("Retry-After"))
	assert.NotEmpty(t, res.Header.Get("RateLimit"), "what the gateway adds")
}

func TestGatewayRespondsForADeadUpstream(t *testing.T) {
	check := func(res *http.Response, body string, status int, want string) {
		t.Helper()
		assert.Equal(t, status, res.StatusCode, body)
		assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
		assert.Contains(t, body, want)
		assert.NotContains(t, body, "127.0.0.1", "nothing about the inside")
		assert.NotContains(t, body, "dial", "nothing about the inside")
	}

	gw, upstream := behind(t, echo, nil)
	upstream.Close()
	res, body := send(t, "GET", gw+"/orders", "")
	check(res, body, 502, "cannot be reached")

	release := make(chan bool)
	gw, _ = behind(t, func(http.ResponseWriter, *http.Request) { <-release }, func(s *settings) { s.timeout = time.Millisecond })
	res, body = send(t, "GET", gw+"/orders", "")
	check(res, body, 504, "took too long")
	close(release)

	gw, _ = behind(t, echo, nil)
	res, body = send(t, "POST", gw+"/orders", strings.Repeat("x", 1001))
	check(res, body, 413, "larger than 1000 bytes")

	gw, _ = behind(t, echo, func(s *settings) { s.perMinute = 1 })
	res, _ = send(t, "GET", gw+"/orders", "")
	assert.Equal(t, 200, res.StatusCode)
	res, body = send(t, "GET", gw+"/orders", "")
	check(res, body, 429, "violated-policies")
	assert.NotEmpty(t, res.Header.Get("Retry-After"))

	res, body = send(t, "GET", strings.TrimSuffix(gw, "/")+"/nowhere", "")
	check(res, body, 429, "gateway")
}

func TestGatewayLeavesACutResponseCut(t *testing.T) {
	gw, _ := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, strings.Repeat("x", 50000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, nil)
	res, err := http.Get(gw + "/orders")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	assert.Error(t, err, "the client sees that it is not complete")
	assert.NotContains(t, string(body), "problem", "and nothing is put behind it")
}
