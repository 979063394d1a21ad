package middleware_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// The response when a timeout of net/http's server, or of an upstream, has passed.

// over lets srv serve the connection whose other end it returns, until the
// test closes that.
func over(t *testing.T, srv *http.Server) net.Conn {
	l := wiretest.NewPipes()
	go srv.Serve(l)
	client := l.Dial()
	t.Cleanup(func() {
		client.Close()
		srv.Close()
		synctest.Wait()
	})
	return client
}

func TestAWriteTimeoutReachesHandlerAndResult(t *testing.T) {
	for _, failing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n, c := reports(middleware.NormalizeOptions{})
			capture, got := results()
			client := over(t, &http.Server{WriteTimeout: time.Second, ErrorLog: quietLog, Handler: capture(middleware.NormalizeWith(n)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(2 * time.Second) // of the bubble
				if failing {
					http.Error(w, "no such order", 404)
				} else {
					_, err := io.WriteString(w, "x")
					assert.NoError(t, err, "net/http has a buffer")
				}
				err := http.NewResponseController(w).Flush()
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			})))})
			io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			all, err := io.ReadAll(client)
			assert.NoError(t, err)
			assert.Empty(t, string(all), "the client sees the connection end")
			res := <-got
			assert.ErrorIs(t, res.WriteErr, os.ErrDeadlineExceeded)
			if failing {
				assert.Equal(t, 404, res.Status)
			} else {
				assert.Equal(t, 200, res.Status)
			}
			synctest.Wait()
			assert.Nil(t, reported(c), "no layer can correct that")
		})
	}
}

func TestAReadTimeoutOfTheServerIsA408(t *testing.T) {
	for why, send := range map[string]func(w http.ResponseWriter, r *http.Request, err error){
		"respond.Fail": func(w http.ResponseWriter, r *http.Request, err error) { respond.Fail(w, r, problem.BadBody(err)) },
		"http.Error":   func(w http.ResponseWriter, r *http.Request, err error) { http.Error(w, "too slow", 408) },
	} {
		for name, mw := range map[string]func(http.Handler) http.Handler{"Normalize": normalize, "MaxBytes inside": middleware.Chain(normalize, middleware.MaxBytes(1<<10))} {
			synctest.Test(t, func(t *testing.T) {
				client := over(t, &http.Server{ReadTimeout: time.Second, ErrorLog: quietLog, Handler: mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, err := io.ReadAll(r.Body)
					assert.True(t, os.IsTimeout(err), "%v", err)
					send(w, r, err)
				}))})
				io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
				all, err := io.ReadAll(client) // ends although the client has not closed
				require.NoError(t, err)
				got := string(all)
				assert.Equal(t, []int{408}, wiretest.StatusCodes(got), "%s %s", name, why)
				assert.Equal(t, []string{"close"}, headerOf(t, got)["Connection"], "%s %s: RFC 9110, 15.5.9", name, why)
				assert.Contains(t, got, `"status":408`)
			})
		}
	}
}

// The timeout of a read does not show what was read: only BadBody knows that it was
// the body.
func TestATimeoutElsewhereIsNotTheClientsFault(t *testing.T) {
	a := wiretest.Get(t, "HTTP/1.1", normalize(respond.Handler(func(w http.ResponseWriter, r *http.Request) error { return os.ErrDeadlineExceeded })))
	a.Problem(t)
	assert.Equal(t, 500, a.StatusCode)
}

func TestAnUpstreamTimeoutIsAProblem(t *testing.T) {
	upstream := wiretest.Start(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	proxy := proxyTo(t, upstream.URL)
	responding := proxyTo(t, upstream.URL)
	responding.ErrorHandler = (&respond.Responder{Logger: quiet}).Fail
	for _, row := range []struct {
		why     string
		proxy   *httputil.ReverseProxy
		context func(context.Context) (context.Context, context.CancelFunc)
		want    int
	}{
		{"cancelled", proxy, context.WithCancel, 502},
		{"a deadline", proxy, expired, 502},
		{"a deadline, and respond.Fail", responding, expired, 504},
		{"cancelled, and respond.Fail", responding, context.WithCancel, 503},
	} {
		for _, protocol := range wiretest.Protocols {
			for _, m := range []string{"GET", "POST"} {
				capture, got := results()
				a := wiretest.Get(t, protocol, capture(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := row.context(r.Context())
					cancel()
					row.proxy.ServeHTTP(w, r.WithContext(ctx))
				}))), wiretest.Method(m))
				doc := a.Problem(t)
				assert.Equal(t, row.want, a.StatusCode, row.why)
				assert.Equal(t, descriptionOf(row.want), doc["detail"], "%s: and nothing of the upstream", row.why)
				res := <-got
				assert.Equal(t, row.want, res.Status)
				assert.False(t, res.ClientGone, "%s: it is still there", row.why)
			}
		}
	}
}

// expired is a context whose deadline has passed.
func expired(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(ctx, time.Unix(1, 0))
	_ = cancel
	return ctx, func() {}
}

func TestAHeldErrorEndsWithItsTimeoutHandler(t *testing.T) {
	late := make(chan error, 1)
	a := wiretest.Get(t, "HTTP/1.1", http.TimeoutHandler(normalize(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(500)
		for { // until TimeoutHandler has noticed, too
			if _, err := io.WriteString(w, strings.Repeat("x", 100)); err != nil {
				late <- err
				return
			}
		}
	})), time.Millisecond, ""))
	assert.Equal(t, 503, a.StatusCode)
	assert.ErrorIs(t, <-late, http.ErrHandlerTimeout)
}
