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
