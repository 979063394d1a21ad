package middleware_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that left after it had received the response does not count as gone.
func TestOnlyAClientThatLeftHasGone(t *testing.T) {
	leave := func(client *http.Client) {
		client.Timeout = 10 * time.Second
		if res, err := client.Get("http://a/x"); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	stay := func(client *http.Client) {
		if res, err := client.Get("http://a/x"); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	rolling := func(every, deadline time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			for r.Context().Err() == nil {
				c.SetWriteDeadline(time.Now().Add(deadline))
				w.Write(make([]byte, 5000))
				if c.Flush() != nil {
					return
				}
				select {
				case <-r.Context().Done():
				case <-time.After(every):
				}
			}
		}
	}
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(3 * time.Second)
		w.Write(make([]byte, 100_000))
	}
	for why, row := range map[string]struct {
		h       http.HandlerFunc
		client  func(*http.Client)
		timeout time.Duration // WriteTimeout of the server
		want    bool
	}{
		"a client that waits no longer":        {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, leave, 0, true},
		"it leaves a stream":                   {rolling(time.Second, time.Hour), leave, 0, true},
		"it leaves one with rolling deadlines": {rolling(time.Second, 2*time.Second), leave, 0, true},
		"and with a WriteTimeout":              {rolling(time.Second, 2*time.Second), leave, 5 * time.Second, true},
		"a client that got all":                {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "all") }, stay, 0, false},
		"the WriteTimeout of the server":       {slow, stay, 2 * time.Second, false},
		"a write deadline of the handler": {func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
			slow(w, r)
		}, stay, 0, false},
		"a write deadline that a later one replaces": {func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			c.SetWriteDeadline(time.Now().Add(time.Second))
			slow(w, r)
			c.SetWriteDeadline(time.Now().Add(time.Hour))
		}, stay, 0, false},
		"a read deadline of the handler": {func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			c.SetReadDeadline(time.Now().Add(time.Second))
			time.Sleep(2 * time.Second)
			c.SetReadDeadline(time.Time{})
			io.WriteString(w, "all")
		}, stay, 0, false},
	} {
		for _, l := range []layer{stacks()[0], {"Normalize", normalizeQuietly}, {"Timeout", middleware.Timeout(never)}, stacks()[len(stacks())-1]} {
			for outside, wrapper := range map[string]func(http.Handler) http.Handler{
				"nothing": func(h http.Handler) http.Handler { return h }, "a wrapper": plainWrapper, "one that flushes and hijacks": busyWrapper, "one that notifies, too": notifyingWrapper,
			} {
				inBubble(t, func(t *testing.T, protocol string) {
					capture, got := results()
					p := serve(t, wrapper(capture(l.wrap(row.h))), func(s *http.Server) { s.WriteTimeout = row.timeout })
					row.client(p.client(t, protocol))
					assert.Equal(t, row.want, (<-got).ClientGone, "%s: %s inside %s inside %s", protocol, why, l.name, outside)
				})
			}
		}
	}
}

// notifyingWrapper is as that of gin: it has what http.Request.Context replaced.
func notifyingWrapper(next http.Handler) http.Handler {
	type notifier interface{ CloseNotify() <-chan bool }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, _ := w.(http.Hijacker)
		next.ServeHTTP(struct {
			unwrapping
			http.Flusher
			http.Hijacker
			notifier
		}{unwrapping{w}, w.(http.Flusher), h, w.(notifier)}, r)
	})
}

// busyWrapper is as the wrapper of many a router: it can do what net/http's can,
// but for deadlines.
func busyWrapper(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := w.(http.Hijacker); ok {
			next.ServeHTTP(struct {
				unwrapping
				http.Flusher
				http.Hijacker
				io.ReaderFrom
			}{unwrapping{w}, w.(http.Flusher), h, w.(io.ReaderFrom)}, r)
			return
		}
		next.ServeHTTP(struct {
			unwrapping
			http.Flusher
			http.Pusher
		}{unwrapping{w}, w.(http.Flusher), w.(http.Pusher)}, r)
	})
}

// A tunnel over HTTP/2 is a response like others.
func TestAnHTTP2TunnelWorksBothWays(t *testing.T) {
	for i, l := range append(stacks(), append(around(), stacks()...)...) {
		synctest.Test(t, func(t *testing.T) {
			capture, got := results()
			p := serve(t, capture(l.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if i < len(stacks()) { // or a 200 that net/http adds
					w.WriteHeader(200)
				}
				http.NewResponseController(w).Flush()
				b := make([]byte, 5)
				io.ReadFull(r.Body, b)
				w.Write(b)
				http.NewResponseController(w).Flush()
				io.Copy(io.Discard, r.Body)
			}))))
			in, out := io.Pipe()
			req, _ := http.NewRequest("CONNECT", "http://a:1", in)
			res, err := p.client(t, "HTTP/2").Do(req)
			require.NoError(t, err, l.name)
			assert.Equal(t, 200, res.StatusCode)
			io.WriteString(out, "hello")
			b := make([]byte, 5)
			_, err = io.ReadFull(res.Body, b)
			assert.NoError(t, err, l.name)
			assert.Equal(t, "hello", string(b), l.name)
			out.Close()
			io.ReadAll(res.Body)
			res.Body.Close()
			r := <-got
			assert.Equal(t, 200, r.Status, l.name)
			assert.False(t, r.ClientGone || r.Aborted, l.name)
		})
	}
}
