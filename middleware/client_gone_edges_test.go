package middleware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/stretchr/testify/assert"
)

// What a client does that requests /x of a server.
var (
	leaves = func(client *http.Client) { // after ten seconds
		client.Timeout = 10 * time.Second
		stays(client)
	}
	leavesEarly = func(client *http.Client) { // after nine tenths of that
		client.Timeout = 9 * time.Second
		stays(client)
	}
	stays = func(client *http.Client) {
		if res, err := client.Get("http://a/x"); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			client.CloseIdleConnections()
		}
	}
)

// declares writes the beginning of a response of a length, and flushes it.
func declares(length, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", length)
		io.WriteString(w, text)
		http.NewResponseController(w).Flush()
	}
}

// waits returns when the context has ended, and before the test does.
func waits(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Hour):
	}
}

func waiting(w http.ResponseWriter, r *http.Request) { waits(r) }

// withDeadlines sets each deadline that many seconds from its predecessor, and waits
// for the next.
func withDeadlines(set func(*http.ResponseController, time.Time) error, seconds ...time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, s := range seconds {
			set(http.NewResponseController(w), time.Now().Add(s*time.Second))
			<-time.After(2 * time.Second)
		}
		waits(r)
	}
}

type departure struct {
	h         http.HandlerFunc
	client    func(*http.Client)
	change    func(*http.Server)
	protocols []string // nil means all
	want      bool
}

func departures() map[string]departure {
	write, read := (*http.ResponseController).SetWriteDeadline, (*http.ResponseController).SetReadDeadline
	plain := func(*http.Server) {}
	writeTimeout := func(d time.Duration) func(*http.Server) { return func(s *http.Server) { s.WriteTimeout = d } }
	then := func(begin func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { begin(w); waits(r) }
	}
	only1, only2 := wiretest.Protocols[:1], []string{wiretest.HTTP2}
	return map[string]departure{
		"it leaves a part":         {then(declares("10", "abc")), leaves, plain, nil, true},
		"it leaves after the end":  {then(declares("3", "abc")), stays, plain, only1, false},
		"it leaves after no body":  {then(declares("0", "")), stays, plain, only1, false},
		"a length that is none":    {then(declares("-3", "abc")), leaves, plain, nil, true},
		"it leaves before the end": {func(w http.ResponseWriter, r *http.Request) { waits(r); declares("3", "abc")(w) }, leaves, plain, nil, true},
		"it leaves, and nothing is sent": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "0")
			waits(r)
			panic(http.ErrAbortHandler)
		}, leaves, plain, nil, true},
		"a flush after it has left": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			waits(r)
			http.NewResponseController(w).Flush()
		}, leaves, plain, only1, true},
		"a byte too many, and it stays": {func(w http.ResponseWriter, r *http.Request) {
			declares("3", "abc")(w)
			io.WriteString(w, "d")
			waits(r)
		}, stays, plain, only1, false},
		"a WriteTimeout, nothing written":      {waiting, stays, writeTimeout(2 * time.Second), only2, false},
		"the same, and a read deadline":        {withDeadlines(read, 3600), stays, writeTimeout(3 * time.Second), only2, false},
		"a long WriteTimeout":                  {waiting, leaves, writeTimeout(time.Hour), nil, true},
		"a long ReadTimeout":                   {waiting, leaves, func(s *http.Server) { s.ReadTimeout = time.Hour }, nil, true},
		"it leaves as a ReadTimeout is near":   {waiting, leavesEarly, func(s *http.Server) { s.ReadTimeout = 10 * time.Second }, nil, false},
		"it leaves as a WriteTimeout is near":  {waiting, leavesEarly, writeTimeout(10 * time.Second), nil, false},
		"a read deadline":                      {withDeadlines(read, 1), stays, plain, nil, false},
		"one that is replaced":                 {withDeadlines(read, 1, 3600), stays, plain, nil, false},
		"one that is replaced twice":           {withDeadlines(read, 1, 3600, 3600), stays, plain, nil, false},
		"a write deadline":                     {withDeadlines(write, 1), stays, plain, only2, false},
		"one of HTTP/2 that is replaced":       {withDeadlines(write, 1, 3600), stays, plain, only2, false},
		"one of HTTP/2 that is replaced twice": {withDeadlines(write, 1, 3600, 3600), stays, plain, only2, false},
		"one of HTTP/1 that is replaced":       {withDeadlines(write, 1, 3600), leaves, plain, only1, true},
	}
}

func TestAClientLeavesWhatItDidNotGet(t *testing.T) {
	for why, row := range departures() {
		inBubble(t, func(t *testing.T, protocol string) {
			if row.protocols != nil && row.protocols[0] != protocol {
				return
			}
			capture, got := results()
			p := serve(t, capture(row.h), row.change)
			row.client(p.client(t, protocol))
			assert.Equal(t, row.want, (<-got).ClientGone, "%s: %s", protocol, why)
		})
	}
}

// refusingWriter is the ResponseWriter of a layer that has given the request up.
type refusingWriter struct {
	unwrapping
	context.Context
}

func (w refusingWriter) Write(p []byte) (int, error) {
	if w.Err() != nil {
		return 0, http.ErrHandlerTimeout
	}
	return w.ResponseWriter.Write(p)
}

// muteWriter has a CloseNotify that panics, as that of gin does for some bases.
type muteWriter struct {
	unwrapping
	closeNotifier interface{ CloseNotify() <-chan bool }
}

func (w muteWriter) CloseNotify() <-chan bool { return w.closeNotifier.CloseNotify() }

// A layer outside may end the context for reasons of its own.
func TestALayerThatGivesUpIsNoClientThatLeft(t *testing.T) {
	for why, h := range map[string]http.HandlerFunc{
		"nothing":      waiting,
		"a late write": func(w http.ResponseWriter, r *http.Request) { waits(r); io.WriteString(w, "abc") },
		"a part":       func(w http.ResponseWriter, r *http.Request) { declares("10", "abc")(w); waits(r) },
		"a write beyond": func(w http.ResponseWriter, r *http.Request) {
			declares("10", "abc")(w)
			w.Write(make([]byte, 10))
			waits(r)
		},
	} {
		for name, wrap := range map[string]func(http.ResponseWriter, context.Context) http.ResponseWriter{
			"net/http's":  func(w http.ResponseWriter, _ context.Context) http.ResponseWriter { return w },
			"a wrapper's": func(w http.ResponseWriter, _ context.Context) http.ResponseWriter { return unwrapping{unwrapping{w}} },
			"an opaque": func(w http.ResponseWriter, _ context.Context) http.ResponseWriter {
				return struct{ http.ResponseWriter }{w}
			},
			"one that panics": func(w http.ResponseWriter, _ context.Context) http.ResponseWriter {
				return muteWriter{unwrapping{w}, nil}
			},
			"one refusing": func(w http.ResponseWriter, ctx context.Context) http.ResponseWriter {
				return refusingWriter{unwrapping{w}, ctx}
			},
		} {
			inBubble(t, func(t *testing.T, protocol string) {
				capture, got := results()
				p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithCancelCause(r.Context())
					var why error // nil is what a client that leaves causes
					if name == "an opaque" {
						why = errors.New("enough")
					}
					time.AfterFunc(time.Second, func() { cancel(why) })
					capture(h).ServeHTTP(wrap(w, ctx), r.WithContext(ctx))
				}))
				stays(p.client(t, protocol))
				assert.False(t, (<-got).ClientGone, "%s: %s inside %s", protocol, why, name)
			})
		}
	}
}

// The deadline of a layer outside is no client that left, and does not wait for one.
func TestAContextsDeadlineIsNoClientThatLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		begun, took := time.Now(), time.Duration(0)
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second)
			defer cancel()
			capture(http.HandlerFunc(waiting)).ServeHTTP(w, r.WithContext(ctx))
			took = time.Since(begun)
		}))
		stays(p.client(t, protocol))
		assert.False(t, (<-got).ClientGone)
		assert.Equal(t, time.Second, took)
	})
}

// Whether net/http reports that a client left is awaited for a moment only.
func TestAContextThatEndsDelaysNothingForLong(t *testing.T) {
	inBubble(t, func(t *testing.T, protocol string) {
		capture, got := results()
		begun, took := time.Now(), time.Duration(0)
		p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			time.AfterFunc(time.Second, cancel)
			capture(http.HandlerFunc(waiting)).ServeHTTP(w, r.WithContext(ctx))
			took = time.Since(begun)
		}))
		stays(p.client(t, protocol))
		assert.False(t, (<-got).ClientGone)
		assert.LessOrEqual(t, took, time.Second+20*time.Millisecond)
	})
}

// A request need not come from a server of net/http.
func TestACancelledRequestWithoutAServerIsGone(t *testing.T) {
	capture, got := results()
	rec, r := recorder()
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	capture(middleware.RequestID(http.HandlerFunc(waiting))).ServeHTTP(rec, r.WithContext(ctx))
	assert.True(t, (<-got).ClientGone)
}
