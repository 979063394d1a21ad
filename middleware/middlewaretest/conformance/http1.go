package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// client1 sends requests over HTTP/1, one after the other.
type client1 struct {
	*target
	protocol string
	conn     net.Conn
	in       *bufio.Reader
	last     *exchange // the exchange before on this connection, or nil
}

func (c *client1) do(ctx context.Context, req Request) (*exchange, error) {
	x := &exchange{request: req, protocol: c.protocol}
	fresh := c.conn == nil
	if !fresh && !req.isSafe() { // if the server has closed the connection, such a request must not be sent again
		c.hangUp()
		fresh = true
	}
	if fresh {
		conn, err := c.dial(ctx, "http/1.1")
		if err != nil {
			return nil, err
		}
		c.conn, c.in, c.last = conn, bufio.NewReaderSize(conn, 16<<10), nil
	}
	c.deadline(ctx, c.conn)
	r := &reader1{in: c.in, max: c.options.MaxBody, x: x}
	_, err := c.conn.Write(req.bytes(c.protocol, c.host))
	if _, gone := c.in.Peek(1); !fresh && (err != nil || gone != nil) && !isTimeout(gone) {
		last := c.last
		c.hangUp()
		again, err := c.do(ctx, req)
		if again != nil && again.final != nil { // otherwise the server closes the connection because of this request
			last.fault("silent-close", "the connection ended before the next request got a response")
		}
		return again, err
	}
	if err := r.response(); err != nil {
		c.failed(x, err)
	}
	if c.last != nil && x.final == nil && len(x.faults) > 0 && x.faults[len(x.faults)-1].rule == "status-line" {
		c.last.stray(x.faults[len(x.faults)-1].seen) // the bytes belong to the response before
		c.hangUp()
		return c.do(ctx, req)
	}
	c.finish(x)
	return x, ctx.Err()
}

// failed notes why a response could not be read to its end.
func (c *client1) failed(x *exchange, err error) {
	x.close = true
	switch {
	case isTimeout(err) && x.final != nil:
		x.cut = true // a stream without an end, perhaps
	case isTimeout(err):
		x.fault("no-response", fmt.Sprintf("no response arrived within %v", c.options.Timeout))
	case errors.Is(err, errNotHTTP):
	case x.final == nil:
		x.fault("no-response", fmt.Sprintf("the connection ended first (%v)", err))
	case len(x.faults) == 0 || x.faults[len(x.faults)-1].rule != "incomplete":
		x.fault("incomplete", fmt.Sprint(err))
	}
}

// finish notes bytes behind the response, and whether the server closes the
// connection as it has to.
func (c *client1) finish(x *exchange) {
	c.last = x
	x.close = x.close || !x.persists()
	if !x.close {
		if rest, _ := c.in.Peek(c.in.Buffered()); len(rest) > 0 {
			x.stray(fmt.Sprintf("%q", rest))
			c.hangUp()
		}
		return
	}
	if x.final != nil && !x.cut && x.final.status != 101 {
		rest, err := io.ReadAll(io.LimitReader(c.in, 1<<10))
		if len(rest) > 0 {
			x.stray(fmt.Sprintf("%q", rest))
		} else if isTimeout(err) && x.complete() {
			x.fault("close-done", fmt.Sprintf("the connection was still open after %v", c.options.Timeout))
		}
	}
	c.hangUp()
}

// stray notes bytes behind a response. Which rule they break depends on why the
// response ended before them.
func (x *exchange) stray(seen string) {
	rule := "length-exceeded"
	switch m := x.final; {
	case x.request.Method == "HEAD":
		rule = "head-body"
	case m != nil && m.bodyless:
		rule = "body-forbidden"
	}
	x.fault(rule, "behind the response arrived "+seen)
}

// persists reports whether the connection stays open after the response (RFC
// 9112, section 9.3).
func (x *exchange) persists() bool {
	switch m := x.final; {
	case m == nil || m.header.lists("Connection", "close") || strings.EqualFold(x.request.Header.Get("Connection"), "close"):
		return false
	case x.protocol == HTTP11 && m.version == HTTP11:
		return true
	default:
		return m.header.lists("Connection", "keep-alive") && strings.EqualFold(x.request.Header.Get("Connection"), "keep-alive")
	}
}

func (c *client1) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.conn, c.last = nil, nil
}
