package middleware

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// A handler finds out what a ResponseWriter can do by asking for interfaces,
// so a wrapper has to have those of its base, no fewer and no more. net/http
// has two sets: these are the types for them. Any other base is left to
// httpsnoop.

// http1Writer has the interfaces that HTTP/1 gives.
type http1Writer struct{ writer }

func (w *http1Writer) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w *http1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

// http2Writer has the interfaces that HTTP/2 gives.
type http2Writer struct{ writer }

func (w *http2Writer) Push(target string, opts *http.PushOptions) error {
	return w.base.(http.Pusher).Push(target, opts)
}

type (
	flushErrorer  interface{ FlushError() error }
	unwrapper     interface{ Unwrap() http.ResponseWriter }
	closeNotifier interface{ CloseNotify() <-chan bool }

	common interface {
		http.ResponseWriter
		http.Flusher
		flushErrorer
		io.StringWriter
		closeNotifier
	}
	http1Base interface {
		common
		http.Hijacker
		io.ReaderFrom
	}
	http2Base interface {
		common
		http.Pusher
	}
)

// enter returns the writer to use around rw, what to hand to the next handler,
// and whether the writer was made here and so has to be closed here. A writer
// that an outer handler of this package has made is used again if nothing
// stands in between.
func enter(rw http.ResponseWriter, r *http.Request) (w *writer, face http.ResponseWriter, req *http.Request, owner bool) {
	switch base := rw.(type) {
	case interface{ shared() *writer }:
		return base.shared(), rw, r, false
	case http1Base:
		if _, more := rw.(http.Pusher); !more {
			x := &http1Writer{writer{base: rw, req: r}}
			return &x.writer, x, r, true
		}
	case http2Base:
		_, hijacker := rw.(http.Hijacker)
		_, readerFrom := rw.(io.ReaderFrom)
		if !hijacker && !readerFrom {
			x := &http2Writer{writer{base: rw, req: r}}
			return &x.writer, x, r, true
		}
	}
	return enterOther(rw, r)
}

// faceKey finds the writer behind a ResponseWriter that httpsnoop has made: it
// cannot be asked itself.
type faceKey struct{}

type faced struct {
	context.Context
	w    *writer
	face http.ResponseWriter
}

func (f *faced) Value(key any) any {
	if key == (faceKey{}) {
		return f
	}
	return f.Context.Value(key)
}

func enterOther(rw http.ResponseWriter, r *http.Request) (w *writer, face http.ResponseWriter, req *http.Request, owner bool) {
	if f, ok := r.Context().Value(faceKey{}).(*faced); ok && f.face == rw {
		return f.w, rw, r, false
	}
	w = &writer{base: rw}
	face = w.faceFor(rw)
	w.req = r.WithContext(&faced{Context: r.Context(), w: w, face: face})
	return w, face, w.req, true
}

// faceFor wraps a base of any other shape. http.ResponseController walks down
// Unwrap for what the base does not have itself, past every hook, and would
// flush or hijack while an error is held. If there is something to find below,
// the face has to have it too.
func (w *writer) faceFor(rw http.ResponseWriter) http.ResponseWriter {
	_, flusher := rw.(http.Flusher)
	_, flushErrorer := rw.(flushErrorer)
	_, hijacker := rw.(http.Hijacker)
	flushBelow, hijackBelow := below(rw)
	if (flusher || flushErrorer || !flushBelow) && (hijacker || !hijackBelow) {
		return httpsnoop.Wrap(rw, w.hooks())
	}
	hijacks := hijacker || hijackBelow
	_, pusher := rw.(http.Pusher)
	switch reach := (&reachWriter{w}); {
	case flusher && hijacks && pusher:
		return struct {
			*reachWriter
			http.Flusher
			http.Pusher
			hijackMethod
		}{reach, w, rw.(http.Pusher), hijackMethod{w}}
	case flusher && hijacks:
		return struct {
			*reachWriter
			http.Flusher
			hijackMethod
		}{reach, w, hijackMethod{w}}
	case hijacks && pusher:
		return struct {
			*reachWriter
			http.Pusher
			hijackMethod
		}{reach, rw.(http.Pusher), hijackMethod{w}}
	case hijacks:
		return struct {
			*reachWriter
			hijackMethod
		}{reach, hijackMethod{w}}
	case pusher: // no Flusher: its base would not have come here
		return struct {
			*reachWriter
			http.Pusher
		}{reach, rw.(http.Pusher)}
	default:
		return reach
	}
}

// reachWriter is for a base whose Unwrap leads to more than it has itself.
// WriteString and ReadFrom promise nothing that a plain Write cannot do.
type reachWriter struct{ w *writer }

func (x *reachWriter) shared() *writer                       { return x.w }
func (x *reachWriter) Header() http.Header                   { return x.w.Header() }
func (x *reachWriter) WriteHeader(code int)                  { x.w.WriteHeader(code) }
func (x *reachWriter) Write(p []byte) (int, error)           { return x.w.Write(p) }
func (x *reachWriter) WriteString(s string) (int, error)     { return x.w.WriteString(s) }
func (x *reachWriter) ReadFrom(src io.Reader) (int64, error) { return x.w.readFrom(src) }
func (x *reachWriter) FlushError() error                     { return x.w.FlushError() }
func (x *reachWriter) Unwrap() http.ResponseWriter           { return x.w.base }

// hijackMethod adds Hijack to a struct.
type hijackMethod struct{ w *writer }

func (h hijackMethod) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.w.hijack() }

func (w *writer) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		Header:      func(httpsnoop.HeaderFunc) httpsnoop.HeaderFunc { return w.Header },
		WriteHeader: func(httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc { return w.WriteHeader },
		Write:       func(httpsnoop.WriteFunc) httpsnoop.WriteFunc { return w.Write },
		WriteString: func(httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc { return w.WriteString },
		Flush:       func(httpsnoop.FlushFunc) httpsnoop.FlushFunc { return w.Flush },
		FlushError:  func(httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc { return w.FlushError },
		Hijack:      func(httpsnoop.HijackFunc) httpsnoop.HijackFunc { return w.hijack },
		ReadFrom:    func(httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc { return w.readFrom },
	}
}

// maxLayers bounds the walk down Unwrap. A layer that returns itself would
// keep http.ResponseController busy for ever (go.dev/issue/66350).
const maxLayers = 64

// below reports whether Unwrap leads from rw to a layer that can flush, and to
// one that can hijack.
func below(rw http.ResponseWriter) (flush, hijack bool) {
	for range maxLayers {
		u, ok := rw.(unwrapper)
		if !ok {
			return flush, hijack
		}
		rw = u.Unwrap()
		switch rw.(type) {
		case http.Flusher, flushErrorer:
			flush = true
		}
		if _, ok := rw.(http.Hijacker); ok {
			hijack = true
		}
	}
	return false, false
}

// keepsInterim reports whether a base takes an interim code for the final one,
// as the writer of http.TimeoutHandler does: it has neither a way to flush nor
// one to what it wraps.
func keepsInterim(rw http.ResponseWriter) bool {
	switch rw.(type) {
	case http.Flusher, flushErrorer, unwrapper:
		return false
	}
	return true
}

// isUnsupported reports whether nothing below can do what was asked.
func isUnsupported(err error) bool { return errors.Is(err, http.ErrNotSupported) }
