package middleware_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// What becomes of an error while Normalize holds it.

// failsOnce is a source that fails after its first bytes, and goes on.
type failsOnce struct {
	first, rest io.Reader
	failed      bool
	with        error
}

func (f *failsOnce) Read(p []byte) (int, error) {
	if n, err := f.first.Read(p); err == nil {
		return n, nil
	}
	if !f.failed {
		f.failed = true
		return 0, f.with
	}
	return f.rest.Read(p)
}

func TestAHeldErrorIsDecidedByItsBody(t *testing.T) {
	const page = "<!DOCTYPE html><html><body>Sorry</body></html>"
	words := strings.Repeat("no such order. ", 40) // more than decides a type
	asHTTPError := func(w http.ResponseWriter, code int) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(code)
	}
	for why, row := range map[string]struct {
		h    http.HandlerFunc
		want string // the body, or the detail of the problem
	}{
		"an empty write, then a page": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			w.Write(nil)
			io.WriteString(w, page)
		}, page},
		"a type, and an empty write": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(404)
			w.Write(nil)
		}, "The server found nothing at this address, or will not disclose that it exists."},
		"a page in single bytes": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			io.Copy(w, iotest.OneByteReader(strings.NewReader(page)))
		}, page},
		"a copied text, as of http.Error": {func(w http.ResponseWriter, r *http.Request) {
			asHTTPError(w, 404)
			io.Copy(w, struct{ io.Reader }{strings.NewReader(words)})
		}, strings.TrimSpace(words)},
		"a source that fails once": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/csv")
			w.WriteHeader(404)
			n, err := io.Copy(w, &failsOnce{first: strings.NewReader("a,b"), rest: strings.NewReader("c,d"), with: errSource})
			assert.ErrorIs(t, err, errSource)
			assert.EqualValues(t, 3, n)
		}, "a,b"},
		"a source that goes on after its end": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/csv")
			w.WriteHeader(404)
			_, err := io.Copy(w, &failsOnce{first: strings.NewReader("a,b"), rest: strings.NewReader("c,d"), with: io.EOF})
			assert.NoError(t, err)
		}, "a,b"},
		"a text that ends with that of the status": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			io.WriteString(w, "order 17: ")
			io.WriteString(w, "Not Found")
		}, "order 17: Not Found"},
		"an invalid code, then the largest": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(0)
			http.Error(w, "out of tea", 599)
		}, "The server met a condition it did not expect and could not fulfil the request."},
		"an invalid code, an empty write, another code": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(0)
			w.Write(nil)
			http.Error(w, "taken", 409)
		}, "taken"},
	} {
		for _, protocol := range wiretest.Protocols {
			if protocol == wiretest.HTTP2 && why == "a page in single bytes" {
				continue // it has no ReadFrom
			}
			a := wiretest.Get(t, protocol, normalize(row.h))
			require.NoError(t, a.Err, why)
			if a.Header.Get("Content-Type") == "application/problem+json" && row.want != page {
				assert.Equal(t, row.want, a.Problem(t)["detail"], "%s: %s", protocol, why)
			} else {
				assert.Equal(t, row.want, a.Text, "%s: %s", protocol, why)
			}
			if strings.HasSuffix(why, "the largest") {
				assert.Equal(t, 599, a.StatusCode)
			}
		}
	}
}

func TestACopyThatCannotBeSentFails(t *testing.T) {
	for _, size := range []int{100, 512, 5000} {
		_, r := recorder()
		normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/csv")
			w.WriteHeader(404)
			_, err := io.Copy(w, source(size))
			assert.ErrorIs(t, err, errBroken, "%d", size)
		})).ServeHTTP(&brokenWriter{fullWriter{http.Header{}}}, r)
	}
}

// A flush sends what is complete at once, and waits for the rest of a text.
func TestAFlushSendsACompleteErrorAtOnce(t *testing.T) {
	for why, row := range map[string]struct {
		begin func(http.ResponseWriter)
		sent  bool
	}{
		"a text of the declared length": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "4")
			w.WriteHeader(404)
			io.WriteString(w, "gone")
		}, true},
		"a part of it": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(404)
			io.WriteString(w, "gone")
		}, false},
		"a text of no length": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(404)
		}, true},
		"a length that is none, and a text": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "many")
			w.WriteHeader(404)
			io.WriteString(w, "gone")
		}, true},
		"no text": {func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain"); w.WriteHeader(404) }, false},
		"two statuses": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(404)
			w.WriteHeader(500)
		}, true},
		"http.Error": {func(w http.ResponseWriter) { http.Error(w, "gone", 404) }, true},
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			begun := time.Now()
			p := serve(t, normalizeQuietly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				begin := row.begin
				begin(w)
				assert.NoError(t, http.NewResponseController(w).Flush(), why)
				time.Sleep(time.Minute)
			})))
			res, err := p.client(t, protocol).Get("http://a/x")
			require.NoError(t, err, why)
			assert.Equal(t, 404, res.StatusCode, why)
			assert.Equal(t, row.sent, time.Since(begun) == 0, "%s: %s", protocol, why)
			time.Sleep(time.Hour)
			res.Body.Close()
		})
	}
}

// What comes after an error that was flushed is accepted, and dropped.
func TestBytesAfterAFlushedErrorAreDropped(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		n, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, protocol, middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "denied", 403)
			w.(http.Flusher).Flush()
			k, err := io.WriteString(w, "secret")
			assert.NoError(t, err)
			assert.Equal(t, 6, k)
		})))
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Equal(t, "denied", a.Problem(t)["detail"])
		assert.EqualValues(t, 6, reported(c).Dropped)
	}
}

func TestATextBeyondTheBoundIsReported(t *testing.T) {
	for why, parts := range map[string][]string{"at once": {strings.Repeat("s", 1500)}, "in parts": {strings.Repeat("s", 500), strings.Repeat("t", 1000)}, "and more": {strings.Repeat("s", 1200), strings.Repeat("t", 300)}} {
		n, c := reports(middleware.NormalizeOptions{MaxText: 1000})
		srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			for _, part := range parts {
				io.WriteString(w, part)
			}
		})))
		a := wiretest.Send(t, srv)
		srv.Close()
		a.Problem(t)
		rep := reported(c)
		assert.EqualValues(t, 1500, rep.Dropped, why)
		assert.True(t, strings.HasPrefix(rep.Withheld, "sss"), why)
	}
}

// Hijack sends the header of a held error, and none of its text.
func TestAHijackSendsNoTextOfAnError(t *testing.T) {
	for why, row := range map[string]struct {
		fail func(http.ResponseWriter)
		want int
	}{
		"a 5xx":            {func(w http.ResponseWriter) { http.Error(w, "pq: password", 500) }, 500},
		"a long 5xx":       {func(w http.ResponseWriter) { http.Error(w, strings.Repeat("pq: password ", 300), 500) }, 500},
		"a canned text":    {func(w http.ResponseWriter) { http.Error(w, "Not Found", 404) }, 404},
		"an invalid code":  {func(w http.ResponseWriter) { w.WriteHeader(600) }, 500},
		"and a text of it": {func(w http.ResponseWriter) { w.WriteHeader(600); io.WriteString(w, "pq: password") }, 500},
	} {
		out := wiretest.Raw(t, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			row.fail(w)
			conn, _, err := w.(http.Hijacker).Hijack()
			if assert.NoError(t, err, why) {
				io.WriteString(conn, "own protocol")
				conn.Close()
			}
		})), wiretest.RawRequest("GET /"))
		assert.Equal(t, []int{row.want}, wiretest.StatusCodes(out), why)
		_, body, _ := strings.Cut(out, "\r\n\r\n")
		assert.Equal(t, "own protocol", body, why)
	}
}

func TestOnlyTheFirstInvalidCodeIsCorrectable(t *testing.T) {
	for _, second := range []int{0, 99, 600, 1000} {
		n, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(77)
			w.WriteHeader(second)
		})))
		a := wiretest.Send(t, srv)
		srv.Close()
		assert.Equal(t, 500, a.StatusCode)
		rep := reported(c)
		assert.Equal(t, 77, rep.Invalid.Code)
		if assert.Len(t, rep.Superfluous, 1) {
			assert.Equal(t, second, rep.Superfluous[0].Code)
		}
	}
}

// Http.FileServer deletes the Content-Encoding of a compressor outside, which
// compresses the problem all the same.
func TestAProblemHasTheEncodingOfTheLayersOutside(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"deleted": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Content-Encoding")
			http.Error(w, "x", 404)
		},
		"deleted, and JSON": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Content-Encoding")
			http.Error(w, `{"a":1}`, 400)
		},
		"changed": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.WriteHeader(404)
		},
		"panic": func(w http.ResponseWriter, r *http.Request) { w.Header().Del("Content-Encoding"); panic("x") },
	} {
		for _, protocol := range wiretest.Protocols {
			outside := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Encoding", "gzip")
					next.ServeHTTP(w, r)
				})
			}
			for where, wrap := range map[string]func(http.Handler) http.Handler{
				"alone": normalizeQuietly, "inside Capture": middleware.Chain(middleware.Capture(nothing), outside, normalizeQuietly),
				"around Timeout": middleware.Chain(normalizeQuietly, middleware.Timeout(never)),
				"twice":          middleware.Chain(normalizeQuietly, normalizeQuietly),
			} {
				a := wiretest.Get(t, protocol, outside(wrap(h)), wiretest.Field("Accept-Encoding", "gzip"))
				assert.Equal(t, []string{"gzip"}, a.Header["Content-Encoding"], "%s %s: %s", protocol, where, why)
			}
		}
	}
}

func TestTheStackIsThatOfTheLastPanic(t *testing.T) {
	for name, l := range map[string]func(http.Handler) http.Handler{"here": middleware.Chain(), "in Timeout": middleware.Timeout(never)} {
		n, c := reports(middleware.NormalizeOptions{})
		srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(l(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			defer panicAgain()
			panic("first")
		}))))
		wiretest.Send(t, srv).Problem(t)
		srv.Close()
		rep := reported(c)
		assert.Equal(t, "second", rep.Panic, name)
		assert.True(t, strings.HasPrefix(string(rep.Stack), "panic("), name)
		assert.Contains(t, string(rep.Stack), "panicAgain", name)
		assert.LessOrEqual(t, len(rep.Stack), 16<<10, name)
	}
}

func panicAgain() { panicDeep(500) }

func panicDeep(frames int) {
	if frames == 0 {
		panic("second")
	}
	panicDeep(frames - 1)
}

// A setting that panics for the second of two codes is a 500 like another panic.
func TestASettingMayPanicForACorrectedCode(t *testing.T) {
	n := middleware.NormalizeOptions{Logger: quiet, Replace: func(*http.Request, int, http.Header) middleware.Replacement { panic("x") }}
	a := wiretest.Get(t, "HTTP/1.1", middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(0)
		http.Error(w, "taken", 409)
	})))
	a.Problem(t)
	assert.Equal(t, 500, a.StatusCode)
}

// What a handler does to the header after WriteHeader is not part of an error.
func TestAHeldErrorHasTheHeaderOfItsStatus(t *testing.T) {
	for why, late := range map[string]func(http.Header){
		"another field in place of one": func(h http.Header) { h.Del("X-A"); h.Set("X-Late", "1") },
		"another value":                 func(h http.Header) { h.Set("X-A", "2") },
		"one more value":                func(h http.Header) { h["X-A"] = append(h["X-A"], "2") },
		"no value":                      func(h http.Header) { h["X-A"] = nil },
		"a field in place of an empty":  func(h http.Header) { delete(h, "X-Empty"); h.Set("X-Late", "1") },
	} {
		for _, protocol := range wiretest.Protocols {
			a := wiretest.Get(t, protocol, normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["X-A"] = append(make([]string, 0, 2), "1")
				w.Header()["X-Empty"] = nil
				w.WriteHeader(404)
				late(w.Header())
			})))
			assert.Equal(t, []string{"1"}, a.Header["X-A"], "%s: %s", protocol, why)
			assert.NotContains(t, a.Header, "X-Late", "%s: %s", protocol, why)
		}
	}
}

// A layer of another toolkit may recover a panic. What its client receives then is
// a response like others.
func TestAForeignRecoveryIsNoAbortedResponse(t *testing.T) {
	for why, row := range map[string]struct {
		fail, recovered func(http.ResponseWriter)
		want            int
	}{
		"a response to it":   {func(http.ResponseWriter) {}, func(w http.ResponseWriter) { w.WriteHeader(500); io.WriteString(w, "sorry") }, 500},
		"an error before it": {func(w http.ResponseWriter) { http.Error(w, "no such order", 404) }, func(http.ResponseWriter) {}, 404},
		"nothing at all":     {func(http.ResponseWriter) {}, func(http.ResponseWriter) {}, 200},
	} {
		foreign := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if recover() != nil {
						row.recovered(w)
					}
				}()
				next.ServeHTTP(w, r)
			})
		}
		fails := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { row.fail(w); panic("x") })
		for name, l := range map[string]func(http.Handler) http.Handler{
			"nothing": middleware.Chain(), "Timeout": middleware.Timeout(never), "Capture": middleware.Capture(nothing),
			"AccessLog": middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet}),
		} {
			for outside, outer := range map[string]func(http.Handler) http.Handler{"nothing": middleware.Chain(), "Normalize": normalizeQuietly, "Recover": recovers} {
				for _, protocol := range wiretest.Protocols {
					capture, got := results()
					a := wiretest.Get(t, protocol, capture(outer(foreign(l(fails)))))
					where := protocol + ": " + why + " around " + name + " inside " + outside
					assert.NoError(t, a.Err, where)
					assert.Equal(t, row.want, a.StatusCode, where)
					assert.Equal(t, outside == "Normalize" && row.want >= 400, strings.Contains(a.Text, `"status":`), where)
					res := <-got
					assert.Equal(t, row.want, res.Status, where)
					assert.EqualValues(t, len(a.Text), res.Bytes, where)
					assert.False(t, res.Aborted, where)
				}
			}
		}
	}
}

// A body beyond its limit ends the connection, although the response had begun.
func TestABodyBeyondItsLimitEndsTheConnection(t *testing.T) {
	request := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" + strings.Repeat("x", 20) + "\r\n0\r\n\r\n" + wiretest.RawRequest("GET /second")
	wrapped := layer{"wrappers, Timeout", middleware.Chain(plainWrapper, middleware.Timeout(never), plainWrapper)}
	for _, l := range append(append(stacks(), around()...), wrapped) {
		for where, wrap := range map[string]func(http.Handler) http.Handler{
			"inside":  func(h http.Handler) http.Handler { return l.wrap(middleware.MaxBytes(10)(h)) },
			"outside": func(h http.Handler) http.Handler { return middleware.MaxBytes(10)(l.wrap(h)) },
		} {
			out := wiretest.Raw(t, wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "begun")
				_, err := io.ReadAll(r.Body)
				if r.Method == "POST" {
					var tooLong *http.MaxBytesError
					assert.True(t, errors.As(err, &tooLong))
				}
			})), request)
			assert.Equal(t, []int{200}, wiretest.StatusCodes(out), "%s %s", where, l.name)
		}
	}
}

// A hint that the client does not read is cut off with all that follows.
func TestAHintThatBlocksIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		capture, got := results()
		begun := time.Now()
		p := serve(t, capture(normalizeQuietly(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
		})))))
		conn := p.Dial()
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		assert.True(t, (<-got).Aborted)
		assert.Equal(t, time.Second+2*grace, time.Since(begun), "once for the call, once for the hint")
		out, _ := io.ReadAll(bufio.NewReader(conn))
		assert.Empty(t, string(out))
	})
}

// writesCounted counts the calls of Write: to a compressor, each begins a body.
type writesCounted struct {
	unwrapping
	writes *int
}

func (w writesCounted) Write(p []byte) (int, error) {
	*w.writes++
	return w.ResponseWriter.Write(p)
}

// An error whose header is flushed has no body before the handler writes one.
func TestAHeaderThatPassesBeginsNoBody(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		writes := 0
		h := normalizeQuietly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(500)
			http.NewResponseController(w).Flush()
			assert.Zero(t, writes, protocol)
		}))
		a := wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(writesCounted{unwrapping{w}, &writes}, r)
		}))
		assert.Equal(t, 500, a.StatusCode, protocol)
	}
}
