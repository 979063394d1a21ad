package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// nowhere is a ResponseWriter that does nothing, with every method that
// net/http's own has for HTTP/1, so that a wrapper takes the way that it takes
// in a server. What is counted with it belongs to the contender alone.
type nowhere struct {
	header http.Header
}

func newNowhere() *nowhere { return &nowhere{header: make(http.Header)} } // as small as a server makes it

// reset makes the writer ready for the next response.
func (w *nowhere) reset() { clear(w.header) }

func (w *nowhere) Header() http.Header               { return w.header }
func (*nowhere) WriteHeader(int)                     {}
func (*nowhere) Write(p []byte) (int, error)         { return len(p), nil }
func (*nowhere) WriteString(s string) (int, error)   { return len(s), nil }
func (*nowhere) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
func (*nowhere) Flush()                              {}
func (*nowhere) FlushError() error                   { return nil }
func (*nowhere) CloseNotify() <-chan bool            { return nil }
func (*nowhere) SetReadDeadline(time.Time) error     { return nil }
func (*nowhere) SetWriteDeadline(time.Time) error    { return nil }
func (*nowhere) EnableFullDuplex() error             { return nil }
func (*nowhere) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("nowhere has no connection")
}
