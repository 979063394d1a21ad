package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// What layers share that follow one another, and when it ends.

// named is a Responder whose problems have an instance of that name.
func named(name string) *respond.Responder {
	return &respond.Responder{Logger: quiet, Instance: func(*http.Request) string { return "/" + name }}
}

// A Normalize leaves everything as it was, for a layer outside of it that responds.
func TestANormalizeEndsWithItsHandler(t *testing.T) {
	by := func(name string) func(http.Handler) http.Handler {
		return middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Responder: named(name)})
	}
	text := after(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such order", 404) })
	respondsAfter := after(func(w http.ResponseWriter, _ *http.Request) { respond.Error(w, 404) })
	observe := middleware.Capture(nothing)
	for why, row := range map[string]struct {
		wrap func(http.Handler) http.Handler
		want string
	}{
		"a text outside of the only one":       {middleware.Chain(observe, text, normalizeQuietly), "no such order\n"},
		"a text between two":                   {middleware.Chain(normalizeQuietly, text, normalizeQuietly), `"detail":"no such order"`},
		"a problem outside of the only one":    {middleware.Chain(observe, respondsAfter, by("inner")), `"status":404`},
		"a problem between two":                {middleware.Chain(by("outer"), respondsAfter, by("inner")), `"instance":"/outer"`},
		"a problem between one without and":    {middleware.Chain(by("outer"), normalizeQuietly, respondsAfter, by("inner")), `"instance":"/outer"`},
		"a problem outside of the inner two":   {middleware.Chain(by("outer"), respondsAfter, by("middle"), by("inner")), `"instance":"/outer"`},
		"a problem in the middle of three":     {middleware.Chain(by("outer"), by("middle"), respondsAfter, by("inner")), `"instance":"/middle"`},
		"a problem between two, and a wrapper": {middleware.Chain(by("outer"), plainWrapper, respondsAfter, by("inner")), `"instance":"/outer"`},
	} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, row.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			assert.Equal(t, 404, a.StatusCode, "%s: %s", protocol, why)
			assert.Contains(t, a.Text, row.want, "%s: %s", protocol, why)
			if !strings.Contains(row.want, "inner") {
				assert.NotContains(t, a.Text, "inner", "%s: %s", protocol, why)
			}
		}
	}
}

// The Content-Encoding of a compressor outside stays, whatever Normalize was inside, and
// one that a layer in between has taken away does not come back.
func TestTheEncodingIsThatOfTheLayersOutside(t *testing.T) {
	compressor, observe := compressors()[0].wrap, middleware.Capture(nothing)
	respondsAfter := after(func(w http.ResponseWriter, _ *http.Request) { respond.Error(w, 404) })
	gives := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			next.ServeHTTP(w, r)
		})
	}
	takes := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Content-Encoding")
			next.ServeHTTP(w, r)
		})
	}
	fails := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such order", 404) })
	idle := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for why, row := range map[string]struct {
		h    http.Handler
		want string
	}{
		"a problem after a Normalize has ended":                         {compressor(observe(respondsAfter(normalizeQuietly(idle)))), "gzip"},
		"an error inside two":                                           {compressor(observe(normalizeQuietly(fails))), "gzip"},
		"an error where a layer has taken it":                           {gives(observe(takes(normalizeQuietly(fails)))), ""},
		"a problem inside Timeout, and an observer, where it was taken": {gives(middleware.Timeout(never)(takes(observe(respondsAfter(idle))))), ""},
	} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, row.h, wiretest.Field("Accept-Encoding", "gzip"))
			assert.Equal(t, row.want, a.Header.Get("Content-Encoding"), "%s: %s", protocol, why)
		}
	}
}

// A framework keeps the ResponseWriter, and may respond when all layers have ended.
func TestAResponseMayComeWhenTheLayersHaveEnded(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"a handler that returns": func(http.ResponseWriter, *http.Request) {},
		"one that panics with an error held": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			panic(http.ErrAbortHandler)
		},
	} {
		for _, l := range []layer{{"Normalize", normalizeQuietly}, {"Capture", middleware.Capture(nothing)}, {"RequestID, Normalize", middleware.Chain(middleware.RequestID, normalizeQuietly)}} {
			if strings.Contains(why, "held") && !strings.Contains(l.name, "Normalize") {
				continue
			}
			for _, protocol := range wiretest.Protocols {
				a := wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					var kept http.ResponseWriter
					defer func() {
						recover()
						kept.WriteHeader(502)
						io.WriteString(kept, "sorry")
					}()
					l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						kept = w
						h(w, r)
					})).ServeHTTP(w, r)
				}))
				assert.Equal(t, 502, a.StatusCode, "%s: %s inside %s", protocol, why, l.name)
				assert.Equal(t, "sorry", a.Text, "%s: %s inside %s", protocol, why, l.name)
			}
		}
	}
}

// Once a response was given, a goroutine that is left behind can do nothing more.
func TestALateCallIsRefusedByEachMethod(t *testing.T) {
	for why, call := range map[string]func(http.ResponseWriter) error{
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("overdue")); return err },
		"WriteString": func(w http.ResponseWriter) error { _, err := io.WriteString(w, "overdue"); return err },
		"a copy":      func(w http.ResponseWriter) error { _, err := io.Copy(w, source(3)); return err },
		"Flush":       func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"Hijack": func(w http.ResponseWriter) error {
			if _, ok := w.(http.Hijacker); !ok {
				return http.ErrHandlerTimeout
			}
			_, _, err := http.NewResponseController(w).Hijack()
			return err
		},
	} {
		for _, protocol := range wiretest.Protocols {
			var kept http.ResponseWriter
			h := after(func(http.ResponseWriter, *http.Request) {
				assert.ErrorIs(t, call(kept), http.ErrHandlerTimeout, "%s: %s", protocol, why)
			})(middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kept = w
				io.WriteString(w, "in time")
			})))
			assert.Equal(t, "in time", wiretest.Get(t, protocol, h).Text, "%s: %s", protocol, why)
		}
	}
}

// A goroutine that a handler leaves may run further layers, which have nothing to do with
// the response that was sent: a panic there must not end the process.
func TestALateLayerWorksForItself(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"net/http's own": func(h http.Handler) http.Handler { return h },
		"another shape": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
		},
	} {
		for _, l := range []layer{
			{"Recover", middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet})},
			{"Normalize", normalizeQuietly},
			{"Capture", middleware.Capture(func(*http.Request, middleware.Result) { t.Error("a request has one result") })},
		} {
			if l.name == "Capture" && name == "another shape" { // it is not known any more, and has a result of its own
				continue
			}
			for _, protocol := range wiretest.Protocols {
				var kept http.ResponseWriter
				late := l.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					if l.name != "Capture" {
						panic("late")
					}
				}))
				h := after(func(_ http.ResponseWriter, r *http.Request) {
					assert.NotPanics(t, func() { late.ServeHTTP(kept, r) }, "%s: %s, %s", protocol, name, l.name)
				})(wrap(middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					kept = w
					io.WriteString(w, "in time")
				}))))
				assert.Equal(t, "in time", wiretest.Get(t, protocol, h).Text, "%s: %s, %s", protocol, name, l.name)
			}
		}
	}
}

// The files of a form are there until the outermost layer ends.
func TestAnInnerLayerLeavesTheFilesOfAForm(t *testing.T) {
	body, contentType := upload(8 << 10)
	for _, l := range []layer{{"Capture", middleware.Capture(nothing)}, {"a wrapper, Capture", middleware.Chain(plainWrapper, middleware.Capture(nothing))}} {
		t.Setenv("TMPDIR", t.TempDir())
		parses := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, r.ParseMultipartForm(1)) })
		reads := after(func(_ http.ResponseWriter, r *http.Request) {
			f, _, err := r.FormFile("f")
			if assert.NoError(t, err, l.name) {
				f.Close()
			}
		})
		a := wiretest.Get(t, "HTTP/1.1", middleware.Capture(nothing)(reads(l.wrap(parses))), func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Type", contentType)
		})
		assert.Equal(t, 200, a.StatusCode)
	}
}

// A handler that gives a field other values than a layer outside keeps its own.
func TestAHandlerMayReplaceTheRequestID(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"two values": func(w http.ResponseWriter, r *http.Request) { w.Header()["X-Request-Id"] = []string{"a", "b"} },
		"one, with an error": quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			w.Header()["X-Request-Id"] = []string{"a", "b"}
			return problem.New(409, problem.Cause(errSource))
		}).ServeHTTP,
	} {
		for _, l := range []layer{{"RequestID", middleware.RequestID}, {"RequestID, Normalize", middleware.Chain(middleware.RequestID, normalizeQuietly)}} {
			for _, protocol := range wiretest.Protocols {
				a := wiretest.Get(t, protocol, l.wrap(h))
				assert.Equal(t, []string{"a", "b"}, a.Header["X-Request-Id"], "%s: %s inside %s", protocol, why, l.name)
			}
		}
	}
}

// Each of two layers that look after a field does, whichever is outside.
func TestLayersLookAfterTheirFieldsTogether(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "upstream")
		w.Header().Set("RateLimit", "upstream")
		http.Redirect(w, r, "/elsewhere", 303)
	}))
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	for _, protocol := range wiretest.Protocols {
		limit := func() func(http.Handler) http.Handler {
			return ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone})
		}
		for why, wrap := range map[string]func(http.Handler) http.Handler{
			"the limiter outside":  middleware.Chain(limit(), middleware.RequestID),
			"the limiter inside":   middleware.Chain(middleware.RequestID, limit()),
			"the limiter alone":    limit(),
			"RequestID alone":      middleware.RequestID,
			"Timeout in a wrapper": middleware.Chain(plainWrapper, middleware.Timeout(never), limit()),
		} {
			a := wiretest.Get(t, protocol, wrap(proxy))
			assert.Equal(t, 303, a.StatusCode)
			if why != "RequestID alone" {
				assert.NotContains(t, a.Header, "Ratelimit", "%s: %s: a client that follows would come too early", protocol, why)
			}
			if !strings.Contains(why, "alone") && !strings.Contains(why, "Timeout") || why == "RequestID alone" {
				assert.NotContains(t, a.Header["X-Request-Id"], "upstream", "%s: %s", protocol, why)
			}
		}
	}
}

type contextKey struct{}

// What layers know of a request is what the innermost has got, also behind a wrapper.
func TestSettingsGetTheRequestOfTheInnermostLayer(t *testing.T) {
	adds := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, "added")))
		})
	}
	details := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Detail: func(r *http.Request, _ int, _ string) string {
		value, _ := r.Context().Value(contextKey{}).(string)
		return value
	}})
	for why, wrap := range map[string]func(http.Handler) http.Handler{
		"at once":                  middleware.Chain(middleware.Capture(nothing), adds, details),
		"behind a wrapper":         middleware.Chain(middleware.Capture(nothing), adds, plainWrapper, details),
		"a layer further in":       middleware.Chain(details, adds, middleware.Capture(nothing)),
		"and both with a wrapper":  middleware.Chain(details, adds, plainWrapper, middleware.Capture(nothing)),
		"and a layer without more": middleware.Chain(details, adds, middleware.RequestID, middleware.Recover),
	} {
		a := wiretest.Get(t, "HTTP/1.1", wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 404) })))
		assert.Equal(t, "added", a.Problem(t)["detail"], why)
	}
}

// On HTTP/2 a body beyond its limit does not end the connection.
func TestATooLongBodyOfHTTP2EndsNoConnection(t *testing.T) {
	connections := map[string]bool{}
	srv := wiretest.Start(t, wiretest.HTTP2, middleware.Capture(nothing)(middleware.MaxBytes(5)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		_, err := io.ReadAll(r.Body)
		assert.Error(t, err)
		w.WriteHeader(202)
	}))))
	for range 3 {
		a := wiretest.Send(t, srv, func(r *http.Request) {
			r.Method, r.ContentLength, r.Body = "POST", -1, io.NopCloser(strings.NewReader("hello!"))
		})
		assert.Equal(t, 202, a.StatusCode)
	}
	assert.Len(t, connections, 1)
}

// flushesNot can take over a connection and hides that net/http can flush.
type flushesNot struct{ http.ResponseWriter }

func (w flushesNot) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// A flush that no layer below can do does not end a text.
func TestAFlushThatNothingCanDoSendsNoError(t *testing.T) {
	a := wiretest.Get(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		normalizeQuietly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			assert.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
			io.WriteString(w, "no such order")
		})).ServeHTTP(unwrapping{flushesNot{w}}, r)
	}))
	assert.Equal(t, "no such order", a.Problem(t)["detail"])
}

// The ResponseWriter of a foreign layer is not kept when its request is over.
func TestNoForeignResponseWriterIsKept(t *testing.T) {
	var kept weak.Pointer[unwrapping]
	h := middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404) }))
	srv := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := &unwrapping{struct{ http.ResponseWriter }{w}}
		kept = weak.Make(base)
		h.ServeHTTP(base, r)
	}))
	wiretest.Send(t, srv)
	srv.Close()
	for deadline := time.Now().Add(10 * time.Second); kept.Value() != nil && time.Now().Before(deadline); {
		runtime.GC()
	}
	assert.Nil(t, kept.Value())
}

// strange are ResponseWriters that cannot be a key of a map, or lead nowhere.
type (
	tagged struct {
		http.ResponseWriter
		tags []string
	}
	nowhere struct{ http.ResponseWriter }
)

func (nowhere) Unwrap() http.ResponseWriter { return nil }

func TestAnyResponseWriterCanBeLookedUp(t *testing.T) {
	for why, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"one that cannot be compared": func(w http.ResponseWriter) http.ResponseWriter { return tagged{w, []string{"a"}} },
		"one that leads nowhere":      func(w http.ResponseWriter) http.ResponseWriter { return nowhere{w} },
	} {
		a := wiretest.Get(t, "HTTP/1.1", hide(middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(wrap(w), 404)
		}))))
		assert.EqualValues(t, 404, a.Problem(t)["status"], why)
	}
}

// An interim response has the fields of this service, too, and not those of an upstream.
func TestAHintHasNoFieldOfAnUpstream(t *testing.T) {
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(77), Key: ratelimit.Everyone})
	out := wiretest.Raw(t, middleware.RequestID(limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, field := range []string{"X-Request-Id", "RateLimit", "RateLimit-Policy"} {
			w.Header().Add(field, "upstream")
		}
		w.WriteHeader(103)
		w.WriteHeader(204)
	}))), wiretest.RawRequest("GET /"))
	assert.Equal(t, []int{103, 204}, wiretest.StatusCodes(out))
	assert.Equal(t, 2, strings.Count(out, "Ratelimit-Policy: "))
	assert.NotContains(t, out, "upstream")
}
