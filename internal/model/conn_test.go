package model_test

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// half is one direction of a connection in memory. Unlike net.Pipe's it has a
// buffer without a bound, so that a server never waits for its client, and it
// can end while the other direction goes on, as TCP's can.
type half struct {
	mu      sync.Mutex
	changed *sync.Cond
	buf     []byte
	ended   bool // by the writer
	gone    bool // the reader is
	expired bool // the deadline of the reader has passed
	timer   *time.Timer
}

func newHalf() *half {
	h := new(half)
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.gone:
			return 0, net.ErrClosed
		case h.expired:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			h.buf = h.buf[n:]
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone || h.ended {
		return 0, io.ErrClosedPipe
	}
	h.buf = append(h.buf, p...)
	h.changed.Broadcast()
	return len(p), nil
}

// update changes the state under the lock and wakes readers.
func (h *half) update(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	h.changed.Broadcast()
}

func (h *half) setDeadline(t time.Time) {
	h.update(func() {
		if h.timer != nil {
			h.timer.Stop()
			h.timer = nil
		}
		wait := time.Until(t)
		h.expired = !t.IsZero() && wait <= 0
		if !t.IsZero() && wait > 0 {
			var timer *time.Timer
			timer = time.AfterFunc(wait, func() {
				h.update(func() { h.expired = h.expired || h.timer == timer })
			})
			h.timer = timer
		}
	})
}

// taken returns what has been written and not read, and whether more can come.
func (h *half) taken() (data []byte, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf, h.ended
}

// conn is one end of a connection in memory.
type conn struct {
	in, out *half
	mu      sync.Mutex
	until   time.Time // when writes end
}

// newConns returns the ends of a connection.
func newConns() (client, server *conn) {
	a, b := newHalf(), newHalf()
	return &conn{in: a, out: b}, &conn{in: b, out: a}
}

func (c *conn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	late := !c.until.IsZero() && !time.Now().Before(c.until)
	c.mu.Unlock()
	if late {
		return 0, os.ErrDeadlineExceeded
	}
	return c.out.write(p)
}

// CloseWrite ends one direction, as net/http does before it waits for the
// client to notice.
func (c *conn) CloseWrite() error {
	c.out.update(func() { c.out.ended = true })
	return nil
}

func (c *conn) Close() error {
	c.in.setDeadline(time.Time{})
	c.in.update(func() { c.in.gone = true })
	return c.CloseWrite()
}

func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = t
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return address("127.0.0.1:80") }
func (c *conn) RemoteAddr() net.Addr { return address("127.0.0.1:1234") }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// readerFromConn is a conn that net/http's ReadFrom uses for sendfile, as a
// TCP connection is.
type readerFromConn struct{ *conn }

func (c readerFromConn) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c.conn}, src)
}
