package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
)

// deadline is that of the Timeout around a WebSocket, whose connection outlives it.
const deadline = 300 * time.Millisecond

// coderEcho sends each message back until the client leaves.
func coderEcho(w http.ResponseWriter, r *http.Request) {
	c, err := coder.Accept(w, r, nil)
	if err != nil {
		return // Accept has responded
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if string(message) == "panic" {
			panic(errSecret)
		}
		if err := c.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

func gorillaEcho(w http.ResponseWriter, r *http.Request) {
	c, err := new(gorilla.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has responded
	}
	defer c.Close()
	for {
		kind, message, err := c.ReadMessage()
		if err != nil {
			return
		}
		if string(message) == "panic" {
			panic(errSecret)
		}
		if err := c.WriteMessage(kind, message); err != nil {
			return
		}
	}
}

func checkWebSocket(t *testing.T, h http.HandlerFunc) {
	t.Parallel()
	s := inside(t, func(chain middlewareFunc) http.Handler {
		return chain(middleware.MaxBytes(1000)(middleware.Timeout(deadline)(h)))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	connect := func() *coder.Conn {
		c, _, err := coder.Dial(ctx, s.srv.URL, &coder.DialOptions{HTTPClient: s.client("HTTP/1.1")})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.CloseNow() })
		return c
	}

	t.Run("outlives the deadline", func(t *testing.T) {
		c := connect()
		for i, start := 0, time.Now(); time.Since(start) < 2*deadline; i++ {
			want := fmt.Sprint(i)
			require.NoError(t, c.Write(ctx, coder.MessageText, []byte(want)))
			_, got, err := c.Read(ctx)
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
		require.NoError(t, c.Close(coder.StatusNormalClosure, ""))
		var e exchange
		s.noted(&e)
		assert.Equal(t, 101, e.result.Status)
		assert.True(t, e.result.Hijacked)
		assert.False(t, e.result.Aborted)
		assert.Empty(t, e.reports, "there is nothing to report")
	})
	t.Run("is closed after a panic", func(t *testing.T) {
		c := connect()
		require.NoError(t, c.Write(ctx, coder.MessageText, []byte("panic")))
		_, _, err := c.Read(ctx)
		assert.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
		var e exchange
		s.noted(&e)
		assert.Contains(t, e.record["exception.message"], "secret")
	})
	t.Run("has a problem where it fails", func(t *testing.T) {
		for _, proto := range protocols {
			e := s.do(proto, "GET", "/")
			assert.GreaterOrEqual(t, e.StatusCode, 400)
			s.isProblem(e, e.StatusCode)
			if e.StatusCode == 426 && proto == "HTTP/1.1" {
				assert.True(t, strings.EqualFold("websocket", e.Header.Get("Upgrade")))
			}
		}
		e := s.do("HTTP/1.1", "GET", "/", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
			"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Origin", "https://evil.example.com")
		s.isProblem(e, 403)
	})
}

func TestCoderWebSocketIsInsideTheChain(t *testing.T) { checkWebSocket(t, coderEcho) }

func TestGorillaWebSocketIsInsideTheChain(t *testing.T) { checkWebSocket(t, gorillaEcho) }
