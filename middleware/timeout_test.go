package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soon is a time that is over at once, and never one that is not.
const soon, never = time.Nanosecond, time.Hour

func TestTimeoutSends503AsAProblem(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for name, mw := range map[string]func(http.Handler) http.Handler{"alone": middleware.Chain(), "inside Normalize": normalize} {
			errs := make(chan error, 1)
			a := wiretest.Get(t, protocol, mw(middleware.Timeout(soon)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Own", "1")
				<-r.Context().Done()
				for { // until the time is over for the writer, too
					if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
						_, err = io.WriteString(w, "late")
						errs <- err
						return
					}
				}
			}))))
			assert.Equal(t, 503, a.StatusCode, name)
			assert.Equal(t, "The server did not finish its response in time. Try again later.", a.Problem(t)["detail"])
			assert.Empty(t, a.Header.Get("X-Own"), "the header is not the handler's")
			assert.ErrorIs(t, <-errs, http.ErrHandlerTimeout)
		}
	}
}

// An error that Normalize holds has not begun, and leaves nothing to the 503.
func TestTimeoutSendsNoFieldOfAHeldError(t *testing.T) {
	outer := tag("outer")
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for why, begin := range map[string]func(http.ResponseWriter){
		"a hint": func(w http.ResponseWriter) { w.WriteHeader(103) },
		"an empty file": func(w http.ResponseWriter) {
			if f, err := os.Open(empty); err == nil {
				io.Copy(w, f)
				f.Close()
			}
		},
		"an error":                   func(w http.ResponseWriter) { w.WriteHeader(404) },
		"the first error":            func(w http.ResponseWriter) { w.WriteHeader(400) },
		"a text":                     func(w http.ResponseWriter) { http.Error(w, "no such order", 404) },
		"a code that is none":        func(w http.ResponseWriter) { w.WriteHeader(600) },
		"a 101":                      func(w http.ResponseWriter) { w.WriteHeader(101) },
		"an error and one more call": func(w http.ResponseWriter) { w.WriteHeader(404); w.WriteHeader(500) },
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			timeout := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})
			p := serve(t, normalizeQuietly(outer(timeout(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Header().Set("X-Own", "1")
				begin(w)
				<-r.Context().Done()
			})))))
			res := problemFrom(t, p.client(t, protocol), why)
			assert.Equal(t, 503, res.StatusCode, why)
			assert.Empty(t, res.Header.Get("Content-Encoding")+res.Header.Get("X-Own"), why)
			assert.NotEmpty(t, res.Header.Get("Via"), why)
		})
	}
}

// problemFrom returns the response that a client gets, which has to be a problem.
func problemFrom(t *testing.T, client *http.Client, where string) wiretest.Response {
	t.Helper()
	got, err := client.Get("http://a/x")
	require.NoError(t, err, where)
	body, err := io.ReadAll(got.Body)
	require.NoError(t, err, where)
	require.NoError(t, got.Body.Close())
	res := wiretest.Response{Response: got, Text: string(body)}
	res.Problem(t)
	return res
}

func TestTimeoutLeavesATimelyResponseAlone(t *testing.T) {
	outer := tag("outer")
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, protocol := range wiretest.Protocols {
		for why, h := range map[string]http.HandlerFunc{
			"nothing":                           func(w http.ResponseWriter, r *http.Request) {},
			"a header":                          func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Own", "1") },
			"without a field of an outer layer": func(w http.ResponseWriter, r *http.Request) { w.Header().Del("Via") },
			"an error":                          func(w http.ResponseWriter, r *http.Request) { http.Error(w, "denied", 403) },
			"a body":                            func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") },
			"a flushed body and a trailer": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-Sum")
				io.WriteString(w, "abc")
				w.(http.Flusher).Flush()
				io.Copy(w, source(1000))
				w.Header().Set("X-Sum", "17")
			},
			"a hint": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(103)
				w.Header().Del("Link")
				w.WriteHeader(404)
			},
			"a hint, then a header": func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(103)
				w.Header().Set("X-Own", "1")
			},
			"an empty file, then a header": func(w http.ResponseWriter, r *http.Request) {
				if f, err := os.Open(empty); err == nil {
					io.Copy(w, f)
					f.Close()
				}
				w.Header().Set("X-Own", "1")
			},
		} {
			raw, got := wiretest.Get(t, protocol, outer(h)), wiretest.Get(t, protocol, outer(middleware.Timeout(never)(h)))
			raw.Header.Del("Date")
			got.Header.Del("Date")
			assert.Equal(t, raw.Header, got.Header, why)
			assert.Equal(t, raw.Trailer, got.Trailer, why)
			assert.Equal(t, raw.StatusCode, got.StatusCode, why)
			assert.Equal(t, raw.Text, got.Text, why)
		}
	}
}

func TestTimeoutCutsAResponseThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, r := recorder()
		capture, got := results()
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
			capture(normalize(middleware.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "abc")
				time.Sleep(time.Hour)
				_, err := io.WriteString(w, "late")
				assert.ErrorIs(t, err, http.ErrHandlerTimeout)
				assert.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrHandlerTimeout)
				_, _, err = http.NewResponseController(w).Hijack()
				assert.ErrorIs(t, err, http.ErrNotSupported, "a recorder has no connection")
				w.WriteHeader(500)
			})))).ServeHTTP(rec, r)
		})
		assert.Equal(t, "abc", rec.Body.String())
		res := <-got
		assert.True(t, res.Aborted)
		assert.Equal(t, 200, res.Status)
		time.Sleep(2 * time.Hour) // until the handler has tried
	})
}

func TestTimeoutIsNotAContextThatEnded(t *testing.T) {
	for _, wait := range []time.Duration{time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			rec, r := recorder()
			ctx, cancel := context.WithCancel(t.Context())
			start := time.Now()
			middleware.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
				assert.ErrorIs(t, r.Context().Err(), context.Canceled)
				time.Sleep(wait)
				io.WriteString(w, "all the same")
			})).ServeHTTP(rec, r.WithContext(ctx))
			if wait < time.Minute {
				assert.Equal(t, "all the same", rec.Body.String())
			} else {
				assert.Equal(t, 503, rec.Code)
				assert.Equal(t, time.Minute, time.Since(start))
			}
			time.Sleep(wait)
		})
	}
}

func TestTimeoutSendsFieldsOfAHintOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, r := recorder()
		tag("outer")(middleware.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			<-r.Context().Done()
		}))).ServeHTTP(&interimOnly{rec}, r)
		synctest.Wait()
		assert.Equal(t, 503, rec.Code)
		assert.Empty(t, rec.Header().Get("Link"))
		assert.Equal(t, "outer", rec.Header().Get("Via"))
	})
}

func TestTimeoutForwardsAPanicWithItsStack(t *testing.T) {
	cause := errors.New("pq")
	n, c := reports(middleware.NormalizeOptions{})
	srv := wiretest.Start(t, "HTTP/1.1", middleware.NormalizeWith(n)(middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(cause) }))))
	a := wiretest.Send(t, srv)
	srv.Close()
	a.Problem(t)
	rep := reported(c)
	assert.Equal(t, cause, rep.Panic)
	assert.Contains(t, string(rep.Stack), "timeout_test.go")

	a = wiretest.Get(t, "HTTP/1.1", normalize(middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))))
	assert.Error(t, a.Err)
}

func TestTimeoutLeavesAHijackedConnectionAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		_, r := recorder()
		base := &hijackable{fullWriter{http.Header{}}, ours}
		start, served := time.Now(), make(chan time.Duration, 1)
		go func() {
			middleware.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				assert.NoError(t, err)
				time.Sleep(time.Hour)
				io.WriteString(conn, "own protocol")
				conn.Close()
			})).ServeHTTP(base, r)
			served <- time.Since(start)
		}()
		got, err := io.ReadAll(theirs)
		assert.NoError(t, err)
		assert.Equal(t, "own protocol", string(got))
		assert.Equal(t, time.Hour, <-served, "the server waits for the handler")
		assert.Empty(t, base.header, "and writes no 503")
	})
}

type hijackable struct {
	fullWriter
	conn net.Conn
}

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.conn, nil, nil }

func TestTimeoutPanicsIfTheLimitIsNotPositive(t *testing.T) {
	assert.PanicsWithValue(t, "middleware: Timeout: 0s is not positive", func() { middleware.Timeout(0) })
	assert.PanicsWithValue(t, "middleware: Timeout: the handler is nil", func() { middleware.Timeout(1)(nil) })
}

// buffering is a foreign layer that hands on what it has when the handler returns.
func buffering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &buffer{ResponseWriter: w, code: 200}
		defer func() {
			w.Header().Set("X-Buffered", "1")
			w.WriteHeader(b.code)
			w.Write(b.body)
		}()
		next.ServeHTTP(b, r)
	})
}

type buffer struct {
	http.ResponseWriter
	code int
	body []byte
}

func (b *buffer) WriteHeader(code int)        { b.code = code }
func (b *buffer) Write(p []byte) (int, error) { b.body = append(b.body, p...); return len(p), nil }
func (b *buffer) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// The layer has what the handler wrote, and the client has nothing yet.
func TestTimeoutRespondsPastALayerThatHasMore(t *testing.T) {
	held := map[string]http.HandlerFunc{
		"an error":         func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		"http.Error":       func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such order", 404) },
		"a text":           func(w http.ResponseWriter, r *http.Request) { http.Error(w, "secret", 500) },
		"a bad code":       func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(600) },
		"an error, copied": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502); io.Copy(w, source(100)) },
	}
	buffered := map[string]http.HandlerFunc{
		"a success": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") },
		"a status":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201) },
		"a problem": func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 403) },
	}
	maps.Copy(buffered, held)
	foreign := []layer{{"a wrapper", plainWrapper}, {"two", func(h http.Handler) http.Handler { return plainWrapper(plainWrapper(h)) }},
		{"one and a layer", func(h http.Handler) http.Handler { return plainWrapper(middleware.RequestID(plainWrapper(h))) }},
		compressors()[1], compressors()[3], {"a buffer", buffering}}
	for _, f := range foreign {
		rows := held
		if f.name == "a buffer" {
			rows = buffered
		}
		for why, begin := range rows {
			where := f.name + ": " + why
			inBubble(t, func(t *testing.T, protocol string) {
				timeout := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})
				capture, got := results()
				p := serve(t, capture(normalizeQuietly(tag("outer")(f.wrap(timeout(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Own", "1")
					begin(w, r)
					<-r.Context().Done()
				})))))))
				res := problemFrom(t, p.client(t, protocol), where)
				assert.Equal(t, 503, res.StatusCode, where)
				assert.Empty(t, res.Header.Get("Content-Encoding")+res.Header.Get("X-Own")+res.Header.Get("X-Buffered"), where)
				assert.NotEmpty(t, res.Header.Get("Via"), where)
				result := <-got
				assert.Equal(t, 503, result.Status, where)
				assert.Equal(t, 503, result.Problem.Status, where)
				assert.EqualValues(t, len(res.Text), result.Bytes, where)
				assert.False(t, result.Aborted, where)
				assert.Zero(t, result.Superfluous, where)
				p.client(t, protocol).CloseIdleConnections()
			})
		}
	}
}

// As above, but HEAD, whose response has no body that would show it.
func TestTimeoutRespondsToHEADPastALayer(t *testing.T) {
	for _, f := range []layer{{"a wrapper", plainWrapper}, compressors()[3], {"a buffer", buffering}} {
		inBubble(t, func(t *testing.T, protocol string) {
			p := serve(t, normalizeQuietly(f.wrap(middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "no such order", 404)
				<-r.Context().Done()
			})))))
			res, err := p.client(t, protocol).Head("http://a/x")
			require.NoError(t, err, f.name)
			assert.Equal(t, 503, res.StatusCode, f.name)
			assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), f.name)
			assert.Empty(t, res.Header.Get("Content-Encoding"), f.name)
			p.client(t, protocol).CloseIdleConnections()
		})
	}
}

// A handler that ends within the tenth of a second has its own response sent.
func TestABufferedResponseMayBeALittleLate(t *testing.T) {
	for _, wait := range []time.Duration{grace - time.Millisecond, grace + time.Millisecond} {
		inBubble(t, func(t *testing.T, protocol string) {
			p := serve(t, normalizeQuietly(buffering(middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "abc")
				time.Sleep(time.Second + wait)
			})))))
			res, err := p.client(t, protocol).Get("http://a/x")
			require.NoError(t, err)
			_, err = io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			if wait < grace {
				assert.Equal(t, 200, res.StatusCode)
			} else {
				assert.Equal(t, 503, res.StatusCode)
			}
			p.client(t, protocol).CloseIdleConnections()
		})
	}
}

// grace is how much longer a response that has begun may take.
const grace = 100 * time.Millisecond

// There is nothing to cut in a response of the declared length, or in one without a
// body, and the connection goes on.
func TestTimeoutLeavesAWholeResponseAlone(t *testing.T) {
	for why, row := range map[string]struct {
		code int
		call func(http.ResponseWriter)
		head bool
	}{
		"a problem":         {409, func(w http.ResponseWriter) { respond.Error(w, 409) }, false},
		"a document":        {200, func(w http.ResponseWriter) { respond.JSON(w, 200, "abc") }, false},
		"a declared length": {200, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "3"); io.WriteString(w, "abc") }, false},
		"one that is sent": {200, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
		}, false},
		"an error that is sent": {404, func(w http.ResponseWriter) { http.Error(w, "no", 404); w.(http.Flusher).Flush() }, false},
		"no content":            {204, func(w http.ResponseWriter) { w.WriteHeader(204) }, false},
		"not modified":          {304, func(w http.ResponseWriter) { w.WriteHeader(304) }, false},
		"HEAD":                  {200, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "3"); w.WriteHeader(200) }, true},
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			capture, got := results()
			timeout := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})
			p := serve(t, capture(normalizeQuietly(timeout(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				row.call(w)
				<-r.Context().Done()
				_, err := io.WriteString(w, "late")
				assert.ErrorIs(t, err, http.ErrHandlerTimeout, why)
			})))))
			client := p.client(t, protocol)
			reused := false
			trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
			for i := range 2 {
				r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), map[bool]string{false: "GET", true: "HEAD"}[row.head], "http://a/x", nil)
				require.NoError(t, err)
				res, err := client.Do(r)
				require.NoError(t, err, why)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err, why)
				require.NoError(t, res.Body.Close())
				assert.Equal(t, row.code, res.StatusCode, why)
				result := <-got
				assert.False(t, result.Aborted, why)
				assert.Equal(t, row.code, result.Status, why)
				assert.EqualValues(t, len(body), result.Bytes, why)
				assert.Equal(t, i == 1, reused, why)
			}
			client.CloseIdleConnections()
		})
	}
}

// What is declared and not written, or not declared at all, is cut.
func TestTimeoutCutsWhatIsNotWhole(t *testing.T) {
	for why, call := range map[string]func(http.ResponseWriter){
		"a part":             func(w http.ResponseWriter) { w.Header().Set("Content-Length", "4"); io.WriteString(w, "abc") },
		"a length too late":  func(w http.ResponseWriter) { io.WriteString(w, "abc"); w.Header().Set("Content-Length", "3") },
		"no declared length": func(w http.ResponseWriter) { io.WriteString(w, "abc"); w.(http.Flusher).Flush() },
		"trailers to come": func(w http.ResponseWriter) {
			w.Header().Set("Trailer", "X-Sum")
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
		},
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			capture, got := results()
			p := serve(t, capture(middleware.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				call(w)
				<-r.Context().Done()
			}))))
			client := p.client(t, protocol)
			res, err := client.Get("http://a/x")
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if why != "trailers to come" || protocol == "HTTP/2" { // HTTP/1 has none after a declared length
				assert.Error(t, err, why)
			}
			assert.True(t, (<-got).Aborted, why)
			client.CloseIdleConnections()
		})
	}
}

// The inner Timeout does not know the layers around the where one.
func TestTimeoutInTimeoutRespondsPastALayer(t *testing.T) {
	timeout := func(d time.Duration) func(http.Handler) http.Handler {
		return middleware.TimeoutWith(middleware.TimeoutOptions{Limit: d, Logger: quiet})
	}
	limit := timeout(time.Second)
	for where, layers := range map[string]func(http.Handler) http.Handler{
		"outside, at once":     middleware.Chain(buffering, limit, limit),
		"outside, earlier":     middleware.Chain(buffering, timeout(time.Minute), limit),
		"in between":           middleware.Chain(timeout(time.Minute), buffering, limit),
		"outside and between":  middleware.Chain(buffering, timeout(time.Minute), buffering, limit),
		"outside of all three": middleware.Chain(buffering, timeout(time.Hour), timeout(time.Minute), limit),
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			capture, got := results()
			p := serve(t, capture(normalizeQuietly(layers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Own", "1")
				io.WriteString(w, "abc")
				<-r.Context().Done()
			})))))
			client := p.client(t, protocol)
			res := problemFrom(t, client, where)
			assert.Equal(t, 503, res.StatusCode, where)
			assert.Empty(t, res.Header.Get("X-Own"), where)
			result := <-got
			assert.Equal(t, 503, result.Status, where)
			assert.False(t, result.Aborted, where)
			client.CloseIdleConnections()
		})
	}
}

// HTTP/2 would send both, and the client would take the 503 for a broken one.
func TestNothingFollowsThe503OfATimeout(t *testing.T) {
	footer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(unwrapping{w}, r)
			io.WriteString(w, "<footer/>")
		})
	}
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		timeout := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})
		p := serve(t, capture(footer(timeout(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))))
		client := p.client(t, protocol)
		res := problemFrom(t, client, "")
		result := <-got
		assert.EqualValues(t, len(res.Text), result.Bytes)
		assert.NoError(t, result.WriteErr)
		client.CloseIdleConnections()
	})
}

// Net/http reads the rest of a body before it sends a header over HTTP/1.
func TestAStalledUploadDoesNotHoldAResponse(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"flushed before the deadline": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "denied", 403)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"whole at the deadline": func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 403)
			<-r.Context().Done()
		},
		"returned a little late": func(w http.ResponseWriter, _ *http.Request) {
			respond.Error(w, 403)
			time.Sleep(time.Second + grace/2)
		},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				timeout := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})
				conn := serve(t, normalizeQuietly(timeout(h))).Dial()
				defer conn.Close()
				_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
				require.NoError(t, err)
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*time.Second)))
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, 403, res.StatusCode)
				wiretest.Response{Response: res, Text: string(body)}.Problem(t)
			})
		})
	}
}
