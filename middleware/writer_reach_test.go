package middleware_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Bases with an Unwrap method, which leads to net/http's ResponseWriter.

type (
	flusher  struct{ http.Flusher }
	pusher   struct{ http.Pusher }
	notifier struct{}
)

func (notifier) CloseNotify() <-chan bool { return nil }

// ownHijack is the Hijack of a layer, which needs none below.
type ownHijack struct{}

func (ownHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errBroken }

type ownDeadlines struct{}

func (ownDeadlines) SetReadDeadline(time.Time) error  { return nil }
func (ownDeadlines) SetWriteDeadline(time.Time) error { return nil }

type flushesWithError struct{ w http.ResponseWriter }

func (f flushesWithError) FlushError() error { return http.NewResponseController(f.w).Flush() }

// unwrappingBases are bases with some of the optional interfaces. What they lack, and
// net/http has, http.ResponseController finds below.
func unwrappingBases(w http.ResponseWriter) map[string]http.ResponseWriter {
	f, u := flusher{w.(http.Flusher)}, unwrapping{w}
	return map[string]http.ResponseWriter{
		"nothing": u,
		"Flusher": struct {
			unwrapping
			flusher
		}{u, f},
		"Pusher": struct {
			unwrapping
			pusher
		}{u, pusher{noPush{}}},
		"Flusher, Pusher": struct {
			unwrapping
			flusher
			pusher
		}{u, f, pusher{noPush{}}},
		"Hijacker": struct {
			unwrapping
			ownHijack
		}{unwrapping: u},
		"Hijacker, Pusher": struct {
			unwrapping
			ownHijack
			pusher
		}{unwrapping: u, pusher: pusher{noPush{}}},
		"Flusher, Hijacker": struct {
			unwrapping
			flusher
			ownHijack
		}{unwrapping: u, flusher: f},
		"Flusher, Hijacker, Pusher": struct {
			unwrapping
			flusher
			ownHijack
			pusher
		}{unwrapping: u, flusher: f, pusher: pusher{noPush{}}},
		"Flusher, Hijacker, CloseNotifier": struct {
			unwrapping
			flusher
			ownHijack
			notifier
		}{unwrapping: u, flusher: f},
		"all": struct {
			unwrapping
			flusher
			ownHijack
			notifier
			pusher
		}{unwrapping: u, flusher: f, pusher: pusher{noPush{}}},
		"Hijacker, CloseNotifier": struct {
			unwrapping
			ownHijack
			notifier
		}{unwrapping: u},
		"Flusher, Hijacker, deadlines": struct {
			unwrapping
			flusher
			ownHijack
			ownDeadlines
		}{unwrapping: u, flusher: f},
		"FlushError, Hijacker, deadlines": struct {
			unwrapping
			flushesWithError
			ownHijack
			ownDeadlines
		}{unwrapping: u, flushesWithError: flushesWithError{w}},
		"Flusher, deadlines": struct {
			unwrapping
			flusher
			ownDeadlines
		}{unwrapping: u, flusher: f},
	}
}

func TestAWriterHasWhatItsBaseCanReach(t *testing.T) {
	for _, protocol := range wiretest.Protocols {
		wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, below := w.(http.Hijacker)
			for name, base := range unwrappingBases(w) {
				want := interfacesOf(base)
				middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					got := interfacesOf(w)
					where := protocol + ": " + name
					assert.Equal(t, want["Flusher"], got["Flusher"], where)
					assert.Equal(t, want["Pusher"], got["Pusher"], where)
					assert.Equal(t, want["Hijacker"] || below, got["Hijacker"], where)
					if want["Flusher"] && want["Hijacker"] {
						assert.Equal(t, want["CloseNotifier"], got["CloseNotifier"], where)
					}
					if hasAll := (want["Flusher"] || want["FlushError"]) && (want["Hijacker"] || !below) && want["ReadDeadline"]; hasAll {
						assert.Equal(t, want, got, "%s: nothing is hidden below", where)
					}
					if p, ok := w.(http.Pusher); ok {
						assert.ErrorIs(t, p.Push("/y", nil), http.ErrNotSupported, where)
					}
					if want["Hijacker"] {
						_, _, err := http.NewResponseController(w).Hijack()
						assert.ErrorIs(t, err, errBroken, where)
					}
				})).ServeHTTP(base, r)
			}
		}))
	}
}

// Package respond knows through any layers that a response has begun.
func TestFailKnowsThatAResponseHasBegun(t *testing.T) {
	for name, row := range map[string]struct {
		outside func(http.Handler) http.Handler
		inside  func(http.ResponseWriter) http.ResponseWriter
	}{
		"Capture":                    {middleware.Capture(nothing), func(w http.ResponseWriter) http.ResponseWriter { return w }},
		"Capture, wrappers":          {middleware.Capture(nothing), func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{unwrapping{w}} }},
		"Timeout":                    {middleware.Timeout(never), func(w http.ResponseWriter) http.ResponseWriter { return w }},
		"Timeout, wrappers":          {middleware.Timeout(never), func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{unwrapping{w}} }},
		"Timeout around a wrapper's": {middleware.Chain(plainWrapper, middleware.Timeout(never)), func(w http.ResponseWriter) http.ResponseWriter { return w }},
	} {
		for _, begun := range []bool{false, true} {
			for _, protocol := range wiretest.Protocols {
				log, text := wiretest.NewLogger()
				responder := &respond.Responder{Logger: log}
				a := wiretest.Get(t, protocol, row.outside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if begun {
						w.WriteHeader(202)
					}
					responder.Fail(row.inside(w), r, problem.New(409, problem.Cause(errors.New("taken"))))
				})))
				where := protocol + ": " + name
				if begun {
					assert.Equal(t, 202, a.StatusCode, where)
					assert.Empty(t, a.Text, where)
					assert.Contains(t, text.String(), "after the response had begun", where)
				} else {
					assert.EqualValues(t, 409, a.Problem(t)["status"], where)
					assert.NotContains(t, text.String(), "after the response had begun", where)
				}
			}
		}
	}
}

// The pattern of everything is a route as well, but not for a tunnel.
func TestTheRouteOfEverythingIsKnown(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
	mux.HandleFunc("/a/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
	for path, want := range map[string]string{"/": "/", "/x": "/", "/a/": "/a/", "/a/x/": "/a/"} {
		capture, got := results()
		wiretest.Get(t, "HTTP/1.1", capture(mux), wiretest.Path(path))
		assert.Equal(t, want, (<-got).Route, path)
	}
}

type http2Full interface {
	http.ResponseWriter
	http.Flusher
	FlushError() error
	http.Pusher
	io.StringWriter
	CloseNotify() <-chan bool
}

type unwrappingHTTP1 struct{ http1Full }

func (u unwrappingHTTP1) Unwrap() http.ResponseWriter { return u.http1Full }

type unwrappingHTTP2 struct{ http2Full }

func (u unwrappingHTTP2) Unwrap() http.ResponseWriter { return u.http2Full }

// A wrapper may have all methods of net/http's ResponseWriter, and Unwrap as well.
func TestACompleteWrapperHidesNothing(t *testing.T) {
	complete := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if all, ok := w.(http1Full); ok {
				next.ServeHTTP(unwrappingHTTP1{all}, r)
				return
			}
			next.ServeHTTP(unwrappingHTTP2{w.(http2Full)}, r)
		})
	}
	for _, protocol := range wiretest.Protocols {
		for why, wrap := range map[string]func(http.Handler) http.Handler{
			"outermost": complete,
			"inside":    middleware.Chain(middleware.Capture(nothing), complete),
		} {
			wiretest.Get(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				want := interfacesOf(w)
				wrap(middleware.Capture(nothing)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					assert.Equal(t, want, interfacesOf(w), "%s: %s", protocol, why)
					begun, ok := w.(interface{ Written() bool })
					if assert.True(t, ok, "%s: %s", protocol, why) {
						assert.False(t, begun.Written())
						w.WriteHeader(202)
						assert.True(t, begun.Written())
					}
				}))).ServeHTTP(w, r)
			}))
		}
	}
}
