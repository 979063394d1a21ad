package exchange

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/felixge/httpsnoop"
)

// A handler detects by type assertions what a ResponseWriter can do, so a wrapper
// must have exactly the interfaces of its base. net/http has two sets of them, for
// which there are types here. httpsnoop wraps any other base.

// http1Writer has the interfaces of net/http's HTTP/1 ResponseWriter.
type http1Writer struct{ Writer }

func (w *http1Writer) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w *http1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

// http2Writer has the interfaces of net/http's HTTP/2 ResponseWriter.
type http2Writer struct{ Writer }

func (w *http2Writer) Push(target string, opts *http.PushOptions) error {
	return w.base.(http.Pusher).Push(target, opts)
}

type (
	flushErrorer  interface{ FlushError() error }
	closeNotifier interface{ CloseNotify() <-chan bool }
	deadliner     interface{ SetReadDeadline(time.Time) error }

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

	// A base that also has a part of the other set is neither.
	bothBase interface {
		http2Base
		http.Hijacker
	}
	mixedBase interface {
		http2Base
		io.ReaderFrom
	}
)

// shape returns which of net/http's sets a base has: 1, 2, or 0 for any other.
func shape(rw http.ResponseWriter) int {
	switch rw.(type) {
	case bothBase, mixedBase:
		return 0
	case http1Base:
		return 1
	case http2Base:
		return 2
	}
	return 0
}

// wrap returns a new Writer around rw, and the ResponseWriter for the next handler.
func wrap(rw http.ResponseWriter) (*Writer, http.ResponseWriter) {
	switch shape(rw) {
	case 1:
		w := new(http1Writer)
		w.base = rw
		return &w.Writer, w
	case 2:
		w := new(http2Writer)
		w.base = rw
		return &w.Writer, w
	}
	w := &Writer{base: rw}
	face := w.faceFor(rw)
	if _, ok := face.(carrier); !ok {
		w.listed = true
		faces.Store(face, w)
		faceCount.Add(1)
	}
	return w, face
}

// forgetFace removes what httpsnoop returned from the table.
func (w *Writer) forgetFace(face http.ResponseWriter) {
	if w.listed {
		faces.Delete(face)
		faceCount.Add(-1)
	}
}

// faceFor wraps a base of any other shape. http.ResponseController follows Unwrap
// for methods that the base itself does not have, and bypasses every hook: it would
// flush or hijack while an error is held, and set deadlines without the exchange. If
// there is such a method below, the result has it as well.
func (w *Writer) faceFor(rw http.ResponseWriter) http.ResponseWriter {
	_, flusher := rw.(http.Flusher)
	_, flushErrorer := rw.(flushErrorer)
	_, hijacker := rw.(http.Hijacker)
	_, deadliner := rw.(deadliner)
	found := below(rw)
	switch {
	case found.flush && !flusher && !flushErrorer, found.hijack && !hijacker, found.deadlines && !deadliner:
		return w.reach(rw, flusher, hijacker || found.hijack)
	}
	return httpsnoop.Wrap(rw, w.hooks())
}

// reach returns a reachWriter with the further interfaces of its base.
func (w *Writer) reach(rw http.ResponseWriter, flusher, hijacks bool) http.ResponseWriter {
	if hijacks {
		return w.reachHijacker(rw, flusher)
	}
	reach := &reachWriter{w}
	pusher, _ := rw.(http.Pusher)
	switch {
	case flusher && pusher != nil:
		return struct {
			*reachWriter
			http.Flusher
			http.Pusher
		}{reach, w, pusher}
	case flusher:
		return struct {
			*reachWriter
			http.Flusher
		}{reach, w}
	case pusher != nil:
		return struct {
			*reachWriter
			http.Pusher
		}{reach, pusher}
	}
	return reach
}

// reachHijacker is reach for a base that can hijack.
func (w *Writer) reachHijacker(rw http.ResponseWriter, flusher bool) http.ResponseWriter {
	if notifier, ok := rw.(closeNotifier); ok && flusher {
		return w.reachAll(rw, notifier)
	}
	hijacks := hijackReacher{&reachWriter{w}, hijackMethod{w}}
	pusher, _ := rw.(http.Pusher)
	switch {
	case flusher && pusher != nil:
		return struct {
			hijackReacher
			http.Flusher
			http.Pusher
		}{hijacks, w, pusher}
	case flusher:
		return struct {
			hijackReacher
			http.Flusher
		}{hijacks, w}
	case pusher != nil:
		return struct {
			hijackReacher
			http.Pusher
		}{hijacks, pusher}
	}
	return hijacks
}

// reachAll is reach for a base that can flush and hijack and has CloseNotify, as
// that of gin, which has everything.
func (w *Writer) reachAll(rw http.ResponseWriter, notifier closeNotifier) http.ResponseWriter {
	hijacks := hijackReacher{&reachWriter{w}, hijackMethod{w}}
	if pusher, ok := rw.(http.Pusher); ok {
		return struct {
			hijackReacher
			http.Flusher
			closeNotifier
			http.Pusher
		}{hijacks, w, notifier, pusher}
	}
	return struct {
		hijackReacher
		http.Flusher
		closeNotifier
	}{hijacks, w, notifier}
}

// reachWriter is for a base whose Unwrap leads to methods that it does not have
// itself. WriteString and ReadFrom work with any base, and http.ResponseController
// would find the deadlines below.
type reachWriter struct{ w *Writer }

func (x *reachWriter) carried() (*Exchange, *Writer)         { return x.w.x, x.w }
func (x *reachWriter) Header() http.Header                   { return x.w.Header() }
func (x *reachWriter) WriteHeader(code int)                  { x.w.WriteHeader(code) }
func (x *reachWriter) Write(p []byte) (int, error)           { return x.w.Write(p) }
func (x *reachWriter) WriteString(s string) (int, error)     { return x.w.WriteString(s) }
func (x *reachWriter) ReadFrom(src io.Reader) (int64, error) { return x.w.readFrom(src) }
func (x *reachWriter) FlushError() error                     { return x.w.FlushError() }
func (x *reachWriter) SetReadDeadline(t time.Time) error     { return x.w.SetReadDeadline(t) }
func (x *reachWriter) SetWriteDeadline(t time.Time) error    { return x.w.SetWriteDeadline(t) }
func (x *reachWriter) Unwrap() http.ResponseWriter           { return x.w.base }

// hijackReacher is a reachWriter that can hijack.
type hijackReacher struct {
	*reachWriter
	hijackMethod
}

// hijacker is what hijackMethod calls.
type hijacker interface {
	hijack() (net.Conn, *bufio.ReadWriter, error)
}

// hijackMethod adds Hijack to a struct.
type hijackMethod struct{ h hijacker }

func (m hijackMethod) Hijack() (net.Conn, *bufio.ReadWriter, error) { return m.h.hijack() }

func (w *Writer) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		Header:      func(httpsnoop.HeaderFunc) httpsnoop.HeaderFunc { return w.Header },
		WriteHeader: func(httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc { return w.WriteHeader },
		Write:       func(httpsnoop.WriteFunc) httpsnoop.WriteFunc { return w.Write },
		WriteString: func(httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc { return w.WriteString },
		Flush:       func(httpsnoop.FlushFunc) httpsnoop.FlushFunc { return w.Flush },
		FlushError:  func(httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc { return w.FlushError },
		Hijack:      func(httpsnoop.HijackFunc) httpsnoop.HijackFunc { return w.hijack },
		ReadFrom:    func(httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc { return w.readFrom },

		SetReadDeadline:  func(httpsnoop.SetReadDeadlineFunc) httpsnoop.SetReadDeadlineFunc { return w.SetReadDeadline },
		SetWriteDeadline: func(httpsnoop.SetWriteDeadlineFunc) httpsnoop.SetWriteDeadlineFunc { return w.SetWriteDeadline },
	}
}

// canFlush reports whether rw or what it wraps can flush.
func canFlush(rw http.ResponseWriter) bool {
	switch rw.(type) {
	case http.Flusher, flushErrorer:
		return true
	}
	return below(rw).flush
}

// abilities are what a ResponseWriter can do besides writing.
type abilities struct{ flush, hijack, deadlines bool }

// below returns the abilities of the layers to which Unwrap leads from rw.
func below(rw http.ResponseWriter) (found abilities) {
	for range maxLayers {
		u, ok := rw.(unwrapper)
		if !ok {
			return found
		}
		rw = u.Unwrap()
		switch rw.(type) {
		case http.Flusher, flushErrorer:
			found.flush = true
		}
		if _, ok := rw.(http.Hijacker); ok {
			found.hijack = true
		}
		if _, ok := rw.(deadliner); ok {
			found.deadlines = true
		}
	}
	return abilities{}
}
