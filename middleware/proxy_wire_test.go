package middleware_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A ReverseProxy inside each layer passes on what it does alone.

func TestAProxyForwardsResponses(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", byRow(map[string]http.HandlerFunc{
		"trailers": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "abc")
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"X-More", "2")
		},
		"trailers of an error": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Trailer", "X-Sum")
			w.WriteHeader(503)
			io.WriteString(w, "{}")
			w.Header().Set("X-Sum", "1")
		},
		"hints": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(103)
			w.WriteHeader(103)
			io.WriteString(w, "abc")
		},
		"a typed error": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.Header().Set("ETag", `"a"`)
			w.WriteHeader(404)
			io.WriteString(w, "<no/>")
		},
		"a cut": func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 9000)); panic(http.ErrAbortHandler) },
		"events": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: a\n\n")
		},
		"nothing": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) },
	}))
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = quietLog
	for _, protocol := range wiretest.Protocols {
		bare := map[string]wiretest.Response{}
		for _, l := range stacks() {
			srv := wiretest.Start(t, protocol, l.wrap(proxy))
			for _, why := range []string{"trailers", "trailers of an error", "hints", "a typed error", "a cut", "events", "nothing"} {
				for _, m := range []string{"GET", "HEAD"} {
					a := wiretest.Send(t, srv, wiretest.Field("X-Row", why), wiretest.Method(m))
					if l.name == "net/http" {
						bare[why+m] = a
						continue
					}
					where := fmt.Sprintf("%s: %s %s inside %s", protocol, m, why, l.name)
					want := bare[why+m]
					assert.Equal(t, want.StatusCode, a.StatusCode, where)
					assert.Equal(t, want.Text, a.Text, where)
					assert.Equal(t, want.Trailer, a.Trailer, where)
					assert.Equal(t, want.Err == nil, a.Err == nil, where)
					for _, name := range []string{"Content-Type", "Content-Length", "Etag", "Link"} {
						assert.Equal(t, want.Header[name], a.Header[name], where)
					}
				}
			}
		}
	}
}

func TestAProxySwitchesProtocols(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(101)
		conn, rw, err := w.(http.Hijacker).Hijack()
		if assert.NoError(t, err) {
			defer conn.Close()
			line, _ := rw.ReadString('\n')
			io.WriteString(conn, "got "+line)
		}
	}))
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	for _, l := range append(stacks(), around()...) {
		capture, got := results()
		conn, in := dialled(t, wiretest.Start(t, "HTTP/1.1", capture(l.wrap(proxy))))
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err, l.name)
		assert.Equal(t, 101, res.StatusCode, l.name)
		assert.Equal(t, "echo", res.Header.Get("Upgrade"), l.name)
		io.WriteString(conn, "hello\n")
		line, _ := in.ReadString('\n')
		assert.Equal(t, "got hello\n", line, l.name)
		conn.Close()
		result := <-got
		assert.Equal(t, 101, result.Status, l.name)
		assert.True(t, result.Hijacked, l.name)
		assert.False(t, result.ClientGone, l.name)
	}
}

// Result is what is on the wire.
func TestResultIsTheWire(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"a problem":      func(w http.ResponseWriter, r *http.Request) { quietResponder.Error(w, 404) },
		"an error":       func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 500) },
		"a panic":        func(w http.ResponseWriter, r *http.Request) { panic("x") },
		"a text":         func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("a", 5000)) },
		"a failed copy":  func(w http.ResponseWriter, r *http.Request) { io.Copy(w, brokenSource{}); http.Error(w, "x", 502) },
		"returned":       quietResponder.Handler(func(http.ResponseWriter, *http.Request) error { return errSource }).ServeHTTP,
		"a code of none": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(600) },
		"a hint":         func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); w.WriteHeader(204) },
	} {
		for _, l := range append(layers(), around()...) {
			if why == "a panic" && !strings.Contains(l.name, "Normalize") && l.name != "the chain" && l.name != "Recover" {
				continue
			}
			for _, protocol := range wiretest.Protocols[:1] {
				capture, got := results()
				out := wiretest.Raw(t, capture(l.wrap(h)), wiretest.RawRequest("GET /x"))
				res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(out[strings.LastIndex(out, "HTTP/1.1 "):])), nil)
				require.NoError(t, err)
				body, _ := io.ReadAll(res.Body)
				r := <-got
				where := fmt.Sprintf("%s: %s inside %s: %q", protocol, why, l.name, body)
				assert.Equal(t, res.StatusCode, r.Status, where)
				assert.EqualValues(t, len(body), r.Bytes, where)
				assert.Equal(t, res.Header.Get("Content-Type") == "application/problem+json", r.Problem != nil, where)
				if r.Problem != nil {
					assert.Equal(t, res.StatusCode, r.Problem.Status, where)
				}
				if why == "returned" {
					assert.ErrorIs(t, r.Err, errSource, where)
				}
				if why == "a hint" {
					assert.Equal(t, []int{103}, r.Interim, where)
				}
				assert.False(t, r.ClientGone || r.Aborted, where)
			}
		}
	}
}
