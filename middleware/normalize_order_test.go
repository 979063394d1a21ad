package middleware_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a handler may do with the calls of a ResponseWriter, in any order.

func TestNormalizeKeepsTheFirstError(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		n, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no such order", 404)
			http.Error(w, "pq: password", 500)
		})))
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Equal(t, "no such order", a.Problem(t)["detail"])
		assert.Equal(t, 404, a.StatusCode)
		rep := reported(c)
		require.Len(t, rep.Superfluous, 1)
		assert.Equal(t, 500, rep.Superfluous[0].Code)
		assert.Equal(t, "normalize_order_test.go", rep.Superfluous[0].File, "the caller is the handler, not a wrapper or http.Error")
		assert.EqualValues(t, len("pq: password\n"), rep.Dropped)
	}
}

func TestNormalizeDropsWritesAfterAnError(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		n, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "denied", 403)
			fmt.Fprint(w, `{"secret":"x"}`)
		})))
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Equal(t, "denied", a.Problem(t)["detail"])
		assert.EqualValues(t, len(`{"secret":"x"}`), reported(c).Dropped)
	}
}

func TestJSONThroughHTTPErrorIsSentAsJSON(t *testing.T) {
	for _, body := range []string{`{"error":"x"}`, `["x"]`, ` {"error":"x"}`} {
		a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, body, 400) })))
		assert.Equal(t, "application/json", a.Header.Get("Content-Type"))
		assert.Equal(t, body+"\n", a.Text)
		assert.EqualValues(t, len(a.Text), a.ContentLength)
	}
	for _, body := range []string{`{"error":`, `{oops}`, `[`} {
		a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, body, 400) })))
		assert.Equal(t, body, a.Problem(t)["detail"], "a text that only begins like JSON is a text")
	}
}

func TestASecondCallMayCorrectAnInvalidCode(t *testing.T) {
	a := wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(0) // net/http panics here, and careful handlers recover
		http.Error(w, "no such order", 404)
	})))
	assert.Equal(t, 404, a.StatusCode)
	assert.Equal(t, "no such order", a.Problem(t)["detail"])

	a = wiretest.Get(t, "HTTP/1.1", normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(0)
		io.WriteString(w, "text with an invalid code")
		w.WriteHeader(200)
		io.WriteString(w, "late")
	})))
	assert.Equal(t, 500, a.StatusCode, "bytes commit, whatever comes then")
	assert.NotContains(t, a.Problem(t)["detail"], "text")
}

func TestFieldsSetAfterWriteHeaderAreIgnored(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for why, h := range map[string]http.HandlerFunc{
			"a success": func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(200)
				w.Header().Set("X-Late", "1")
			},
			"an error that is replaced": func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "x", 404)
				w.Header().Set("X-Late", "1")
			},
			"an empty one": func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(404)
				w.Header().Set("X-Late", "1")
			},
			"an error with a body of its own": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(404)
				w.Header().Set("X-Late", "1")
				io.WriteString(w, "{}")
			},
		} {
			a := wiretest.Get(t, protocol, normalize(h))
			assert.Empty(t, a.Header.Get("X-Late"), why)
		}
	}
}

func TestNormalizeSendsAFlushedErrorAtOnce(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for why, row := range map[string]struct {
			h    http.HandlerFunc
			want string
		}{
			"text: it cannot be waited for": {func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "denied", 403)
				w.(http.Flusher).Flush()
				io.WriteString(w, "more")
			}, `{"type":"about:blank","title":"Forbidden","status":403,"detail":"denied"}`},
			"no body yet: a stream, as the handler intends": {func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(403)
				w.(http.Flusher).Flush()
				io.WriteString(w, "more")
			}, "more"},
			"a type and no body yet": {func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.WriteHeader(403)
				http.NewResponseController(w).Flush()
				io.WriteString(w, "data: x\n\n")
			}, "data: x\n\n"},
		} {
			capture, got := results()
			a := wiretest.Get(t, protocol, capture(normalize(row.h)))
			assert.NoError(t, a.Err)
			assert.Equal(t, 403, a.StatusCode, why)
			assert.Equal(t, row.want, a.Text, why)
			assert.EqualValues(t, len(a.Text), (<-got).Bytes, why)
		}
	}
}

func TestNormalizeHoldsLittleOfAnUntypedError(t *testing.T) {
	page := "<html>" + strings.Repeat("x", 5000)
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader(page)})
			assert.EqualValues(t, len(page), n)
			assert.NoError(t, err)
		})))
		assert.Equal(t, page, a.Text)
		a = wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("no such order")})
			assert.EqualValues(t, 13, n)
			assert.NoError(t, err)
		})))
		assert.Equal(t, "no such order", a.Problem(t)["detail"])
		a = wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("")})
			assert.Zero(t, n)
			assert.NoError(t, err)
		})))
		a.Problem(t)
	}
}

func TestWritesAfterTheHandlerAreRefused(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for why, mw := range map[string]func(http.Handler) http.Handler{
			"Capture":   middleware.Capture(nothing),
			"Normalize": normalize,
			"Recover":   middleware.Recover,
		} {
			var leaked http.ResponseWriter
			bodies := []string{"a", "b"}
			text := new(wiretest.Log)
			srv := wiretest.StartLogging(t, protocol, mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if leaked != nil { // a goroutine of the first request is still at it
					n, err := io.WriteString(leaked, "SECRET")
					assert.Zero(t, n, why)
					assert.ErrorIs(t, err, http.ErrHandlerTimeout, why)
					_, err = leaked.Write([]byte("SECRET"))
					assert.ErrorIs(t, err, http.ErrHandlerTimeout, why)
					_, err = io.Copy(leaked, strings.NewReader("SECRET"))
					assert.ErrorIs(t, err, http.ErrHandlerTimeout, why)
					leaked.WriteHeader(500)
					leaked.(http.Flusher).Flush()
					assert.ErrorIs(t, http.NewResponseController(leaked).Flush(), http.ErrHandlerTimeout, why)
				}
				leaked = w
				io.WriteString(w, bodies[0])
				bodies = bodies[1:]
			})), text)
			assert.Equal(t, "a", wiretest.Send(t, srv).Text)
			b := wiretest.Send(t, srv)
			assert.Equal(t, "b", b.Text, "%s: the response to another request has nothing of it", why)
			assert.Equal(t, 200, b.StatusCode)
			srv.Close()
			assert.Empty(t, text.String(), "%s: a late WriteHeader is not superfluous in another response", why)
		}
	}
}

func TestASuperfluousCallIsLoggedWithItsCaller(t *testing.T) {
	text := new(wiretest.Log)
	srv := wiretest.StartLogging(t, "HTTP/1.1", middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		w.WriteHeader(500)
	})), text)
	wiretest.Send(t, srv)
	srv.Close()
	assert.Regexp(t, `^http: superfluous response.WriteHeader call from \S+TestASuperfluousCallIsLoggedWithItsCaller\S* \(normalize_order_test.go:\d+\)\n$`, text.String())
}

func TestNormalizeBoundsSuperfluousCalls(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{})
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			http.Error(w, strings.Repeat("x", 100_000), 500)
		}
	})))
	wiretest.Send(t, srv)
	srv.Close()
	rep := reported(c)
	assert.Len(t, rep.Superfluous, 8)
	assert.LessOrEqual(t, len(rep.Withheld), 1024)
}

// Content-Encoding that an outer layer has set stays, since its bytes will be
// encoded; that of an inner layer goes with the bytes it was for.
func TestNormalizeKnowsAnOuterCompressor(t *testing.T) {
	compress := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			next.ServeHTTP(gzipped{w, z}, r)
			z.Close()
		})
	}
	plain := func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") } // no decoding by the client
	for why, h := range map[string]http.HandlerFunc{
		"http.Error":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) },
		"empty":       func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		"panic":       func(w http.ResponseWriter, r *http.Request) { panic("x") },
		"file server": http.FileServer(http.Dir("/var/empty")).ServeHTTP, // deletes Content-Encoding itself: go.dev/issue/66343
	} {
		t.Run("outside "+why, func(t *testing.T) {
			a := wiretest.Get(t, "HTTP/1.1", compress(normalize(h)), plain)
			assert.Equal(t, "gzip", a.Header.Get("Content-Encoding"))
			z, err := gzip.NewReader(strings.NewReader(a.Text))
			require.NoError(t, err)
			body, err := io.ReadAll(z)
			require.NoError(t, err)
			a.Text = string(body)
			a.Problem(t)
			assert.NotEqual(t, fmt.Sprint(len(body)), a.Header.Get("Content-Length"))
		})
		t.Run("inside "+why, func(t *testing.T) {
			a := wiretest.Get(t, "HTTP/1.1", normalize(compress(h)), plain)
			assert.Empty(t, a.Header.Get("Content-Encoding"))
			doc := a.Problem(t)
			assert.NotContains(t, doc["detail"], "\x1f\x8b", "compressed bytes are no text")
			assert.EqualValues(t, len(a.Text), a.ContentLength)
		})
	}
}

type gzipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (g gzipped) Write(p []byte) (int, error) { return g.z.Write(p) }

func TestFieldsOfAReplacedBodyAreRemoved(t *testing.T) {
	gone := []string{"Content-Encoding", "Content-Language", "Content-Location", "Content-Disposition", "Content-Md5",
		"Digest", "Repr-Digest", "Content-Digest", "Accept-Ranges", "Trailer", "Age", "Expires", "Location",
		"Etag", "Last-Modified", "Content-Range"}
	kept := []string{"Allow", "Www-Authenticate", "Proxy-Authenticate", "Retry-After", "Link", "Set-Cookie",
		"Access-Control-Allow-Origin", "Content-Security-Policy", "Strict-Transport-Security", "X-Request-Id"}
	for _, code := range []int{404, 412, 416, 500} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, f := range append(append([]string{}, gone...), kept...) {
					w.Header().Set(f, "x")
				}
				w.Header().Set("Vary", "Origin")
				w.Header().Set("Cache-Control", "public, max-age=60")
				w.Header().Set("Content-Length", "1000")
				http.Error(w, "x", code)
			})))
			a.Problem(t)
			for _, f := range gone {
				stays := code == 412 && (f == "Etag" || f == "Last-Modified") || code == 416 && f == "Content-Range"
				assert.Equal(t, stays, a.Header.Get(f) != "", "%d %s", code, f)
			}
			for _, f := range kept {
				assert.Equal(t, "x", a.Header.Get(f), f)
			}
			assert.Equal(t, []string{"Origin", "Accept"}, a.Header["Vary"])
			assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			assert.EqualValues(t, len(a.Text), a.ContentLength)
		}
	}
}

func TestNormalizeReportsAWrongLength(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for why, row := range map[string]struct{ declared, want string }{
			"too long":  {"1000", "Content-Length is 1000, but the body ended after 5 bytes"},
			"too short": {"3", "the body was longer than its Content-Length"},
			"right":     {"5", ""},
		} {
			n, c := reports(middleware.NormalizeOptions{})
			srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", row.declared)
				io.WriteString(w, "hello")
			})))
			wiretest.Send(t, srv)
			srv.Close()
			rep := reported(c)
			if row.want == "" {
				assert.Nil(t, rep)
			} else if assert.NotNil(t, rep, "%s %s", protocol, why) {
				assert.Equal(t, row.want, rep.Misused)
			}
		}
	}
}

func TestAClientThatLeftIsNotAMisuse(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{})
	for why, h := range map[string]http.HandlerFunc{
		"a write fails":    func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 10)) },
		"the context ends": func(w http.ResponseWriter, r *http.Request) {},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		base := brokenWriter{fullWriter{http.Header{"Content-Length": {"1000"}}}}
		middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			h(w, r)
			if why == "the context ends" {
				cancel()
			}
		})).ServeHTTP(base, r)
		cancel()
		assert.Nil(t, reported(c), why)
	}
}

func TestHTTP2ResponsesHaveNoConnectionFields(t *testing.T) {
	for why, fail := range map[string]http.HandlerFunc{
		"text": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 426) },
		"a body that passes": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(426)
			_, _ = io.WriteString(w, "{}")
		},
		"a problem": func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, problem.New(426)) },
	} {
		t.Run(why, func(t *testing.T) {
			connections := map[string]bool{}
			h := normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				connections[r.RemoteAddr] = true
				w.Header().Set("Connection", "close")
				w.Header().Set("Keep-Alive", "timeout=5")
				w.Header().Set("Upgrade", "h2c")
				fail(w, r)
			}))
			srv := wiretest.Start(t, "HTTP/2", h)
			for range 3 {
				a := wiretest.Send(t, srv)
				assert.Equal(t, 426, a.StatusCode)
				assert.Empty(t, a.Header.Get("Keep-Alive"))
				assert.Empty(t, a.Header.Get("Upgrade"))
				assert.Empty(t, a.Header.Get("Connection"))
			}
			srv.Close()
			assert.Len(t, connections, 1, "the error of one request does not end the connection of others")
			raw := wiretest.Raw(t, h, wiretest.RawRequest("GET /"))
			assert.Equal(t, []int{426}, wiretest.StatusCodes(raw))
			assert.Contains(t, raw, "Upgrade: h2c", "HTTP/1.1 keeps it")
		})
	}
}

func TestNormalizeOnHEADHasTheHeaderOfGET(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for why, h := range map[string]http.HandlerFunc{
			"http.Error": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) },
			"empty":      func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		} {
			capture, got := results()
			srv := wiretest.Start(t, protocol, capture(normalize(h)))
			a, b := wiretest.Send(t, srv), wiretest.Send(t, srv, wiretest.Method("HEAD"))
			a.Header.Del("Date")
			b.Header.Del("Date")
			assert.Equal(t, a.Header, b.Header, why)
			assert.Equal(t, a.ContentLength, b.ContentLength, why)
			assert.Empty(t, b.Text)
			<-got
			assert.Zero(t, (<-got).Bytes)
		}
	}
}

func TestNormalizeCallsReplaceAndDetail(t *testing.T) {
	n := middleware.NormalizeOptions{
		Logger: quiet,
		Replace: func(r *http.Request, code int, h http.Header) middleware.Replacement {
			if h.Get("Content-Type") == "application/json" {
				return middleware.ReplaceNo
			}
			return middleware.ReplaceYes
		},
		Detail: func(r *http.Request, code int, text string) string {
			return strings.ToUpper(text)
		},
		MaxText: 100,
	}
	for _, row := range []struct {
		typ, body, want string
		code            int
	}{
		{"text/html", "<h1>x</h1>", "", 404}, // replaced, but no text for people
		{"text/plain", "no such order", "NO SUCH ORDER", 404},
		{"", "no such order", "NO SUCH ORDER", 404},
		{"text/plain", "for everybody", "FOR EVERYBODY", 503},
	} {
		a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if row.typ != "" {
				w.Header().Set("Content-Type", row.typ)
			}
			w.WriteHeader(row.code)
			io.WriteString(w, row.body)
		})))
		detail := a.Problem(t)["detail"]
		if row.want == "" {
			assert.NotContains(t, detail, "x</h1>")
		} else {
			assert.Equal(t, row.want, detail)
		}
	}
	long := strings.Repeat("x", 101)
	a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, long, 404) })))
	assert.NotContains(t, a.Text, "xx", "ReplaceYes holds for a text beyond MaxText, too")
	n.Replace = nil
	a = wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, long, 404) })))
	assert.Equal(t, long+"\n", a.Text, "more than MaxText passes")
}

func TestNormalizeUsesNoLongTextAsDetail(t *testing.T) {
	for n, shown := range map[int]bool{1024: true, 1025: false} {
		story := strings.Repeat("x", n)
		normalizer, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(normalizer)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, story, 404) })))
		a := wiretest.Send(t, srv)
		srv.Close()
		if shown {
			assert.Equal(t, story, a.Problem(t)["detail"])
			assert.Nil(t, reported(c))
		} else {
			assert.Equal(t, descriptionOf(404), a.Problem(t)["detail"])
			assert.Len(t, reported(c).Withheld, 1024)
		}
	}
}

func TestReplaceIsNotCalledForProblems(t *testing.T) {
	n := middleware.NormalizeOptions{Replace: func(*http.Request, int, http.Header) middleware.Replacement { return middleware.ReplaceYes }}
	h := middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404, problem.Detail("no such order")) }))
	assert.Equal(t, "no such order", wiretest.Get(t, "HTTP/1.1", h).Problem(t)["detail"])
	page := wiretest.Get(t, "HTTP/1.1", h, wiretest.Field("Accept", "text/html"))
	assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	assert.Contains(t, page.Text, "no such order")
}

func TestADeclinedDetailIsNotLogged(t *testing.T) {
	n, c := reports(middleware.NormalizeOptions{Detail: func(*http.Request, int, string) string { return "" }})
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) })))
	a := wiretest.Send(t, srv)
	srv.Close()
	assert.Equal(t, descriptionOf(404), a.Problem(t)["detail"])
	assert.Nil(t, reported(c), "clients could fill the log with it")
}

func TestNormalizeSkipsARequest(t *testing.T) {
	h := middleware.NormalizeWith(middleware.NormalizeOptions{Skip: func(r *http.Request) bool { return r.URL.Path == "/x" }})(http.NotFoundHandler())
	assert.Equal(t, "404 page not found\n", wiretest.Get(t, "HTTP/1.1", h).Text)
	wiretest.Get(t, "HTTP/1.1", h, func(r *http.Request) { r.URL.Path = "/y" }).Problem(t)
}

// Whatever text an error has, the response is either that text byte for byte, or a
// problem whose detail is the text or the documented description; and never the text
// of a 5xx.
func FuzzNormalizeDetail(f *testing.F) {
	for _, s := range []string{"", "x", "404 page not found", " {}", "[", "<html>", "\x1f\x8b", "a\x00b", strings.Repeat("é", 600)} {
		f.Add(s, 404, true)
		f.Add(s, 500, false)
	}
	f.Fuzz(func(t *testing.T, text string, code int, typed bool) {
		if code < 400 || code > 599 {
			return
		}
		rec := httptest.NewRecorder()
		normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if typed {
				http.Error(w, text, code)
				return
			}
			w.WriteHeader(code)
			io.WriteString(w, text)
		})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if rec.Code != code {
			t.Fatalf("status %d, want %d", rec.Code, code)
		}
		body := rec.Body.Bytes()
		if bytes.Equal(bytes.TrimSpace(body), []byte(strings.TrimSpace(text))) && rec.Header().Get("Content-Type") != "application/problem+json" {
			return
		}
		doc := wiretest.Response{Response: rec.Result(), Text: string(body)}.Problem(t)
		detail, _ := doc["detail"].(string)
		if code < 500 && detail == strings.TrimSpace(text) || detail == descriptionOf(code) {
			return
		}
		t.Fatalf("detail %q of text %q", detail, text)
	})
}
