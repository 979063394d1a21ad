package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

// What a handler inside Timeout may do, and what becomes of it at the deadline.

var briefly = middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})

// after calls then when a handler has returned, with a response that it may add to.
func after(then func(http.ResponseWriter, *http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			then(w, r)
		})
	}
}

// What a late handler calls reaches no layer, although those outside are at work.
func TestALateCallReachesNoLayer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("overdue"), 0o600))
	control := func(do func(*http.ResponseController) error) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, _ *http.Request) error { return do(http.NewResponseController(w)) }
	}
	for why, call := range map[string]func(http.ResponseWriter, *http.Request) error{
		"WriteHeader": func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(201); return http.ErrHandlerTimeout },
		"a hint":      func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(103); return http.ErrHandlerTimeout },
		"Write":       func(w http.ResponseWriter, _ *http.Request) error { _, err := w.Write([]byte("overdue")); return err },
		"WriteString": func(w http.ResponseWriter, _ *http.Request) error { _, err := io.WriteString(w, "overdue"); return err },
		"a copy": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("overdue")})
			return err
		},
		"an empty copy": func(w http.ResponseWriter, _ *http.Request) error {
			if _, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("")}); err != nil {
				return errors.New("there was nothing to refuse")
			}
			return http.ErrHandlerTimeout
		},
		"a file": func(w http.ResponseWriter, _ *http.Request) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		},
		"Flush":            control((*http.ResponseController).Flush),
		"a read deadline":  control(func(c *http.ResponseController) error { return c.SetReadDeadline(time.Unix(1, 0)) }),
		"a write deadline": control(func(c *http.ResponseController) error { return c.SetWriteDeadline(time.Unix(1, 0)) }),
		"full duplex":      control((*http.ResponseController).EnableFullDuplex),
		"a read":           func(_ http.ResponseWriter, r *http.Request) error { _, err := r.Body.Read(make([]byte, 1)); return err },
		"Hijack": func(w http.ResponseWriter, _ *http.Request) error {
			h, ok := w.(http.Hijacker)
			if !ok {
				return http.ErrHandlerTimeout
			}
			_, _, err := h.Hijack()
			return err
		},
		"Push": func(w http.ResponseWriter, _ *http.Request) error {
			p, ok := w.(http.Pusher)
			if !ok {
				return http.ErrHandlerTimeout
			}
			return p.Push("/y", nil)
		},
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			late, done := make(chan struct{}), make(chan error)
			waits := after(func(w http.ResponseWriter, r *http.Request) {
				late <- struct{}{}
				assert.ErrorIs(t, <-done, http.ErrHandlerTimeout, "%s: %s", protocol, why)
			})
			capture, got := results()
			p := serve(t, capture(waits(normalizeQuietly(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-late
				done <- call(w, r)
			}))))))
			req, _ := http.NewRequest("POST", "http://a/x", strings.NewReader("body"))
			res, err := p.client(t, protocol).Do(req)
			require.NoError(t, err, why)
			text, err := io.ReadAll(res.Body)
			require.NoError(t, err, why)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, 503, res.StatusCode, why)
			assert.NotContains(t, string(text), "overdue", why)
			assert.Zero(t, (<-got).Superfluous, why)
		})
	}
}

func TestContextsOfATimeoutEndWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := recorder()
		far, cancel := context.WithTimeout(r.Context(), time.Hour)
		defer cancel()
		near, cancel := context.WithTimeout(r.Context(), time.Second/2)
		defer cancel()
		begun := time.Now()
		for parent, want := range map[context.Context]time.Duration{r.Context(): time.Second, far: time.Second, near: time.Second / 2} {
			rec, _ := recorder()
			briefly(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				at, ok := r.Context().Deadline()
				assert.True(t, ok)
				assert.Equal(t, want, at.Sub(begun))
			})).ServeHTTP(rec, r.WithContext(parent))
		}

		for why, ended := range map[string]bool{"a handler that returns": false, "one that is late": true} {
			var calls []string
			note := func(name string) func() { return func() { calls = append(calls, name) } }
			var inside context.Context
			done, begun := make(chan struct{}), time.Now()
			rec, r := recorder()
			briefly(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				defer close(done)
				inside = r.Context()
				child, cancel := context.WithCancel(inside)
				defer cancel()
				follow := r.Context().(interface {
					AfterFunc(func()) func() bool
				}).AfterFunc
				followed := follow(note("followed"))
				stop := follow(note("stopped"))
				assert.True(t, stop(), why)
				assert.False(t, stop(), why)
				assert.NoError(t, child.Err(), why)
				if !ended {
					return
				}
				<-child.Done()
				synctest.Wait()
				assert.Equal(t, time.Second, time.Since(begun), why)
				assert.ErrorIs(t, child.Err(), context.DeadlineExceeded, why)
				assert.False(t, followed(), why)
				assert.False(t, follow(note("late"))(), why)
			})).ServeHTTP(rec, r)
			<-done
			synctest.Wait()
			assert.Error(t, inside.Err(), why)
			if ended {
				assert.Equal(t, []string{"followed", "late"}, calls, why)
			} else {
				assert.Equal(t, []string{"followed"}, calls, why)
			}
		}
	})
}

func TestTrailersOfARequestReachTheHandler(t *testing.T) {
	for _, l := range append(stacks(), around()...) {
		for _, protocol := range wiretest.Protocols {
			var got string
			h := l.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				got = r.Trailer.Get("X-Sum")
			}))
			wiretest.Get(t, protocol, h, func(r *http.Request) {
				r.Method, r.ContentLength, r.Trailer = "POST", -1, http.Header{"X-Sum": {"17"}}
				r.Body = io.NopCloser(strings.NewReader("body"))
			})
			assert.Equal(t, "17", got, "%s inside %s", protocol, l.name)
		}
	}
}

// A read at the deadline reports it, and one that no deadline ends is not waited for.
func TestAReadEndsAtTheDeadline(t *testing.T) {
	for why, want := range map[string]time.Duration{"net/http's body": time.Second, "another body": time.Second + grace} {
		inBubble(t, func(t *testing.T, protocol string) {
			failed := make(chan error, 1)
			other, end := io.Pipe()
			begun, took := time.Now(), time.Duration(0)
			h := briefly(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				failed <- err
			}))
			p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if why == "another body" {
					r.Body = other
				}
				h.ServeHTTP(w, r)
				took = time.Since(begun)
			}))
			body, stop := stalled("abc")
			defer stop()
			req, _ := http.NewRequest("POST", "http://a/", body)
			res, err := p.client(t, protocol).Do(req)
			require.NoError(t, err, why)
			assert.Equal(t, 503, res.StatusCode, why)
			res.Body.Close()
			assert.Equal(t, want, took, "%s: %s", protocol, why)
			end.CloseWithError(errors.New("the test is over"))
			assert.ErrorIs(t, <-failed, http.ErrHandlerTimeout, "%s: %s", protocol, why)
		})
	}
}

// begins are calls after which a response has begun.
func begins(t *testing.T) map[string]func(http.ResponseWriter) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("file"), 0o600))
	return map[string]func(http.ResponseWriter){
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(202) },
		"Write":       func(w http.ResponseWriter) { w.Write([]byte("a")) },
		"WriteString": func(w http.ResponseWriter) { io.WriteString(w, "a") },
		"a copy":      func(w http.ResponseWriter) { io.Copy(w, struct{ io.Reader }{strings.NewReader("a")}) },
		"Flush":       func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
		"a file": func(w http.ResponseWriter) {
			if f, err := os.Open(name); err == nil {
				io.Copy(w, f)
				f.Close()
			}
		},
		"a part of a file": func(w http.ResponseWriter) {
			if f, err := os.Open(name); err == nil {
				io.CopyN(w, f, 2)
				f.Close()
			}
		},
		"an empty write": func(w http.ResponseWriter) { w.Write(nil) },
	}
}

// What has begun may take a tenth of a second more, and is cut then.
func TestABegunResponseHasALittleMoreTime(t *testing.T) {
	for why, begin := range begins(t) {
		for _, wait := range []time.Duration{grace - time.Millisecond, grace + time.Millisecond} {
			for _, l := range []layer{{"Timeout", briefly}, {"Normalize, Timeout", middleware.Chain(normalizeQuietly, briefly)}} {
				inBubble(t, func(t *testing.T, protocol string) {
					capture, got := results()
					where := fmt.Sprintf("%s: %s inside %s", protocol, why, l.name)
					p := serve(t, capture(l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						begin(w)
						time.Sleep(time.Second + wait)
						io.WriteString(w, "end")
					}))))
					res, err := p.client(t, protocol).Get("http://a/x")
					var body []byte
					if err == nil {
						body, err = io.ReadAll(res.Body)
						res.Body.Close()
					}
					if wait < grace {
						assert.NoError(t, err, where)
						assert.True(t, strings.HasSuffix(string(body), "end"), where)
					} else {
						assert.Error(t, err, where)
						assert.NotContains(t, string(body), `"status"`, where)
					}
					result := <-got
					assert.Equal(t, wait > grace, result.Aborted, where)
					assert.False(t, result.ClientGone, where)
				})
			}
		}
	}
}

// A response may have begun outside of the Timeout, too.
func TestTimeoutCutsWhatAnOuterLayerHasBegun(t *testing.T) {
	for _, l := range []layer{{"nothing", middleware.Chain()}, {"Normalize", normalizeQuietly}, {"a wrapper", plainWrapper}, {"Timeout", middleware.Timeout(never)},
		{"a wrapper, Normalize", middleware.Chain(plainWrapper, normalizeQuietly)}, {"Timeout, a wrapper", middleware.Chain(middleware.Timeout(never), plainWrapper)}} {
		inBubble(t, func(t *testing.T, protocol string) {
			capture, got := results()
			p := serve(t, capture(l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "begun")
				http.NewResponseController(w).Flush()
				briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", "0")
					w.WriteHeader(103)
					<-r.Context().Done()
				})).ServeHTTP(w, r)
			}))))
			res, err := p.client(t, protocol).Get("http://a/x")
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			assert.Error(t, err, l.name)
			assert.Equal(t, "begun", string(body), l.name)
			assert.True(t, (<-got).Aborted, l.name)
		})
	}
}

// A layer may find only when it is called that it cannot flush.
func TestAFlushThatFailsUndoesNoResponse(t *testing.T) {
	for _, written := range []string{"", "abc"} {
		inBubble(t, func(t *testing.T, protocol string) {
			p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Own", "1")
					if written != "" {
						io.WriteString(w, written)
					}
					assert.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
					if r.URL.Path == "/y" {
						w.Header().Set("X-Later", "1")
						return
					}
					time.Sleep(time.Second + grace/2)
					if written != "" {
						io.WriteString(w, "end")
					}
				})).ServeHTTP(flushless{w}, r)
			}))
			res, err := p.client(t, protocol).Get("http://a/x")
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			assert.NoError(t, err, protocol)
			if written == "" {
				in, err := p.client(t, protocol).Get("http://a/y")
				require.NoError(t, err)
				assert.Equal(t, "1", in.Header.Get("X-Later"), "a handler that returns in time")
				in.Body.Close()
				assert.Equal(t, 503, res.StatusCode)
				assert.Empty(t, res.Header.Get("X-Own"))
			} else {
				assert.Equal(t, "abcend", string(body))
			}
		})
	}
}

type flushless struct{ http.ResponseWriter }

func (flushless) FlushError() error { return fmt.Errorf("flush: %w", http.ErrNotSupported) }

// A result inside of the Timeout waits for what is sent in its place.
func TestALateResultHasTheStatusThatWasSent(t *testing.T) {
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(slowWriter{w}, r) })
	}
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		p := serve(t, slow(briefly(capture(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))))
		res, err := p.client(t, protocol).Get("http://a/x")
		require.NoError(t, err)
		res.Body.Close()
		assert.Equal(t, 503, (<-got).Status)
	})
}

// slowWriter takes its time for each status.
type slowWriter struct{ http.ResponseWriter }

func (w slowWriter) WriteHeader(code int) {
	time.Sleep(time.Second)
	w.ResponseWriter.WriteHeader(code)
}

// The error of a late handler is only logged, with whether a response had begun.
func TestALateErrorIsLoggedForWhatItIs(t *testing.T) {
	for why, row := range map[string]struct {
		begin func(http.ResponseWriter)
		want  string
	}{
		"nothing sent":    {func(http.ResponseWriter) {}, "request failed"},
		"a body":          {func(w http.ResponseWriter) { io.WriteString(w, "a") }, "request failed after the response had begun"},
		"a body, flushed": {func(w http.ResponseWriter) { http.NewResponseController(w).Flush() }, "request failed after the response had begun"},
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			log, text := wiretest.NewLogger()
			failing := &respond.Responder{Logger: log}
			p := serve(t, briefly(failing.Handler(func(w http.ResponseWriter, r *http.Request) error {
				row.begin(w)
				time.Sleep(time.Minute)
				return errSource
			})))
			if res, err := p.client(t, protocol).Get("http://a/x"); err == nil {
				res.Body.Close()
			}
			time.Sleep(time.Hour)
			assert.Contains(t, text.String(), fmt.Sprintf("msg=%q", row.want), why)
		})
	}
}

// With a body that was read, or none, the connection is good for another request.
func TestOnlyAnUnreadBodyEndsAConnection(t *testing.T) {
	limits := append(around(), layer{"two Timeouts", middleware.Chain(middleware.Timeout(never), briefly)})
	for _, l := range limits {
		for why, row := range map[string]struct {
			body  string
			read  bool
			close bool
		}{
			"no body":         {"", false, false},
			"a body":          {"abc", true, false},
			"one that is not": {"abc", false, true},
			"a part of it":    {"abc", true, true},
		} {
			synctest.Test(t, func(t *testing.T) {
				p := serve(t, l.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					switch {
					case row.read && row.close:
						io.ReadFull(r.Body, make([]byte, 1))
					case row.read:
						io.ReadAll(r.Body)
					}
					<-r.Context().Done()
				})))
				req, _ := http.NewRequest("POST", "http://a/x", strings.NewReader(row.body))
				res, err := p.client(t, "HTTP/1.1").Do(req)
				require.NoError(t, err, why)
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				assert.Equal(t, 503, res.StatusCode, why)
				assert.Equal(t, row.close, res.Close, "%s inside %s", why, l.name)
			})
		}
	}
}

// An upload over HTTP/2 that the handler does not read hides no client that left.
func TestAClientMayLeaveALateUpload(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			capture, got := results()
			p := serve(t, capture(briefly(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute) }))))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if leaves {
				time.AfterFunc(time.Second/2, cancel)
			}
			body, stop := stalled("abc")
			defer stop()
			req, _ := http.NewRequestWithContext(ctx, "POST", "http://a/x", body)
			res, err := p.client(t, "HTTP/2").Do(req)
			if err == nil {
				io.ReadAll(res.Body)
				res.Body.Close()
			}
			assert.Equal(t, leaves, err != nil)
			assert.Equal(t, leaves, (<-got).ClientGone)
			time.Sleep(time.Hour)
		})
	}
}

// Where no ServeMux can be found, any call of the handler reports the pattern.
func TestTheRouteOfALateHandlerIsKnown(t *testing.T) {
	opaque := func(next http.Handler) http.Handler { return http.HandlerFunc(next.ServeHTTP) }
	for why, call := range map[string]func(http.ResponseWriter){
		"nothing, but a layer": func(http.ResponseWriter) {},

		"a hint":   func(w http.ResponseWriter) { w.WriteHeader(103) },
		"an error": func(w http.ResponseWriter) { w.WriteHeader(404) },
		"deadline": func(w http.ResponseWriter) { http.NewResponseController(w).SetReadDeadline(time.Time{}) },
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			outside, inside := middleware.Chain(), middleware.Chain()
			if why == "nothing, but a layer" {
				outside, inside = copies, middleware.Recover
			}
			mux := http.NewServeMux()
			mux.Handle("GET /o/{id}", inside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				call(w)
				time.Sleep(time.Minute)
			})))
			capture, got := results()
			p := serve(t, capture(normalizeQuietly(briefly(outside(opaque(mux))))))
			res, err := p.client(t, protocol).Get("http://a/o/1")
			require.NoError(t, err)
			res.Body.Close()
			assert.Equal(t, 503, res.StatusCode)
			assert.Equal(t, "GET /o/{id}", (<-got).Route, "%s: %s", protocol, why)
			time.Sleep(time.Hour)
		})
	}
}

// A tunnel that comes to nothing leaves no field in the 503.
func TestNoFieldOfALateTunnelIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serve(t, normalizeQuietly(tag("outer")(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Own", "1")
			w.WriteHeader(200)
			<-r.Context().Done()
		})))))
		conn := p.Dial()
		defer conn.Close()
		go io.WriteString(conn, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
		all, _ := io.ReadAll(conn)
		assert.Equal(t, []int{503}, wiretest.StatusCodes(string(all)))
		assert.Contains(t, string(all), "Via: outer")
		assert.NotContains(t, string(all), "X-Own")
	})
}
