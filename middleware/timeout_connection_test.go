package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pipes is a server in memory for tests in a bubble of synctest.
type pipes struct{ *wiretest.Pipes }

// serve serves h in memory over both protocols until the test ends.
func serve(t *testing.T, h http.Handler, change ...func(*http.Server)) pipes {
	t.Helper()
	p := pipes{wiretest.NewPipes()}
	srv := &http.Server{Handler: h, ErrorLog: quietLog, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	for _, c := range change {
		c(srv)
	}
	go srv.Serve(p.Pipes)
	t.Cleanup(func() {
		srv.Close()
		// net/http waits half a second for a client to read, and a bubble, whose
		// clock begins in 2000, has to last until then.
		if time.Now().Year() == 2000 {
			time.Sleep(time.Second)
		}
	})
	return p
}

// client returns a client that reaches p over the protocol.
func (p pipes) client(t *testing.T, protocol string) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	tr.Protocols.SetHTTP1(protocol == "HTTP/1.1")
	tr.Protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
	tr.DialContext = func(context.Context, string, string) (net.Conn, error) { return p.Dial(), nil }
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// inBubble runs f for each protocol in a bubble of its own.
func inBubble(t *testing.T, f func(t *testing.T, protocol string)) {
	for _, protocol := range wiretest.Protocols {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, protocol) })
		})
	}
}

// around are chains with a Timeout of one second in them.
func around() []layer {
	limit := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second, Logger: quiet})
	norm := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})
	access := middleware.AccessLogWith(middleware.AccessLogOptions{Logger: quiet})
	return []layer{
		{"Timeout alone", limit},
		{"Normalize, Timeout", middleware.Chain(norm, limit)},
		{"Timeout, Normalize", middleware.Chain(limit, norm)},
		{"the chain", middleware.Chain(middleware.RequestID, access, norm, limit, middleware.MaxBytes(1<<30))},
		{"inside what hides all", middleware.Chain(access, plainWrapper, limit)},
	}
}

func TestASlowReaderIsCutAtTheDeadline(t *testing.T) {
	endless := map[string]func(w http.ResponseWriter) error{
		"writes": func(w http.ResponseWriter) error {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return err
				}
			}
		},
		"a copy": func(w http.ResponseWriter) error {
			_, err := io.Copy(w, struct{ io.Reader }{zeros{}})
			return err
		},
		"flushes": func(w http.ResponseWriter) error {
			for {
				w.Write(make([]byte, 64<<10))
				if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
			}
		},
		"an error that passes": func(w http.ResponseWriter) error {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(500)
			_, err := w.Write(make([]byte, 64<<20))
			return err
		},
	}
	for why, write := range endless {
		for _, l := range around() {
			t.Run(why+" inside "+l.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, protocol string) {
					start := time.Now()
					ended, served := make(chan error, 1), make(chan time.Duration, 1)
					h := l.wrap(ratelimit.InFlight(1)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path == "/second" {
							w.WriteHeader(204)
							return
						}
						ended <- write(w)
					})))
					p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						defer func() {
							if r.URL.Path == "/first" {
								served <- time.Since(start)
							}
						}()
						h.ServeHTTP(w, r)
					}))
					client := p.client(t, protocol)
					res, err := client.Get("http://a/first")
					require.NoError(t, err)
					defer res.Body.Close()
					took := <-served
					assert.GreaterOrEqual(t, took, time.Second)
					assert.LessOrEqual(t, took, 1200*time.Millisecond)
					assert.Error(t, <-ended, "the handler's write fails")
					synctest.Wait() // until the handler, on its own goroutine, has left its slot
					second, err := p.client(t, protocol).Get("http://a/second")
					require.NoError(t, err)
					second.Body.Close()
					assert.Equal(t, 204, second.StatusCode, "the slot is free")
					_, err = io.Copy(io.Discard, res.Body)
					assert.Error(t, err, "the client sees that it was cut")
				})
			})
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// endless is a body that stalls after its first bytes, until the test ends.
func stalled(first string) (io.Reader, func()) {
	r, w := io.Pipe()
	go io.WriteString(w, first)
	return r, func() { w.CloseWithError(errors.New("the test is over")) }
}

func TestAStalledUploadGets503AtTheDeadline(t *testing.T) {
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, _ := m.CreateFormFile("f", "f.bin")
	part.Write(make([]byte, 1000))
	for why, read := range map[string]func(w http.ResponseWriter, r *http.Request){
		"that the handler reads": func(w http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body) },
		"that it copies back":    func(w http.ResponseWriter, r *http.Request) { b, _ := io.ReadAll(r.Body); w.Write(b[:0]) },
		"that is a form":         func(w http.ResponseWriter, r *http.Request) { r.ParseMultipartForm(10) },
		"whose error is a problem": func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			quietResponder.Fail(w, r, err)
		},
		"whose error is a text error": func(w http.ResponseWriter, r *http.Request) { io.ReadAll(r.Body); http.Error(w, "no body", 503) },
		"that a goroutine reads": func(w http.ResponseWriter, r *http.Request) {
			done := make(chan struct{})
			go func() { defer close(done); io.ReadAll(r.Body) }()
			<-done
		},
	} {
		for _, l := range around() {
			t.Run(why+" inside "+l.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, protocol string) {
					ended := make(chan struct{})
					p := serve(t, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						defer close(ended)
						read(w, r)
					})))
					for _, length := range []int64{5000, -1} {
						ended = make(chan struct{})
						start := time.Now()
						body, stop := stalled(form.String())
						req, _ := http.NewRequest("POST", "http://a/", body)
						req.ContentLength = length
						req.Header.Set("Content-Type", m.FormDataContentType())
						res, err := p.client(t, protocol).Do(req)
						require.NoError(t, err)
						text, err := io.ReadAll(res.Body)
						assert.NoError(t, err)
						assert.Contains(t, []int{503, 408}, res.StatusCode, string(text))
						assert.Contains(t, string(text), fmt.Sprint(res.StatusCode))
						res.Body.Close()
						<-ended
						assert.Equal(t, time.Second, time.Since(start), "the read is interrupted")
						stop()
					}
				})
			})
		}
	}
}

func TestDeadlinesOfTheHandlerDoNotUndoTheLimit(t *testing.T) {
	for why, set := range map[string]func(c *http.ResponseController){
		"none at all": func(c *http.ResponseController) { c.SetReadDeadline(time.Time{}); c.SetWriteDeadline(time.Time{}) },
		"far ones": func(c *http.ResponseController) {
			c.SetReadDeadline(time.Now().Add(time.Hour))
			c.SetWriteDeadline(time.Now().Add(time.Hour))
		},
		"full duplex": func(c *http.ResponseController) { c.EnableFullDuplex() },
	} {
		for _, l := range around() {
			inBubble(t, func(t *testing.T, protocol string) {
				begun := time.Now()
				p := serve(t, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					set(http.NewResponseController(w))
					io.ReadAll(r.Body)
				})))
				body, stop := stalled("abc")
				defer stop()
				req, _ := http.NewRequest("POST", "http://a/", body)
				res, err := p.client(t, protocol).Do(req)
				require.NoError(t, err, "%s inside %s", why, l.name)
				assert.Equal(t, 503, res.StatusCode)
				io.ReadAll(res.Body)
				res.Body.Close()
				assert.LessOrEqual(t, time.Since(begun), 1200*time.Millisecond, "%s %s inside %s", protocol, why, l.name)
			})
			inBubble(t, func(t *testing.T, protocol string) {
				begun := time.Now()
				served := make(chan time.Duration, 1)
				h := l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					set(http.NewResponseController(w))
					for {
						if _, err := w.Write(make([]byte, 64<<10)); err != nil {
							return
						}
					}
				}))
				p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() { served <- time.Since(begun) }()
					h.ServeHTTP(w, r)
				}))
				res, err := p.client(t, protocol).Get("http://a/")
				require.NoError(t, err)
				assert.LessOrEqual(t, <-served, 1200*time.Millisecond, "%s %s inside %s", protocol, why, l.name)
				res.Body.Close()
			})
		}
	}
}

// After a timeout the connection goes on for the next request with the
// deadlines of the server.
func TestAConnectionGoesOnAfterATimeout(t *testing.T) {
	for _, l := range around() {
		inBubble(t, func(t *testing.T, protocol string) {
			p := serve(t, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					<-r.Context().Done()
					return
				}
				io.ReadAll(r.Body)
				time.Sleep(900 * time.Millisecond)
				io.WriteString(w, "hello")
			})))
			client := p.client(t, protocol)
			for range 3 {
				for _, path := range []string{"slow", "fast"} {
					res, err := client.Get("http://a/" + path)
					require.NoError(t, err, l.name)
					body, err := io.ReadAll(res.Body)
					assert.NoError(t, err, l.name)
					res.Body.Close()
					if path == "fast" {
						assert.Equal(t, "hello", string(body))
					} else {
						assert.Equal(t, 503, res.StatusCode)
					}
					time.Sleep(3 * time.Second)
				}
			}
		})
	}
}

// With full duplex net/http takes what it could not read of a body for the next
// request.
func TestNoBodyIsReadAsARequestAfterATimeout(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	duplex := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).EnableFullDuplex()
			next.ServeHTTP(w, r)
		})
	}
	for _, l := range around() {
		for where, wrap := range map[string]func(http.Handler) http.Handler{
			"inside": func(h http.Handler) http.Handler { return l.wrap(duplex(h)) },
			"between": func(h http.Handler) http.Handler {
				return middleware.RequestID(middleware.Capture(nothing)(duplex(l.wrap(h))))
			},
			"in a wrapper":         func(h http.Handler) http.Handler { return busyWrapper(middleware.Capture(nothing)(duplex(l.wrap(h)))) },
			"outside":              func(h http.Handler) http.Handler { return duplex(l.wrap(h)) },
			"in a smaller wrapper": func(h http.Handler) http.Handler { return plainWrapper(l.wrap(duplex(h))) },
		} {
			for _, read := range []int{0, 1} {
				t.Run(fmt.Sprintf("full duplex %s %s, %d bytes read", where, l.name, read), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						p := serve(t, wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							assert.NotEqual(t, "/smuggled", r.URL.Path)
							io.ReadFull(r.Body, make([]byte, read))
							<-r.Context().Done()
						})))
						conn := p.Dial()
						begun := time.Now()
						defer conn.Close()
						go fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", read+len(smuggled)+1, "x"[:read])
						time.AfterFunc(5*time.Second, func() { io.WriteString(conn, smuggled+"x") })
						conn.SetReadDeadline(time.Now().Add(10 * time.Second))
						all, _ := io.ReadAll(conn)
						assert.Equal(t, []int{503}, wiretest.StatusCodes(string(all)), string(all))
						assert.LessOrEqual(t, time.Since(begun), 2*time.Second, "closed at once, but for half a second of net/http")
					})
				})
			}
		}
	}
}

// The handler at the deadline returns the error of its context.
func TestADeadlineErrorIsA503AndNeverACut(t *testing.T) {
	ends := map[string]http.Handler{
		"respond.Handler": quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		}),
		"its cause": quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return fmt.Errorf("query: %w", context.Cause(r.Context()))
		}),
		"http.Error": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			http.Error(w, "too slow", 503)
		}),
		"nothing": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"respond.Error, flushed": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			respond.Error(w, 503)
			http.NewResponseController(w).Flush()
		}),
		"a panic": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic(r.Context().Err()) }),
	}
	for why, h := range ends {
		for _, l := range around() {
			if why == "a panic" && !strings.Contains(l.name, "Normalize") && l.name != "the chain" {
				continue
			}
			t.Run(why+" inside "+l.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, protocol string) {
					p := serve(t, l.wrap(h))
					var wg sync.WaitGroup
					client := p.client(t, protocol)
					for range 5 {
						wg.Go(func() {
							res, err := client.Get("http://a/")
							if !assert.NoError(t, err) {
								return
							}
							defer res.Body.Close()
							_, err = io.ReadAll(res.Body)
							assert.NoError(t, err)
							if why != "a panic" {
								assert.Equal(t, 503, res.StatusCode)
							} else {
								assert.Contains(t, []int{500, 503}, res.StatusCode)
							}
						})
					}
					wg.Wait()
				})
			})
		}
	}
}

// As above, with the clock and the sockets of the machine, at which everything
// happens in any order.
func TestAHundredRequestsAtTheDeadlineGet503(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		limit := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: 30 * time.Millisecond, Logger: quiet})
		chain := middleware.Chain(middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet}), limit)
		srv := wiretest.Start(t, protocol, chain(quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		})))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				a := wiretest.Send(t, srv)
				assert.NoError(t, a.Err, protocol)
				assert.Equal(t, 503, a.StatusCode, protocol)
				assert.Contains(t, a.Text, `"status":503`)
			})
		}
		wg.Wait()
	}
}

// A context that ends is no client that left: the handler's response is sent.
func TestAContextThatEndsLeavesTheResponse(t *testing.T) {
	responses := map[string]struct {
		h    http.Handler
		want []int
	}{
		"its own success": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			io.WriteString(w, "goodbye")
		}), []int{200}},
		"its own error": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			http.Error(w, "stopping", 503)
		}), []int{503}},
		"the error of the context": {quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		}), []int{500, 503, 504}},
		"its cause": {quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return fmt.Errorf("x: %w", context.Cause(r.Context()))
		}), []int{500, 503, 504}},
		"nothing": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), []int{200}},
		"an upload": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(202)
			w.Write(make([]byte, 100_000))
		}), []int{202}},
	}
	ending := map[string]func(t *testing.T, h http.Handler) pipes{
		"BaseContext": func(t *testing.T, h http.Handler) pipes {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			return serve(t, h, func(s *http.Server) { s.BaseContext = func(net.Listener) context.Context { return ctx } })
		},
		"BaseContext with a cause": func(t *testing.T, h http.Handler) pipes {
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(time.Second, func() { cancel(errors.New("SIGTERM")) })
			return serve(t, h, func(s *http.Server) { s.BaseContext = func(net.Listener) context.Context { return ctx } })
		},
		"ConnContext with a deadline": func(t *testing.T, h http.Handler) pipes {
			return serve(t, h, func(s *http.Server) {
				s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
					ctx, cancel := context.WithTimeout(ctx, time.Second)
					t.Cleanup(cancel)
					return ctx
				}
			})
		},
		"context.WithTimeout outside": func(t *testing.T, h http.Handler) pipes {
			return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), time.Second)
				defer cancel()
				h.ServeHTTP(w, r.WithContext(ctx))
			}))
		},
		"a cancel outside": func(t *testing.T, h http.Handler) pipes {
			return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				time.AfterFunc(time.Second, cancel)
				h.ServeHTTP(w, r.WithContext(ctx))
			}))
		},
	}
	for end, begin := range ending {
		for why, row := range responses {
			t.Run(end+", "+why, func(t *testing.T) {
				for _, l := range stacks() {
					inBubble(t, func(t *testing.T, protocol string) {
						capture, got := results()
						p := begin(t, capture(l.wrap(row.h)))
						res, err := p.client(t, protocol).Get("http://a/x")
						require.NoError(t, err, l.name)
						defer res.Body.Close()
						_, err = io.ReadAll(res.Body)
						assert.NoError(t, err, l.name)
						assert.Contains(t, row.want, res.StatusCode, l.name)
						result := <-got
						assert.False(t, result.ClientGone, l.name)
						assert.False(t, result.Aborted, l.name)
						assert.Equal(t, res.StatusCode, result.Status, l.name)
					})
				}
			})
		}
	}
}

func TestAReadTimeoutLeavesTheResponse(t *testing.T) {
	for why, row := range map[string]struct {
		h    http.Handler
		want int
	}{
		"that returns the error": {quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.ReadAll(r.Body)
			return problem.BadBody(err)
		}), 408},
		"that goes on": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.ReadAll(r.Body)
			<-r.Context().Done()
			io.WriteString(w, "late")
		}), 200},
		"that returns the error of the context": {quietResponder.Handler(func(w http.ResponseWriter, r *http.Request) error {
			io.ReadAll(r.Body)
			<-r.Context().Done()
			return r.Context().Err()
		}), 503},
		"that fails with a text": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.ReadAll(r.Body)
			http.Error(w, "no body", 408)
		}), 408},
		"that ignores all": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }), 200},
	} {
		for _, l := range stacks() {
			synctest.Test(t, func(t *testing.T) {
				capture, got := results()
				p := serve(t, capture(l.wrap(row.h)), func(s *http.Server) { s.ReadTimeout = time.Second })
				conn := p.Dial()
				defer conn.Close()
				go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
				out, _ := io.ReadAll(conn)
				assert.Equal(t, []int{row.want}, wiretest.StatusCodes(string(out)), "a handler %s inside %s: %q", why, l.name, out)
				assert.False(t, (<-got).ClientGone, "a handler %s inside %s", why, l.name)
			})
		}
	}
}

// A client that has sent its request and closes that half of the connection is
// still served.
func TestAHalfClosedClientIsServed(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"that heeds the context": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			io.WriteString(w, "served")
		},
		"that flushes": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			http.NewResponseController(w).Flush()
			io.WriteString(w, "served")
		},
		"that fails with a problem": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.Header().Set("Content-Type", "text/csv")
			w.WriteHeader(503)
			io.WriteString(w, "served")
		},
		"that copies": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			io.Copy(w, struct{ io.Reader }{strings.NewReader("served")})
		},
	} {
		for _, l := range stacks() {
			srv := wiretest.Start(t, "HTTP/1.1", l.wrap(h))
			conn, in := dialled(t, srv)
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			require.NoError(t, conn.CloseWrite())
			out, _ := io.ReadAll(in)
			assert.Contains(t, string(out), "served", "a handler %s inside %s", why, l.name)
		}
	}
}

// dialled is a connection to the server, and a reader of what comes back.
func dialled(t testing.TB, srv *httptest.Server) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn.(*net.TCPConn), bufio.NewReader(conn)
}

func TestAHijackedConnectionOutlivesTheDeadline(t *testing.T) {
	for why, hijack := range map[string]func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error){
		"by the interface": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() },
		"by the controller": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		},
	} {
		for _, l := range around() {
			for _, waits := range []bool{false, true} { // in the handler, or beyond it
				t.Run(fmt.Sprintf("%s inside %s, waits %t", why, l.name, waits), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						p := serve(t, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							conn, rw, err := hijack(w)
							if !assert.NoError(t, err) {
								return
							}
							talk := func() {
								defer conn.Close()
								io.WriteString(conn, "begin\n")
								time.Sleep(time.Hour)
								if waits {
									assert.NoError(t, r.Context().Err(), "the context lives")
								}
								line, err := rw.ReadString('\n')
								assert.NoError(t, err)
								io.WriteString(conn, "got "+line)
							}
							if waits {
								talk()
							} else {
								go talk()
							}
						})))
						conn := p.Dial()
						defer conn.Close()
						go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\nhello\n")
						out, err := io.ReadAll(conn)
						assert.NoError(t, err)
						assert.Equal(t, "begin\ngot hello\n", string(out))
					})
				})
			}
		}
	}
}

func TestTimeoutHasTheInterfacesOfItsBase(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		for _, l := range around() {
			var hijacks, pushes, flushes bool
			wiretest.Get(t, protocol, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, hijacks = w.(http.Hijacker)
				_, pushes = w.(http.Pusher)
				_, flushes = w.(http.Flusher)
			})))
			assert.True(t, flushes, l.name)
			if !strings.Contains(l.name, "hides") {
				assert.Equal(t, protocol == "HTTP/1.1", hijacks, "%s %s", protocol, l.name)
				assert.Equal(t, protocol == "HTTP/2", pushes, "%s %s", protocol, l.name)
			}
		}
	}
}

func TestALatePanicIsReportedOnce(t *testing.T) {
	for why, late := range map[string]func(){
		"a value": func() { panic("late secret") },
		"an error of the runtime": func() {
			zero := len("late secret") - 11
			_ = 1 / zero
		},
		"net/http's": func() { panic(http.ErrAbortHandler) },
		"an exit":    func() { runtime.Goexit() },
	} {
		inBubble(t, func(t *testing.T, protocol string) {
			var reported atomic.Int32
			log, text := wiretest.NewLogger()
			limit := middleware.TimeoutOptions{Limit: time.Second, Report: func(_ *http.Request, rep middleware.Report) {
				reported.Add(1)
				assert.NotNil(t, rep.Panic)
				assert.Contains(t, string(rep.Stack), "timeout_connection_test.go")
			}}
			norm := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})
			slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute); late() })
			p := serve(t, norm(middleware.TimeoutWith(limit)(slow)))
			res, err := p.client(t, protocol).Get("http://a/")
			require.NoError(t, err)
			res.Body.Close()
			assert.Equal(t, 503, res.StatusCode)
			time.Sleep(time.Hour)
			want := int32(1)
			if why == "net/http's" || why == "an exit" {
				want = 0
			}
			assert.Equal(t, want, reported.Load(), why)

			limit.Report, limit.Logger = nil, log
			p = serve(t, norm(middleware.TimeoutWith(limit)(slow)))
			res, err = p.client(t, protocol).Get("http://a/")
			require.NoError(t, err)
			res.Body.Close()
			time.Sleep(time.Hour)
			assert.Equal(t, int(want), strings.Count(text.String(), "level=ERROR"), "%s: %s", why, text)
		})
	}
}

func TestALateHandlerSharesNothing(t *testing.T) {
	for _, l := range around() {
		t.Run(l.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, protocol string) {
				stop, stopped := make(chan struct{}), make(chan struct{})
				touch := func(r *http.Request, h http.Header) {
					r.Header.Set("X-A", "1")
					r.URL.Path, r.URL.RawQuery = "/changed", "a=b"
					r.Method, r.Host, r.RequestURI = "PATCH", "b", "/other"
					r.Trailer = http.Header{"X-T": {"1"}}
					r.Form, r.PostForm = map[string][]string{"a": {"b"}}, map[string][]string{}
					r.ParseForm()
					r.SetPathValue("id", "2")
					r.Pattern = "changed"
					h.Set("X-B", "1")
					h.Del("X-C")
					for range r.TransferEncoding {
					}
				}
				p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						defer close(stopped)
						r.ParseForm()
						<-r.Context().Done()
						for i := 0; ; i++ {
							touch(r, w.Header())
							w.Write([]byte("late"))
							w.WriteHeader(201)
							io.Copy(w, strings.NewReader("x"))
							http.NewResponseController(w).Flush()
							r.Body.Read(make([]byte, 10))
							select {
							case <-stop:
								r.Body.Close()
								return
							default:
								runtime.Gosched()
								if i > 1000 {
									<-stop
								}
							}
						}
					})).ServeHTTP(w, r)
					for range 100 {
						touch(r, w.Header())
						runtime.Gosched()
					}
				}))
				req, _ := http.NewRequest("POST", "http://a/x?q=1", strings.NewReader("a=1&b=2"))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				res, err := p.client(t, protocol).Do(req)
				require.NoError(t, err)
				_, err = io.ReadAll(res.Body)
				assert.NoError(t, err)
				res.Body.Close()
				assert.Equal(t, 503, res.StatusCode)
				close(stop)
				<-stopped
			})
		})
	}
}

func TestNetHTTPsLogNamesNoneOfOurFrames(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"two calls of WriteHeader": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.WriteHeader(500) },
		"WriteHeader after a body": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x"); http.Error(w, "x", 500) },
		"a hint too late":          func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204); w.WriteHeader(103) },
		"a response after a hijack": func(w http.ResponseWriter, r *http.Request) {
			if hj, ok := w.(http.Hijacker); ok {
				conn, _, _ := hj.Hijack()
				w.WriteHeader(200)
				w.Write([]byte("x"))
				conn.Close()
			}
		},
	} {
		for _, l := range stacks() {
			for _, protocol := range wiretest.Protocols {
				text := new(wiretest.Log)
				srv := wiretest.StartLogging(t, protocol, l.wrap(h), text)
				wiretest.Send(t, srv)
				srv.Close()
				assert.NotRegexp(t, `internal/exchange|rejoinder/middleware\.|rejoinder/middleware/`, text.String(), "%s: %s inside %s", protocol, why, l.name)
			}
		}
	}
}

// A handler that exits its goroutine sends no response that looks complete, and the
// client does not wait for it.
func TestGoexitCutsTheResponse(t *testing.T) {
	for why, before := range map[string]func(w http.ResponseWriter){
		"before anything": func(w http.ResponseWriter) {},
		"after bytes":     func(w http.ResponseWriter) { io.WriteString(w, "abc"); http.NewResponseController(w).Flush() },
		"after an error":  func(w http.ResponseWriter) { http.Error(w, "x", 404) },
	} {
		for _, l := range append(stacks(), around()...) {
			inBubble(t, func(t *testing.T, protocol string) {
				begun := time.Now()
				p := serve(t, l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { before(w); runtime.Goexit() })))
				res, err := p.client(t, protocol).Get("http://a/")
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				where := fmt.Sprintf("%s: %s inside %s", protocol, why, l.name)
				if why != "after an error" {
					assert.Error(t, err, where)
				}
				assert.Less(t, time.Since(begun), time.Second, where)
			})
		}
	}
}

// What outer layers put into the header stays there as without Timeout.
func TestFieldsOfOuterLayersSurviveInsideTimeout(t *testing.T) {
	cors := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Add("Vary", "Origin")
			next.ServeHTTP(w, r)
		})
	}
	for why, h := range map[string]http.HandlerFunc{
		"a panic":    func(w http.ResponseWriter, r *http.Request) { panic("x") },
		"an error":   func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) },
		"a problem":  func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 404) },
		"a success":  func(w http.ResponseWriter, r *http.Request) { w.Header().Add("Vary", "X"); io.WriteString(w, "a") },
		"an overlay": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Access-Control-Allow-Origin", "b") },
		"a removal": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Access-Control-Allow-Origin")
			w.WriteHeader(204)
		},
		"101": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101); io.WriteString(w, "a") },
		"0, then a redirect": func(w http.ResponseWriter, r *http.Request) {
			func() { defer func() { recover() }(); w.WriteHeader(0) }()
			http.Redirect(w, r, "/y", 302)
		},
	} {
		norm := middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet})
		limit := middleware.Timeout(never)
		for name, pair := range map[string][2]func(http.Handler) http.Handler{
			"cors outside Normalize":   {middleware.Chain(cors, norm), middleware.Chain(cors, norm, limit)},
			"cors outside":             {middleware.Chain(norm, cors), middleware.Chain(norm, cors, limit)},
			"cors inside":              {middleware.Chain(norm, cors), middleware.Chain(norm, limit, cors)},
			"Recover, cors inside":     {middleware.Chain(recovers, cors), middleware.Chain(recovers, limit, cors)},
			"Normalize inside as well": {middleware.Chain(cors, norm), middleware.Chain(limit, cors, norm)},
		} {
			for _, protocol := range wiretest.Protocols {
				without, with := wiretest.Get(t, protocol, pair[0](h)), wiretest.Get(t, protocol, pair[1](h))
				where := fmt.Sprintf("%s: %s, %s", protocol, why, name)
				without.Header.Del("Date")
				with.Header.Del("Date")
				assert.Equal(t, without.Err == nil, with.Err == nil, where)
				assert.Equal(t, without.StatusCode, with.StatusCode, where)
				assert.Equal(t, without.Header, with.Header, where)
				assert.Equal(t, without.Text, with.Text, where)
			}
		}
	}
}

var recovers = middleware.RecoverWith(middleware.RecoverOptions{Logger: quiet})

// http.TimeoutHandler inside and outside of each layer.
func TestTimeoutHandlerInsideAndOutside(t *testing.T) {
	waits := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		io.WriteString(w, "hello")
	})
	for _, l := range append(stacks(), around()...) {
		inBubble(t, func(t *testing.T, protocol string) {
			for name, h := range map[string]http.Handler{
				"inside":  l.wrap(http.TimeoutHandler(waits, time.Second/2, "too slow")),
				"outside": http.TimeoutHandler(l.wrap(waits), time.Second/2, "too slow"),
			} {
				client := serve(t, h).client(t, protocol)
				for path, want := range map[string]int{"fast": 200, "slow": 503} {
					res, err := client.Get("http://a/" + path)
					require.NoError(t, err)
					body, err := io.ReadAll(res.Body)
					res.Body.Close()
					where := fmt.Sprintf("%s %s %s", path, name, l.name)
					assert.NoError(t, err, where)
					assert.Equal(t, want, res.StatusCode, where)
					switch {
					case want == 200:
						assert.Equal(t, "hello", string(body), where)
					case name == "inside" && (l.normalizes() || strings.Contains(l.name, "Normalize") || l.name == "the chain"):
						assert.Contains(t, string(body), `"status":503`, where)
						assert.NotContains(t, string(body), "too slow", where)
					default:
						assert.Equal(t, "too slow", string(body), where)
					}
				}
			}
		})
	}
}
