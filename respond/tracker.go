package respond

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// beginner tells whether a final answer has begun.
type beginner interface{ Written() bool }

// tracked returns a writer with the interfaces of w, and who tells whether the
// answer has begun. Only w itself is asked: a writer further in need not know
// of what a compressor holds back, for instance.
func tracked(w http.ResponseWriter) (http.ResponseWriter, beginner) {
	switch base := w.(type) {
	case beginner:
		return w, base
	case writer1:
		if _, more := w.(http.Pusher); !more {
			t := &tracker1{writer1: base}
			return t, t
		}
	case writer2:
		if _, more := w.(io.ReaderFrom); !more {
			t := &tracker2{writer2: base}
			return t, t
		}
	}
	t := new(begun)
	return hooked(w, t), t
}

// writer1 and writer2 have the methods of net/http's writers for HTTP/1 and
// HTTP/2, and few writers have others. A struct around one costs a tenth of
// what hooks do.
type (
	common interface {
		http.ResponseWriter
		http.Flusher
		CloseNotify() <-chan bool
		io.StringWriter
		FlushError() error
	}
	writer1 interface {
		common
		http.Hijacker
		io.ReaderFrom
	}
	writer2 interface {
		common
		http.Pusher
	}
)

// begun is set as soon as a final answer has begun.
type begun bool

func (b *begun) Written() bool { return bool(*b) }

// status notes the code of a WriteHeader. An interim answer is not the final
// one, but a change of protocols is.
func (b *begun) status(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		*b = true
	}
}

type tracker1 struct {
	writer1
	begun
}

func (t *tracker1) Unwrap() http.ResponseWriter { return t.writer1 }

func (t *tracker1) WriteHeader(code int) {
	t.writer1.WriteHeader(code)
	t.status(code) // behind the call: an invalid code panics, and nothing is sent
}

func (t *tracker1) Write(p []byte) (int, error) {
	t.begun = true
	return t.writer1.Write(p)
}

func (t *tracker1) WriteString(s string) (int, error) {
	t.begun = true
	return t.writer1.WriteString(s)
}

func (t *tracker1) ReadFrom(r io.Reader) (int64, error) {
	t.begun = true
	return t.writer1.ReadFrom(r)
}

func (t *tracker1) Flush() {
	t.begun = true
	t.writer1.Flush()
}

func (t *tracker1) FlushError() error {
	t.begun = true
	return t.writer1.FlushError()
}

func (t *tracker1) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	t.begun = true
	return t.writer1.Hijack()
}

type tracker2 struct {
	writer2
	begun
}

func (t *tracker2) Unwrap() http.ResponseWriter { return t.writer2 }

func (t *tracker2) WriteHeader(code int) {
	t.writer2.WriteHeader(code)
	t.status(code)
}

func (t *tracker2) Write(p []byte) (int, error) {
	t.begun = true
	return t.writer2.Write(p)
}

func (t *tracker2) WriteString(s string) (int, error) {
	t.begun = true
	return t.writer2.WriteString(s)
}

func (t *tracker2) Flush() {
	t.begun = true
	t.writer2.Flush()
}

func (t *tracker2) FlushError() error {
	t.begun = true
	return t.writer2.FlushError()
}

// hooked is for every other set of interfaces.
func hooked(w http.ResponseWriter, b *begun) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(code int) {
				next(code)
				b.status(code)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) {
				*b = true
				return next(p)
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(s string) (int, error) {
				*b = true
				return next(s)
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(r io.Reader) (int64, error) {
				*b = true
				return next(r)
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				*b = true
				next()
			}
		},
		FlushError: func(next httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				*b = true
				return next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				*b = true
				return next()
			}
		},
	})
}
