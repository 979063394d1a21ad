package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// discard is a ResponseWriter that does nothing. It has all methods of net/http's
// ResponseWriter for HTTP/1, so that wrappers behave as in a server. What is measured
// with it is the cost of the contender alone.
type discard struct {
	header http.Header
}

func newDiscard() *discard { return &discard{header: make(http.Header)} } // as small as a server makes it

// reset makes the writer ready for the next response.
func (w *discard) reset() { clear(w.header) }

func (w *discard) Header() http.Header               { return w.header }
func (*discard) WriteHeader(int)                     {}
func (*discard) Write(p []byte) (int, error)         { return len(p), nil }
func (*discard) WriteString(s string) (int, error)   { return len(s), nil }
func (*discard) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
func (*discard) Flush()                              {}
func (*discard) FlushError() error                   { return nil }
func (*discard) CloseNotify() <-chan bool            { return nil }
func (*discard) SetReadDeadline(time.Time) error     { return nil }
func (*discard) SetWriteDeadline(time.Time) error    { return nil }
func (*discard) EnableFullDuplex() error             { return nil }
func (*discard) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("discard has no connection")
}
