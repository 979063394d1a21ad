package ratelimit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// peer is the address of the connection, a source for ByIP.
func peer(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr()
}

func ok(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") }

// get serves one request by a recorder, for tests in virtual time.
func get(h http.Handler, with ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	for _, f := range with {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// fetch sends one request through a real server and returns the response.
func fetch(t *testing.T, h http.Handler) (*http.Response, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Get(srv.URL + "/x")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func TestNewGrantsTheBurstAndRefusesTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(3), Key: ratelimit.ByIP(peer)})(http.HandlerFunc(ok))
		for _, left := range []string{`"default";r=2;t=40`, `"default";r=1;t=20`, `"default";r=0;t=20`} {
			w := get(h)
			assert.Equal(t, 200, w.Code)
			assert.Equal(t, `"default";q=3;w=60`, w.Header().Get("RateLimit-Policy"))
			assert.Equal(t, left, w.Header().Get("RateLimit"))
			assert.NotContains(t, w.Header(), "Retry-After")
		}
		w := get(h)
		assert.Equal(t, 429, w.Code)
		assert.Equal(t, `"default";r=0;t=20`, w.Header().Get("RateLimit"))
		assert.Equal(t, "20", w.Header().Get("Retry-After"))
	})
}

func TestRefusalOnTheWire(t *testing.T) {
	h := ratelimit.New(ratelimit.Policy{Name: "burst", Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(peer)})(http.HandlerFunc(ok))
	_, body := fetch(t, h)
	assert.Equal(t, "ok", body)
	res, body := fetch(t, h)
	assert.Equal(t, `{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"The client has sent too many requests. Wait before sending the next one.","violated-policies":["burst"]}`, body)
	assert.Equal(t, 429, res.StatusCode)
	assert.Equal(t, "3600", res.Header.Get("Retry-After"), "the next unit comes an hour after the first was taken, less the time of a request")
	delete(res.Header, "Date")
	assert.Equal(t, http.Header{
		"Content-Type":           {"application/problem+json"},
		"Content-Length":         {"177"},
		"X-Content-Type-Options": {"nosniff"},
		"Cache-Control":          {"no-store"},
		"Retry-After":            {"3600"},
		"Vary":                   {"Accept"},
		"Ratelimit-Policy":       {`"burst";q=1;w=3600`},
		"Ratelimit":              {`"burst";r=0;t=3600`},
	}, res.Header)
}

func TestInvalidOptionsPanic(t *testing.T) {
	key, quota := ratelimit.Everyone, ratelimit.PerMinute(1)
	for _, c := range []struct {
		reason  string
		limiter ratelimit.Options
		want    string
	}{
		{"no policies", ratelimit.Options{}, "no policies"},
		{"no key", one(ratelimit.Policy{Quota: quota}), `policy "default": Key is required: use ratelimit.ByIP(clientip.Direct)`},
		{"no quota", one(ratelimit.Policy{Key: key}), "quota N = 0"},
		{"a quota of nothing", one(ratelimit.Policy{Key: key, Quota: ratelimit.PerMinute(0)}), "quota N = 0"},
		{"a negative quota", one(ratelimit.Policy{Key: key, Quota: ratelimit.PerMinute(-1)}), "quota N = -1"},
		{"no time", one(ratelimit.Policy{Key: key, Quota: ratelimit.Quota{N: 1}}), "quota Per = 0s"},
		{"a negative burst", one(ratelimit.Policy{Key: key, Quota: ratelimit.Quota{N: 1, Per: 1, Burst: -1}}), "quota Burst = -1"},
		{"Unlimited is for QuotaFor", one(ratelimit.Policy{Key: key, Quota: ratelimit.Unlimited()}), "quota Unlimited"},
		{"a bucket that never fills", one(ratelimit.Policy{Key: key, Quota: ratelimit.Quota{N: 1, Per: 1 << 62, Burst: 1 << 30}}), "100 years"},
		{"a name that a field cannot carry", one(ratelimit.Policy{Name: "a\nb", Key: key, Quota: quota}), "printable ASCII"},
		{"two of a name", ratelimit.Options{Policies: []ratelimit.Policy{{Key: key, Quota: quota}, {Key: key, Quota: quota}}}, `two policies have the name "default"`},
		{"a problem that is not an error", one(ratelimit.Policy{Key: key, Quota: quota, Problem: problem.Define("about:ok", "OK", 200, "")}), "status 200"},
		{"a secret that can be guessed", ratelimit.Options{PartitionSecret: []byte("short")}, "16 are required"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			defer func() {
				got, _ := recover().(string)
				assert.Contains(t, got, "ratelimit: ")
				assert.Contains(t, got, c.want)
			}()
			ratelimit.NewLimiter(c.limiter).Wrap(http.HandlerFunc(ok))
		})
	}
	assert.Panics(t, func() { ratelimit.ByIP(nil) })
	assert.Panics(t, func() { ratelimit.ByPrefix(peer, 0, 64) })
	assert.Panics(t, func() { ratelimit.ByPrefix(peer, 32, 129) })
	assert.Panics(t, func() { ratelimit.NewMemory(0) })
	assert.Panics(t, func() { ratelimit.New(ratelimit.Policy{Quota: quota, Key: key})(nil) })
}

func one(p ratelimit.Policy) ratelimit.Options {
	return ratelimit.Options{Policies: []ratelimit.Policy{p}}
}
