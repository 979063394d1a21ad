package middleware_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// What passes between a handler inside Timeout and the layers around it.

// A goroutine that a handler leaves behind adds nothing to its response, although
// layers outside are at work.
func TestAGoroutineOutlivesNoHandler(t *testing.T) {
	calls := begins(t)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	calls["a write, and an empty file"] = func(w http.ResponseWriter) {
		io.WriteString(w, "a")
		if f, err := os.Open(empty); err == nil {
			io.Copy(w, f)
			f.Close()
		}
	}
	calls["a copy that is refused"] = func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "0")
		_, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("a")})
		assert.ErrorIs(t, err, http.ErrContentLength)
	}
	calls["a switch of protocols"] = func(w http.ResponseWriter) { w.WriteHeader(101) }
	calls["a write, and a deadline"] = func(w http.ResponseWriter) {
		io.WriteString(w, "a")
		http.NewResponseController(w).SetWriteDeadline(time.Time{})
	}
	const failing = "a write, and a flush that fails"
	calls[failing] = func(w http.ResponseWriter) {
		io.WriteString(w, "a")
		assert.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
	}
	for why, begin := range calls {
		synctest.Test(t, func(t *testing.T) {
			late, done := make(chan struct{}), make(chan error)
			waits := after(func(http.ResponseWriter, *http.Request) {
				close(late)
				assert.ErrorIs(t, <-done, http.ErrHandlerTimeout, why)
			})
			base := middleware.Chain()
			if why == failing {
				base = func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(flushless{w}, r) })
				}
			}
			p := serve(t, middleware.Chain(base, middleware.Capture(nothing), waits, briefly)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				begin(w)
				go func() {
					<-late
					_, err := io.WriteString(w, "overdue")
					done <- err
				}()
			})))
			conn := p.Dial()
			defer conn.Close()
			go io.WriteString(conn, wiretest.RawRequest("GET /"))
			out, err := io.ReadAll(conn)
			assert.NoError(t, err)
			assert.NotContains(t, string(out), "overdue", why)
		})
	}
}

// The same for an error that a layer outside of the Timeout holds.
func TestAGoroutineFreezesNoHeldError(t *testing.T) {
	late, done, begun := make(chan struct{}), make(chan struct{}), make(chan struct{})
	explains := after(func(w http.ResponseWriter, _ *http.Request) {
		close(late)
		<-done
		io.WriteString(w, "no such order")
	})
	left := middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		close(begun)
		<-late
		w.WriteHeader(500)
		close(done)
	}))
	a := wiretest.Get(t, "HTTP/1.1", normalizeQuietly(explains(middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		go left.ServeHTTP(w, r)
		<-begun
	})))))
	assert.Equal(t, "no such order", a.Problem(t)["detail"])
}

// What a proxy adds to the fields of a limiter does not leave, wherever the Timeout is.
func TestALimitInsideTimeoutIsSentOnce(t *testing.T) {
	limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerMinute(77), Key: ratelimit.Everyone})
	calls := begins(t)
	calls["nothing"] = func(http.ResponseWriter) {}
	calls["a switch of protocols"] = func(w http.ResponseWriter) { w.WriteHeader(101) }
	inFlight := ratelimit.InFlightWith(ratelimit.InFlightOptions{Limit: func() int { return 5 }, Advertise: true})
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"Timeout": middleware.Chain(middleware.Timeout(never), limit), "no other layer": limit,
		"Timeout in a wrapper": middleware.Chain(plainWrapper, middleware.Timeout(never), limit),
		"Timeout, InFlight":    middleware.Chain(middleware.Timeout(never), inFlight),
	} {
		for why, begin := range calls {
			out := wiretest.Raw(t, wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("RateLimit-Policy", "upstream")
				w.Header().Add("RateLimit", "upstream")
				begin(w)
			})), wiretest.RawRequest("GET /"))
			h := headerOf(t, out)
			assert.Len(t, h["Ratelimit"], 1, "%s: %s", name, why)
			assert.Len(t, h["Ratelimit-Policy"], 1, "%s: %s", name, why)
			assert.NotContains(t, out, "upstream", "%s: %s", name, why)
		}
	}
}

// A problem is one in any representation, for a Normalize that replaces bodies, too.
func TestAProblemInsideTimeoutIsNotReplaced(t *testing.T) {
	replaces := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Replace: func(*http.Request, int, http.Header) middleware.Replacement {
		return middleware.ReplaceYes
	}})
	for _, protocol := range wiretest.Protocols {
		a := wiretest.Get(t, protocol, replaces(middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 404, problem.Detail("no such order"))
		}))), wiretest.Field("Accept", "text/html"))
		assert.Contains(t, a.Header.Get("Content-Type"), "text/html", protocol)
		assert.Contains(t, a.Text, "no such order", protocol)
	}
}

// Foreign layers change the request: what the client has sent decides all the same.
func TestTimeoutRemembersTheRequestOnEntry(t *testing.T) {
	rewrites := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
			r.Header.Set("Accept", "text/html")
			next.ServeHTTP(w, r)
		})
	}
	for _, protocol := range wiretest.Protocols {
		capture, got := results()
		a := wiretest.Get(t, protocol, capture(rewrites(middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 404)
		})))), wiretest.Method("HEAD"), wiretest.Field("Accept", "application/json"))
		assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), protocol)
		assert.Zero(t, (<-got).Bytes, protocol)
	}
}

// A request may come without any body from a foreign layer.
func TestTimeoutPassesARequestWithoutABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := briefly(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			assert.Nil(t, r.Body)
			<-r.Context().Done()
		}))
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.Body = nil
			h.ServeHTTP(w, r)
		}))
		res, err := p.client(t, "HTTP/1.1").Get("http://a/")
		require.NoError(t, err)
		defer res.Body.Close()
		assert.Equal(t, 503, res.StatusCode)
		assert.False(t, res.Close, "there is nothing unread")
	})
}

// lateEnd is a body whose end comes just after the deadline.
type lateEnd struct{ io.Reader }

func (b lateEnd) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		time.Sleep(time.Second + grace/2)
	}
	return n, err
}

func TestABodyThatEndsAtTheDeadlineIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan error, 1)
		h := briefly(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			read <- err
			<-r.Context().Done()
		}))
		rec, r := recorder()
		r.Body = io.NopCloser(lateEnd{strings.NewReader("abc")})
		h.ServeHTTP(rec, r)
		assert.NoError(t, <-read)
		assert.Equal(t, 503, rec.Code)
	})
}

// lagging takes a fifth of a second for each status.
type lagging struct{ unwrapping }

func (w lagging) WriteHeader(code int) {
	time.Sleep(2 * grace)
	w.ResponseWriter.WriteHeader(code)
}

// A hint that is in progress at the deadline delays the 503, and a read that nothing
// ends does so once more: neither cuts it.
func TestAHintAndAReadThatHangCutNo503(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		other, end := io.Pipe()
		defer end.Close()
		h := briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			go io.ReadAll(r.Body)
			time.Sleep(time.Second - grace/2)
			w.WriteHeader(103)
			<-r.Context().Done()
		}))
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = other
			h.ServeHTTP(lagging{unwrapping{w}}, r)
		}))
		res, err := p.client(t, protocol).Get("http://a/")
		require.NoError(t, err, protocol)
		res.Body.Close()
		assert.Equal(t, 503, res.StatusCode, protocol)
	})
}

// The Flush of a foreign base is not net/http's, and flushes.
func TestAFlushInsideTimeoutReachesAForeignBase(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		received := make(chan struct{})
		h := middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			<-received
		}))
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct {
				unwrapping
				http.Flusher
			}{unwrapping{w}, w.(http.Flusher)}, r)
		}))
		res, err := p.client(t, protocol).Get("http://a/")
		require.NoError(t, err)
		close(received)
		res.Body.Close()
	})
}

func sleepsAfterOneByte(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "a")
	http.NewResponseController(w).Flush()
	time.Sleep(time.Hour)
}

// lengthless declares no length, as a compressor.
func lengthless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(lengthlessWriter{unwrapping{w}}, r) })
}

type lengthlessWriter struct{ unwrapping }

func (w lengthlessWriter) Write(p []byte) (int, error) {
	w.Header().Del("Content-Length")
	return w.ResponseWriter.Write(p)
}

// A Result inside of Timeouts reports that one of them, or a panic, has cut the response.
func TestAResultInsideTimeoutReportsACut(t *testing.T) {
	slow := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Minute, Logger: quiet})
	for why, row := range map[string]struct {
		wrap   func(http.Handler) http.Handler
		h      http.HandlerFunc
		status int
	}{
		"a panic":                   {slow, func(http.ResponseWriter, *http.Request) { panic("x") }, 0},
		"the outer of two Timeouts": {middleware.Chain(briefly, slow), sleepsAfterOneByte, 200},
		"the inner of two Timeouts": {middleware.Chain(slow, briefly), sleepsAfterOneByte, 200},
		"the outer, whose response has no end yet": {middleware.Chain(briefly, lengthless, slow), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1")
			sleepsAfterOneByte(w, r)
		}, 200},
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			capture, got := results()
			p := serve(t, row.wrap(capture(row.h)))
			if res, err := p.client(t, protocol).Get("http://a/"); err == nil {
				io.ReadAll(res.Body)
				res.Body.Close()
			}
			result := <-got
			assert.True(t, result.Aborted, "%s: %s", protocol, why)
			assert.Equal(t, row.status, result.Status, "%s: %s", protocol, why)
		})
	}
}

// The inner of two Timeouts responds as if it were alone, through the layers between.
func TestTheInnerTimeoutRespondsThroughAllLayers(t *testing.T) {
	for name, outer := range map[string]func(http.Handler) http.Handler{
		"nothing": middleware.Chain(), "Timeout": middleware.Timeout(never), "Normalize, Timeout": middleware.Chain(normalizeQuietly, middleware.Timeout(never)),
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			begun := time.Now()
			p := serve(t, outer(tag("between")(briefly(http.HandlerFunc(waiting)))))
			res, err := p.client(t, protocol).Get("http://a/")
			require.NoError(t, err)
			res.Body.Close()
			assert.Equal(t, 503, res.StatusCode, name)
			assert.Equal(t, "between", res.Header.Get("Via"), name)
			assert.Equal(t, time.Second, time.Since(begun), name)
		})
	}
}

// A client that does not read is cut when the time is over, and the response as well.
func TestAClientThatDoesNotReadIsCutAtOnce(t *testing.T) {
	for name, outer := range map[string]func(http.Handler) http.Handler{"nothing": middleware.Chain(), "Timeout": middleware.Timeout(never)} {
		synctest.Test(t, func(t *testing.T) {
			capture, got := results()
			begun := time.Now()
			p := serve(t, capture(outer(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.NewResponseController(w).Flush()
				w.Write(make([]byte, 1<<20))
			})))))
			conn := p.Dial()
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			_, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil) // and no body
			require.NoError(t, err)
			assert.True(t, (<-got).Aborted, name)
			assert.Equal(t, time.Second+grace, time.Since(begun), name)
		})
	}
}

// A connection that a handler has passed on is read from, whatever the deadline was.
func TestAHijackedConnectionIsReadAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan error, 1)
		p := serve(t, briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, in, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			time.Sleep(time.Second + grace/2)
			go func() {
				defer conn.Close()
				_, err := io.ReadFull(in, make([]byte, 10))
				read <- err
			}()
		})))
		conn := p.Dial()
		defer conn.Close()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
		time.Sleep(time.Minute)
		io.WriteString(conn, "56789")
		assert.NoError(t, <-read)
	})
}

// A response is whole only by the length that was sent.
func TestALengthThatWasTakenBackIsNone(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		p := serve(t, capture(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1")
			w.WriteHeader(103)
			w.Header().Del("Content-Length")
			sleepsAfterOneByte(w, r)
		}))))
		res, err := p.client(t, protocol).Get("http://a/")
		require.NoError(t, err)
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
		assert.Error(t, err, protocol)
		assert.True(t, (<-got).Aborted, protocol)
		time.Sleep(time.Hour)
	})
}

// A status that permits no body is a whole response: its client loses nothing.
func TestAStatusWithoutABodyIsNotCut(t *testing.T) {
	for _, code := range []int{204, 304} {
		for _, l := range around() {
			inBubble(t, func(t *testing.T, protocol string) {
				capture, got := results()
				p := serve(t, capture(l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(code)
					http.NewResponseController(w).Flush()
					time.Sleep(time.Hour)
				}))))
				res, err := p.client(t, protocol).Get("http://a/")
				require.NoError(t, err, "%d inside %s", code, l.name)
				res.Body.Close()
				assert.Equal(t, code, res.StatusCode, l.name)
				assert.False(t, (<-got).Aborted, "%d inside %s", code, l.name)
				time.Sleep(time.Hour)
			})
		}
	}
}

// A response that the inner Timeout gave past a layer is whole, however long that takes.
func TestTheOuterTimeoutDoesNotCutA503(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		outer := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: 2 * time.Second, Logger: quiet})
		lingers := after(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) })
		p := serve(t, capture(outer(lingers(buffering(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "abc")
			waits(r)
		})))))))
		res := problemFrom(t, p.client(t, protocol), protocol)
		assert.Equal(t, 503, res.StatusCode)
		assert.False(t, (<-got).Aborted)
		time.Sleep(time.Hour)
	})
}

// A layer outside that has more to write is not blocked by a client that does not read.
func TestNothingBlocksALayerAfterACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, failed := time.Now(), make(chan error, 1)
		more := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					_, err := w.Write(make([]byte, 1<<20))
					failed <- err
				}()
				next.ServeHTTP(w, r)
			})
		}
		p := serve(t, more(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			waits(r)
		}))))
		conn := p.Dial()
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		_, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
		require.NoError(t, err)
		assert.Error(t, <-failed)
		assert.Equal(t, time.Second+grace, time.Since(begun))
	})
}

// A handler that is a little late leaves the connection as it was.
func TestARequestAfterALittleDelayIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connections := map[string]bool{}
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			connections[r.RemoteAddr+r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()] = true
			assert.NoError(t, r.Context().Err())
			briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "a")
				time.Sleep(time.Second + grace/2)
			})).ServeHTTP(w, r)
			assert.NoError(t, r.Context().Err())
		}))
		client := p.client(t, "HTTP/1.1")
		for range 3 {
			res, err := client.Get("http://a/")
			require.NoError(t, err)
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			assert.Equal(t, 200, res.StatusCode)
		}
	})
}

// What a limiter counts is the response that was sent in the end, as soon as that is known.
func TestALimiterInsideTimeoutCountsThe503(t *testing.T) {
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(slowWriter{w}, r) })
	}
	inBubble(t, func(t *testing.T, protocol string) {
		counted := make(chan int, 1)
		limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.Everyone, CountStatus: func(status int) bool {
			counted <- status
			return true
		}})
		p := serve(t, slow(briefly(limit(http.HandlerFunc(waiting)))))
		res, err := p.client(t, protocol).Get("http://a/x")
		require.NoError(t, err)
		res.Body.Close()
		assert.Equal(t, 503, <-counted)
	})
}

// Two Normalizes, and a Timeout in between, report what went wrong once.
func TestAReportInsideTimeoutIsTheOnlyOne(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"a text":  func(w http.ResponseWriter, r *http.Request) { http.Error(w, "secret", 500) },
		"a panic": func(w http.ResponseWriter, r *http.Request) { panic("secret") },
	} {
		for name, between := range map[string]func(http.Handler) http.Handler{"nothing": middleware.Chain(), "Timeout": middleware.Timeout(never)} {
			log, text := wiretest.NewLogger()
			norm := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: log})
			wiretest.Get(t, "HTTP/1.1", norm(between(norm(h))))
			assert.Equal(t, 1, strings.Count(text.String(), "\n"), "%s, %s: %s", why, name, text)
		}
	}
}
