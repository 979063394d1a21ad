package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
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
	for why, begin := range map[string]func(http.ResponseWriter){
		"an error":                   func(w http.ResponseWriter) { w.WriteHeader(404) },
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
			res, err := p.client(t, protocol).Get("http://a/x")
			require.NoError(t, err, why)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err, why)
			require.NoError(t, res.Body.Close())
			wiretest.Response{Response: res, Text: string(body)}.Problem(t)
			assert.Equal(t, 503, res.StatusCode, why)
			assert.Empty(t, res.Header.Get("Content-Encoding")+res.Header.Get("X-Own"), why)
			assert.NotEmpty(t, res.Header.Get("Via"), why)
		})
	}
}

func TestTimeoutLeavesATimelyResponseAlone(t *testing.T) {
	outer := tag("outer")
	for _, protocol := range wiretest.Protocols {
		for why, h := range map[string]http.HandlerFunc{
			"nothing":                           func(w http.ResponseWriter, r *http.Request) {},
			"a header":                          func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Own", "1") },
			"without a field of an outer layer": func(w http.ResponseWriter, r *http.Request) { w.Header().Del("Via") },
			"an error":                          func(w http.ResponseWriter, r *http.Request) { http.Error(w, "denied", 403) },
			"content":                           func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") },
			"flushed content and a trailer": func(w http.ResponseWriter, r *http.Request) {
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
