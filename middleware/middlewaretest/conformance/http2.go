package conformance

import (
	"bufio"
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// client2 sends requests over HTTP/2, one after the other. It does not use net/http's
// client, which hides some faults and reports others without their clause.
type client2 struct {
	*target
	conn *conn2 // nil if there is none
}

// conn2 is a connection of HTTP/2.
type conn2 struct {
	net.Conn
	in      *bufio.Reader
	decoder hpack
	id      uint32    // of the newest stream
	last    *exchange // on the stream before that, or nil
	window  int64     // how many bytes of DATA the server accepts on the connection
	initial int64     // and on a new stream
	greeted bool      // the server has sent SETTINGS
	leaving bool      // the server has sent GOAWAY
}

func (c *client2) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.conn = nil
}

func (c *client2) do(ctx context.Context, req Request) (*exchange, error) {
	x := &exchange{request: req, protocol: HTTP2}
	if c.conn != nil && !req.isSafe() { // if the server has closed the connection, such a request must not be sent again
		c.hangUp()
	}
	fresh := c.conn == nil
	if fresh {
		conn, err := c.dial(ctx, "h2")
		if err != nil {
			return nil, err
		}
		c.conn = &conn2{Conn: conn, in: bufio.NewReaderSize(conn, maxFrame), window: 65535, initial: 65535}
	}
	c.deadline(ctx, c.conn)
	s := c.open(x)
	err := s.send(c.head(req, s), req.Body)
	for err == nil && !s.ended {
		err = s.next()
	}
	if err != nil && !fresh && x.final == nil && len(x.faults) == 0 && !isTimeout(err) {
		c.hangUp()
		return c.do(ctx, req)
	}
	if err != nil {
		s.failed(err)
	}
	if err != nil || x.cut || c.conn.leaving {
		c.hangUp()
	}
	return x, ctx.Err()
}

// open returns a new stream.
func (c *client2) open(x *exchange) *stream2 {
	conn := c.conn
	if conn.id == 0 {
		conn.id = 1
	} else {
		conn.id += 2
	}
	return &stream2{conn2: conn, x: x, limit: c.options.MaxBody, timeout: c.options.Timeout, window: conn.initial}
}

// head returns the frames with the header of a request. On a new connection they
// follow the preface and SETTINGS.
func (c *client2) head(req Request, s *stream2) (b []byte) {
	if s.id == 1 {
		b = frame{kind: frameSettings, payload: []byte{0, 2, 0, 0, 0, 0}}.appendTo([]byte(preface)) // ENABLE_PUSH is 0
	}
	block := c.block(req)
	for kind := byte(frameHeaders); ; kind = frameContinuation {
		f := frame{kind: kind, stream: s.id, payload: block[:min(maxFrame, len(block))]}
		block = block[len(f.payload):]
		if kind == frameHeaders && req.Body == "" {
			f.flags |= flagEndStream
		}
		if len(block) == 0 {
			f.flags |= flagEndHeaders
		}
		b = f.appendTo(b)
		if len(block) == 0 {
			return b
		}
	}
}

// block returns the encoded header of a request, without the fields of a connection.
func (c *client2) block(req Request) (b []byte) {
	scheme := "http"
	if c.secure {
		scheme = "https"
	}
	b = appendField(b, ":method", req.Method)
	b = appendField(b, ":scheme", scheme)
	b = appendField(b, ":authority", cmp.Or(req.Header.Get("Host"), c.host))
	b = appendField(b, ":path", req.Target)
	if req.Header.Get("User-Agent") == "" {
		b = appendField(b, "user-agent", userAgent)
	}
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		if ofConnection(name) || strings.EqualFold(name, "Host") {
			continue
		}
		for _, v := range req.Header[name] {
			b = appendField(b, strings.ToLower(name), v)
		}
	}
	if req.hasLength() {
		b = appendField(b, "content-length", strconv.Itoa(len(req.Body)))
	}
	return b
}

// ofConnection reports whether a header field is forbidden in HTTP/2 (RFC 9113,
// section 8.2.2).
func ofConnection(name string) bool {
	return slices.ContainsFunc([]string{"Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding"}, func(s string) bool {
		return strings.EqualFold(s, name)
	})
}
