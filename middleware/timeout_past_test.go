package middleware_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// What a Timeout sends past the layers inside of it, and what it takes back for that.

// writesAndWaits has responded as far as a layer that buffers can tell.
func writesAndWaits(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "abc")
	waits(r)
}

// laggingWrite takes a fifth of a second for each part of the body.
type laggingWrite struct{ unwrapping }

func (w laggingWrite) Write(p []byte) (int, error) {
	time.Sleep(2 * grace)
	return w.ResponseWriter.Write(p)
}

// The time of the outer of two Timeouts ends while the inner one responds past a layer.
func TestA503ThatIsOnItsWayIsNotCut(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		outer := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: time.Second + 3*grace/2, Logger: quiet})
		h := capture(outer(buffering(briefly(http.HandlerFunc(writesAndWaits)))))
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(laggingWrite{unwrapping{w}}, r)
		}))
		res := problemFrom(t, p.client(t, protocol), protocol)
		assert.Equal(t, 503, res.StatusCode)
		result := <-got
		assert.False(t, result.Aborted)
		assert.NoError(t, result.WriteErr)
	})
}

// A request whose time is over in two Timeouts has one response, that of the first.
func TestTwoTimeoutsMakeOne503(t *testing.T) {
	for name, limit := range map[string]time.Duration{"the inner first": time.Second + 3*grace/2, "the outer first": time.Second - grace/2} {
		inBubble(t, func(t *testing.T, protocol string) {
			var made atomic.Int32
			capture, got := results()
			slow := &respond.Responder{Logger: quiet, Instance: func(*http.Request) string {
				made.Add(1)
				time.Sleep(2 * grace)
				return ""
			}}
			timeout := func(limit time.Duration) func(http.Handler) http.Handler {
				return middleware.TimeoutWith(middleware.TimeoutOptions{Limit: limit, Responder: slow, Logger: quiet})
			}
			p := serve(t, capture(timeout(limit)(buffering(timeout(time.Second)(http.HandlerFunc(writesAndWaits))))))
			res := problemFrom(t, p.client(t, protocol), protocol)
			assert.Equal(t, 503, res.StatusCode, name)
			assert.False(t, (<-got).Aborted, name)
			time.Sleep(time.Hour)
			assert.EqualValues(t, 1, made.Load(), name)
		})
	}
}

// A flush that a client does not receive ends no response, though its length is written.
func TestAFlushThatIsCutIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		capture, got := results()
		p := serve(t, capture(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			assert.Error(t, http.NewResponseController(w).Flush())
		}))))
		conn := p.Dial()
		defer conn.Close()
		io.WriteString(conn, wiretest.RawRequest("GET /"))
		assert.True(t, (<-got).Aborted)
	})
}

// What a CONNECT was going to have is not sent with the 503.
func TestA503OfACONNECTHasNoFieldsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serve(t, normalizeQuietly(briefly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Tunnel", "secret")
			io.WriteString(w, "abc")
			http.NewResponseController(w).Flush()
			waits(r)
		}))))
		conn := p.Dial()
		defer conn.Close()
		go io.WriteString(conn, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
		out, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Contains(t, string(out), " 503 ")
		assert.NotContains(t, string(out), "secret")
	})
}

// moved maps a 503 to a 504, and so does not send it before it is whole.
var moved = middleware.NormalizeWith(middleware.NormalizeOptions{Logger: quiet, Codes: map[int]int{503: 504}})

// A Normalize outside has its say about the 503, also when that passes a layer.
func TestA503PastALayerIsNormalized(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"nothing":  waiting,
		"a body":   writesAndWaits,
		"an error": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); waits(r) },
	} {
		for name, wrap := range map[string]func(http.Handler) http.Handler{
			"Timeout":      middleware.Chain(moved, buffering, briefly),
			"two Timeouts": middleware.Chain(moved, middleware.Timeout(never), buffering, briefly),
			"two layers":   middleware.Chain(moved, plainWrapper, middleware.Timeout(never), buffering, briefly),
		} {
			inBubble(t, func(t *testing.T, protocol string) {
				capture, got := results()
				p := serve(t, capture(wrap(h)))
				res := problemFrom(t, p.client(t, protocol), protocol)
				assert.Equal(t, 504, res.StatusCode, "%s: %s", name, why)
				result := <-got
				assert.Equal(t, 504, result.Status, "%s: %s", name, why)
				if assert.NotNil(t, result.Problem, "%s: %s", name, why) {
					assert.Equal(t, 504, result.Problem.Status, "%s: %s", name, why)
				}
			})
		}
	}
}

// dallying waits for a second before it sends what its handler wrote.
func dallying(next http.Handler) http.Handler {
	return buffering(after(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })(next))
}

// A layer whose handler is late learns the status that the client gets, although layers
// outside are not done with the response.
func TestALateLayerLearnsTheStatus(t *testing.T) {
	fails := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); waits(r) }
	for _, row := range []struct {
		outer    func(http.Handler) http.Handler
		handlers []http.HandlerFunc
	}{
		{moved, []http.HandlerFunc{waiting, fails}},
		{middleware.Chain(moved, plainWrapper), []http.HandlerFunc{waiting, fails}},
		{middleware.Chain(moved, middleware.Timeout(never)), []http.HandlerFunc{waiting, fails}},
		{middleware.Chain(middleware.Timeout(never), moved), []http.HandlerFunc{waiting, fails}},
		{middleware.Chain(buffering, moved), []http.HandlerFunc{waiting, fails}},
		{middleware.Chain(middleware.Recover, buffering), []http.HandlerFunc{waiting, fails, writesAndWaits}},
		{middleware.Chain(middleware.Recover, dallying), []http.HandlerFunc{waiting, fails, writesAndWaits}},
		{middleware.Chain(moved, plainWrapper, middleware.Recover, buffering), []http.HandlerFunc{fails, writesAndWaits}},
		{middleware.Chain(moved, plainWrapper, middleware.Timeout(never), buffering), []http.HandlerFunc{fails, writesAndWaits}},
	} {
		for _, h := range row.handlers {
			inBubble(t, func(t *testing.T, protocol string) {
				counted := make(chan int, 1)
				limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(9), Key: ratelimit.Everyone, CountStatus: func(status int) bool {
					counted <- status
					return true
				}})
				capture, got := results()
				p := serve(t, row.outer(briefly(capture(limit(h)))))
				res := problemFrom(t, p.client(t, protocol), protocol)
				assert.Equal(t, res.StatusCode, <-counted)
				result := <-got
				assert.Equal(t, res.StatusCode, result.Status)
				assert.False(t, result.Aborted)
			})
		}
	}
}

// A Timeout returns when no call uses its ResponseWriter, also if another Timeout inside
// has responded before.
func TestNoCallOutlivesTwoTimeouts(t *testing.T) {
	for name, outer := range map[string]func(http.Handler) http.Handler{"nothing": middleware.Chain(), "Normalize": moved} {
		inBubble(t, func(t *testing.T, protocol string) {
			var calls atomic.Int32
			timeout := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: 2 * time.Second, Logger: quiet})
			adds := after(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second - grace/2)
				io.WriteString(w, "more")
				waits(r)
			})
			h := outer(timeout(adds(briefly(http.HandlerFunc(waiting)))))
			p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(inProgress{laggingWrite{unwrapping{w}}, &calls}, r)
				assert.Zero(t, calls.Load(), name)
			}))
			problemFrom(t, p.client(t, protocol), name)
			time.Sleep(time.Hour)
		})
	}
}

// inProgress counts the writes in progress.
type inProgress struct {
	laggingWrite
	calls *atomic.Int32
}

func (w inProgress) Write(p []byte) (int, error) {
	w.calls.Add(1)
	defer w.calls.Add(-1)
	return w.laggingWrite.Write(p)
}

// Of the problems on both sides of a Timeout the one that was sent counts.
func TestTheProblemThatWasSentCounts(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		capture, got := results()
		a := wiretest.Get(t, protocol, capture(moved(middleware.Timeout(never)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond.Error(w, 503)
			http.NewResponseController(w).Flush()
		})))))
		assert.Equal(t, 504, a.StatusCode, protocol)
		assert.Equal(t, 504, (<-got).Problem.Status, protocol)
	}
}
