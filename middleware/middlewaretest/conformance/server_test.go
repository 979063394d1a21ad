package conformance_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
)

// A wire is a server that sends these bytes, without looking at what they say.
// Lines end in LF here and in CRLF on the wire; DATE stands for the present. The
// keys are what a request has: its method, "METHOD Field" for one with a header
// field, or "" for any. The connection stays open until the client closes it, but
// after <END>, and after a request with "Connection: close" unless <OPEN> is there.
type wire map[string]string

// serve returns the URL of a server, which ends with the test.
func (s wire) serve(t *testing.T) string {
	return listen(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			text := s.response(r)
			text = strings.ReplaceAll(text, "DATE", time.Now().UTC().Format(http.TimeFormat))
			text = strings.ReplaceAll(text, "\n", "\r\n")
			text = strings.ReplaceAll(text, "<LF>\r\n", "\n")
			text, closes := strings.CutSuffix(text, "<END>")
			text, stays := strings.CutSuffix(text, "<OPEN>")
			_, _ = io.WriteString(conn, text)
			if closes || r.Close && !stays {
				return
			}
		}
	})
}

// response returns the bytes for a request: those of the most specific key.
func (s wire) response(r *http.Request) string {
	for name := range r.Header {
		if text, ok := s[r.Method+" "+name]; ok {
			return text
		}
	}
	if text, ok := s[r.Method]; ok {
		return text
	}
	text := s[""]
	if status, rest, ok := strings.Cut(text, "\n"); ok && r.Close {
		text = status + "\nConnection: close\n" + rest
	}
	if head, _, ok := strings.Cut(text, "\n\n"); ok && r.Method == "HEAD" {
		head += "\n\n"
		if strings.HasSuffix(text, "<END>") {
			head += "<END>"
		}
		return head
	}
	return text
}

// listen serves each connection until the test ends, and returns the URL.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	return "http://" + wiretest.Listen(t, serve) + "/"
}

// A frames is a server of HTTP/2 that sends these frames in response to any
// request, after its SETTINGS.
type frames []raw

// raw is a frame whose stream is that of the request.
type raw struct {
	kind, flags byte
	payload     []byte
}

func (s frames) serve(t *testing.T) string {
	return listen(t, func(conn net.Conn) {
		requests(conn, func(stream uint32) bool {
			s.send(conn, stream)
			return true
		})
	})
}

func (s frames) send(conn net.Conn, stream uint32) {
	for _, f := range s {
		_, _ = conn.Write(f.bytes(stream))
	}
}

// requests calls f with the stream of each request until f returns false.
func requests(conn net.Conn, f func(stream uint32) bool) {
	if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	_, _ = conn.Write(raw{kind: 4}.bytes(0)) // SETTINGS
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return
		}
		switch kind, flags := head[3], head[4]; {
		case kind == 1: // HEADERS
			if !f(binary.BigEndian.Uint32(head[5:])) {
				return
			}
		case kind == 4 && flags == 0:
			_, _ = conn.Write(raw{kind: 4, flags: 1}.bytes(0))
		}
	}
}

func (f raw) bytes(stream uint32) []byte {
	n := len(f.payload)
	return append(binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), f.kind, f.flags}, stream), f.payload...)
}

// head is a HEADERS frame. Its fields are encoded without an index (RFC 7541,
// section 6.2.2).
func head(flags byte, lines ...string) raw {
	var b []byte
	for _, line := range lines {
		name, value, _ := strings.Cut(strings.ReplaceAll(line, "DATE", time.Now().UTC().Format(http.TimeFormat)), "=")
		b = append(b, 0, byte(len(name)))
		b = append(append(b, name...), byte(len(value)))
		b = append(b, value...)
	}
	return raw{1, flags, b}
}

func data(flags byte, text string) raw { return raw{0, flags, []byte(text)} }
