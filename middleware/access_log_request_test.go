package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// record serves one request inside AccessLog and returns the record of it.
func record(t *testing.T, o middleware.AccessLogOptions, h http.Handler, change ...func(*http.Request)) map[string]any {
	t.Helper()
	out := new(wiretest.Log)
	o.Logger = slog.New(slog.NewJSONHandler(out, nil))
	srv := wiretest.Start(t, "HTTP/1.1", middleware.Chain(middleware.RequestID, middleware.AccessLogWith(o), normalizeQuietly)(h))
	wiretest.Send(t, srv, change...)
	srv.Close()
	require.Equal(t, 1, strings.Count(out.String(), "\n"), out)
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(out.String()), &all))
	return all
}

var normalizeQuietly = middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})

func TestAccessLogNamesItsAttributesByConvention(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{any}", func(w http.ResponseWriter, r *http.Request) { respond.Fail(w, r, errSource) })
	parent := wiretest.Field("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	a := record(t, middleware.AccessLogOptions{}, mux, parent)
	assert.Equal(t, "ERROR", a["level"])
	for name, want := range map[string]any{
		"http.request.method":       "GET",
		"url.path":                  "/x",
		"http.route":                "/{any}",
		"http.response.status_code": 500.0,
		"trace_id":                  "0af7651916cd43dd8448eb211c80319c",
		"span_id":                   "b7ad6b7169203331",
	} {
		assert.Equal(t, want, a[name], "%s in %v", name, a)
	}
	assert.Contains(t, fmt.Sprint(a), errSource.Error())
	assert.NotContains(t, a, "client.address", "only by choice")
	a = record(t, middleware.AccessLogOptions{Names: middleware.AttrsShort}, mux, parent)
	assert.Equal(t, []any{"GET", 500.0}, []any{a["method"], a["status"]}, a)
	a = record(t, middleware.AccessLogOptions{Names: middleware.AttrsGCP}, mux, parent)
	assert.Equal(t, "GET", a["httpRequest"].(map[string]any)["requestMethod"], a)
	a = record(t, middleware.AccessLogOptions{Names: middleware.AttrsECS}, mux, parent)
	assert.Contains(t, fmt.Sprint(a), "0af7651916cd43dd8448eb211c80319c")
	for _, bad := range []string{"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", strings.Repeat("0", 4000)} {
		assert.NotContains(t, record(t, middleware.AccessLogOptions{}, mux, wiretest.Field("Traceparent", bad)), "trace_id", bad)
	}
}

func TestARecordHasTheRequestAsItCame(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"StripPrefix": http.StripPrefix("/x", http.NotFoundHandler()).ServeHTTP,
		"in place":    func(w http.ResponseWriter, r *http.Request) { r.URL.Path, r.Method = "/other", "POST" },
		"a new URL":   func(w http.ResponseWriter, r *http.Request) { r.URL = &url.URL{Path: "/other"} },
		"no URL":      func(w http.ResponseWriter, r *http.Request) { r.URL, r.Header, r.Body = nil, nil, nil },
		"a panic":     func(w http.ResponseWriter, r *http.Request) { r.URL.Path = "/other"; panic("x") },
		"an override": func(w http.ResponseWriter, r *http.Request) { *r = *httptest.NewRequest("PUT", "/other", nil) },
	} {
		a := record(t, middleware.AccessLogOptions{}, h)
		assert.Equal(t, []any{"GET", "/x"}, []any{a["http.request.method"], a["url.path"]}, why)
	}
}

func TestARequestWithoutAURLDoesNotPanic(t *testing.T) {
	for _, l := range append(stacks(), around()...) {
		for why, h := range map[string]http.HandlerFunc{
			"a success": func(w http.ResponseWriter, r *http.Request) {},
			"an error":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
			"a problem": func(w http.ResponseWriter, r *http.Request) { quietResponder.Fail(w, r, errSource) },
		} {
			for _, r := range []*http.Request{{}, {Method: "GET", Header: http.Header{}}, {Method: "GET", ProtoMajor: 1, URL: &url.URL{}}} {
				assert.NotPanics(t, func() { l.wrap(h).ServeHTTP(httptest.NewRecorder(), r) }, "%s inside %s", why, l.name)
			}
		}
	}
}

// A stream that its context ended does not look like a complete one.
func TestAStreamEndedByItsContextIsNotComplete(t *testing.T) {
	forever := func(ctx context.Context, heeds bool) func(yield func(int, error) bool) {
		return func(yield func(int, error) bool) {
			for yield(1, nil) {
				select {
				case <-ctx.Done():
					if heeds { // as most iterators do: they just end
						return
					}
				case <-time.After(300 * time.Millisecond):
				}
				if ctx.Err() != nil && heeds {
					return
				}
			}
		}
	}
	for why, h := range map[string]func(heeds bool) http.Handler{
		"NDJSON": func(heeds bool) http.Handler {
			return quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
				return respond.NDJSON(w, r, forever(r.Context(), heeds))
			})
		},
		"JSONSeq": func(heeds bool) http.Handler {
			return quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
				return respond.JSONSeq(w, r, forever(r.Context(), heeds))
			})
		},
		"Events": func(heeds bool) http.Handler {
			return quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
				return respond.Events(w, r, func(yield func(respond.Event, error) bool) {
					forever(r.Context(), heeds)(func(n int, _ error) bool { return yield(respond.Event{Data: n}, nil) })
				})
			})
		},
	} {
		for _, heeds := range []bool{false, true} {
			for end, wrap := range map[string]func(http.Handler) http.Handler{
				"a deadline outside": func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						ctx, cancel := context.WithTimeout(r.Context(), time.Second)
						defer cancel()
						next.ServeHTTP(w, r.WithContext(ctx))
					})
				},
				"a cancel": func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						ctx, cancel := context.WithCancel(r.Context())
						time.AfterFunc(time.Second, cancel)
						next.ServeHTTP(w, r.WithContext(ctx))
					})
				},
				"Timeout":                middleware.Timeout(time.Second),
				"Timeout with Normalize": middleware.Chain(normalizeQuietly, middleware.Timeout(time.Second)),
			} {
				for _, l := range stacks() {
					if l.name != "net/http" && l.name != "all" && l.name != "Normalize" {
						continue
					}
					inBubble(t, func(t *testing.T, protocol string) {
						res, err := serve(t, l.wrap(wrap(h(heeds)))).client(t, protocol).Get("http://a/x")
						require.NoError(t, err)
						defer res.Body.Close()
						body, err := io.ReadAll(res.Body)
						where := fmt.Sprintf("%s: %s by %s inside %s, heeds %t: %s", protocol, why, end, l.name, heeds, body)
						assert.True(t, err != nil || strings.Contains(string(body), `"status":5`), where)
						assert.Contains(t, string(body), "1", where)
					})
				}
			}
		}
	}
}

func TestEventsSendsItsHeaderAtOnce(t *testing.T) {
	for _, l := range append(stacks(), around()...) {
		inBubble(t, func(t *testing.T, protocol string) {
			begun := time.Now()
			h := quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
				return respond.Events(w, r, func(yield func(respond.Event, error) bool) {
					time.Sleep(time.Second / 2)
					yield(respond.Event{Data: "a"}, nil)
				})
			})
			res, err := serve(t, l.wrap(h)).client(t, protocol).Get("http://a/x")
			require.NoError(t, err)
			assert.Zero(t, time.Since(begun), "%s inside %s", protocol, l.name)
			body, err := io.ReadAll(res.Body)
			assert.NoError(t, err, l.name)
			assert.Equal(t, "data: a\n\n", string(body), l.name)
			res.Body.Close()
		})
	}
}

// The route of a request that timed out, panicked or was copied.
func TestTheRouteReachesTheOuterLayers(t *testing.T) {
	for end, h := range map[string]http.HandlerFunc{
		"a success": func(w http.ResponseWriter, r *http.Request) {},
		"a panic":   func(w http.ResponseWriter, r *http.Request) { panic("x") },
		"a problem": func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404) },
		"an error":  quietResponder.Handler(func(http.ResponseWriter, *http.Request) error { return errSource }).ServeHTTP,
		"a timeout": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); time.Sleep(time.Minute) },
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /o/{id}", h)
		for _, l := range append(append(around(), layers()...), layer{"a copy around Normalize", middleware.Chain(copies, normalizeQuietly)}) {
			timed := strings.Contains(l.name, "Timeout, ") || strings.HasSuffix(l.name, "imeout") || l.name == "Timeout alone" || l.name == "the chain" || strings.HasPrefix(l.name, "inside")
			if end == "a timeout" && (!timed || l.name == "Timeout") {
				continue
			}
			inBubble(t, func(t *testing.T, protocol string) {
				capture, got := results()
				res, err := serve(t, capture(l.wrap(mux))).client(t, protocol).Get("http://a/o/1")
				if err == nil {
					res.Body.Close()
				}
				assert.Equal(t, "GET /o/{id}", (<-got).Route, "%s inside %s", end, l.name)
				time.Sleep(time.Hour) // until the handler has ended, too
				synctest.Wait()
			})
		}
	}
}
