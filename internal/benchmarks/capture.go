package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/felixge/httpsnoop"
	chi "github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/rejoinder-go/rejoinder/middleware"
)

var capture = work{
	name:   "Capture",
	title:  "capture status and bytes of a success",
	bounds: "what an access log or a metric pays for each request before it writes anything",
	base:   chiTimed,
	bar:    bar{ratio: 1, allocs: 1},
	all: func() []contender {
		return []contender{
			captured("direct", "captures nothing", blind(func(next http.Handler) http.Handler { return next })),
			captured("floor.embed", "one struct around the writer; Hijack and ReadFrom only through Unwrap", func(next http.Handler, seen seenFunc) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c := &embedded{ResponseWriter: w}
					next.ServeHTTP(c, r)
					seen(c.code, c.bytes)
				})
			}),
			captured("chi", "WrapResponseWriter", func(next http.Handler, seen seenFunc) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c := chi.NewWrapResponseWriter(w, r.ProtoMajor)
					next.ServeHTTP(c, r)
					seen(c.Status(), int64(c.BytesWritten()))
				})
			}),
			captured(chiTimed, "the same, and two readings of the clock", func(next http.Handler, seen seenFunc) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					start := time.Now()
					c := chi.NewWrapResponseWriter(w, r.ProtoMajor)
					next.ServeHTTP(c, r)
					_ = time.Since(start)
					seen(c.Status(), int64(c.BytesWritten()))
				})
			}),
			captured("httpsnoop", "CaptureMetrics", func(next http.Handler, seen seenFunc) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					m := httpsnoop.CaptureMetrics(next, w, r)
					seen(m.Code, m.Written)
				})
			}),
			captured("gorilla", "CustomLoggingHandler with a formatter that writes nothing", func(next http.Handler, seen seenFunc) http.Handler {
				return handlers.CustomLoggingHandler(io.Discard, next, func(_ io.Writer, p handlers.LogFormatterParams) {
					seen(p.StatusCode, int64(p.Size))
				})
			}),
			captured("otelhttp", "no-op providers; it shows the status only to the meter", blind(func(next http.Handler) http.Handler {
				return otelhttp.NewHandler(next, "order")
			})),
			captured(ours, "also duration, interim codes, hijacks, aborts, write errors", func(next http.Handler, seen seenFunc) http.Handler {
				return middleware.Capture(func(_ *http.Request, res middleware.Result) { seen(res.Status, res.Bytes) })(next)
			}),
		}
	},
}

// chiTimed is what a middleware with chi's wrapper takes that also measures how long
// a handler took.
const chiTimed = "chi, timed"

// seenFunc is called with what a middleware has captured, after the handler has returned.
type seenFunc func(status int, bytes int64)

// capturer is a middleware that captures.
type capturer func(next http.Handler, seen seenFunc) http.Handler

// blind makes a capturer of a middleware that does not report what it captures, so that
// only its response can be checked.
func blind(wrap func(http.Handler) http.Handler) capturer {
	return func(next http.Handler, seen seenFunc) http.Handler {
		h := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			seen(0, 0)
		})
	}
}

var smallBody = []byte(`{"id":17}`)

// small is the handler of most requests: a type, a status, one write.
func small(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		w.WriteHeader(code)
		_, _ = w.Write(smallBody)
	}
}

func smallResponse(code int) expected {
	return expected{status: code, header: map[string]string{"Content-Type": "application/json"}, body: string(smallBody)}
}

var jsonType = []string{"application/json"}

func captured(name, note string, wrap capturer) contender {
	return contender{name, note, func() (func(*testing.B), error) {
		lost := lostMethods
		if name == "floor.embed" { // its methods are found through Unwrap
			lost = lostDeadline
		}
		for _, code := range []int{http.StatusOK, http.StatusNotFound} {
			if err := checkCapture(wrap, code, lost); err != nil {
				return nil, err
			}
		}
		var last struct {
			status int
			bytes  int64
		}
		return serve(wrap(small(http.StatusOK), func(s int, n int64) { last.status, last.bytes = s, n }), path), nil
	}}
}

// checkCapture checks that the captured numbers are those of the response, and that the
// handler has lost no methods of net/http's ResponseWriter. Zeros mean a middleware that
// does not report what it captures.
func checkCapture(wrap capturer, code int, lost func(http.ResponseWriter) error) error {
	var lostErr error
	var status int
	var bytes int64
	h := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lostErr = lost(w)
		small(code)(w, r)
	}), func(s int, n int64) { status, bytes = s, n })

	s := httptest.NewServer(h)
	res, body, err := get(s, path)
	s.Close() // waits for the handler, so that what it captured may be read
	if err != nil {
		return err
	}
	if err := errors.Join(smallResponse(code).compare(res, body), lostErr); err != nil {
		return err
	}
	if (status != 0 || bytes != 0) && (status != code || bytes != int64(len(smallBody))) {
		return fmt.Errorf("captured %d and %d bytes, want %d and %d", status, bytes, code, len(smallBody))
	}
	return nil
}

func lostMethods(w http.ResponseWriter) error {
	_, flush := w.(http.Flusher)
	_, hijack := w.(http.Hijacker)
	_, readFrom := w.(io.ReaderFrom)
	if !flush || !hijack || !readFrom {
		return fmt.Errorf("Flush %t, Hijack %t, ReadFrom %t", flush, hijack, readFrom)
	}
	return lostDeadline(w)
}

func lostDeadline(w http.ResponseWriter) error {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		return fmt.Errorf("SetWriteDeadline: %w", err)
	}
	return nil
}

// embedded is the smallest wrapper that captures.
type embedded struct {
	http.ResponseWriter
	code  int
	bytes int64
}

func (e *embedded) WriteHeader(code int) {
	if e.code == 0 {
		e.code = code
	}
	e.ResponseWriter.WriteHeader(code)
}

func (e *embedded) Write(p []byte) (int, error) {
	if e.code == 0 {
		e.code = http.StatusOK
	}
	n, err := e.ResponseWriter.Write(p)
	e.bytes += int64(n)
	return n, err
}

func (e *embedded) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *embedded) Flush() { e.ResponseWriter.(http.Flusher).Flush() }

func (e *embedded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return e.ResponseWriter.(http.Hijacker).Hijack()
}
