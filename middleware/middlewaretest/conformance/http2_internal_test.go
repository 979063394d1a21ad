package conformance

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial2 serves h with net/http over HTTP/2 and returns a client of it.
func dial2(t *testing.T, h http.Handler, o Options) *client2 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := &http.Server{Handler: h, Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 10}}
	srv.Protocols.SetUnencryptedHTTP2(true)
	go srv.Serve(l)
	t.Cleanup(func() { _ = srv.Close() })
	o, err = o.normalize("/")
	require.NoError(t, err)
	c := &client2{target: &target{options: o, host: "example.com", address: l.Addr().String(), speaks2: true}}
	t.Cleanup(c.hangUp)
	return c
}

// exchange2 returns an exchange without faults.
func exchange2(t *testing.T, c *client2, r Request) *exchange {
	t.Helper()
	r = r.canonical("/")
	require.NoError(t, r.validate())
	x, err := c.do(t.Context(), r)
	require.NoError(t, err)
	require.Empty(t, x.faults)
	require.NotNil(t, x.final)
	return x
}

// net/http encodes a value with Huffman codes if that makes it shorter, and adds it to
// the dynamic table: each is sent twice.
func TestHTTP2FieldsAreThoseOfTheServer(t *testing.T) {
	value := func(r *http.Request) string {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		if n < ' ' || n == 0x7f {
			n = 'x'
		}
		return strings.Repeat("0", 50+n) + strings.Repeat(string([]byte{byte(n)}), 3) + "e"
	}
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Own", value(r))
		w.Header().Add("Link", "<a>")
		w.Header().Add("Link", "<b>")
	}), Options{})
	for n := range 256 {
		r := Request{Target: "/?n=" + strconv.Itoa(n)}
		want, _ := http.NewRequest("GET", r.Target, nil)
		for range 2 {
			x := exchange2(t, c, r)
			require.Equal(t, value(want), x.final.header.get("X-Own"))
			require.Equal(t, []string{"<a>", "<b>"}, x.final.header.values("link"))
		}
	}
	assert.Equal(t, uint32(1023), c.conn.id, "one connection")
	assert.LessOrEqual(t, c.conn.decoder.size, 4096)
}

func TestHTTP2NamesAreThoseOfTheServer(t *testing.T) {
	names := strings.Fields("accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow authorization " +
		"cache-control content-disposition content-encoding content-language content-location content-range content-type cookie date etag expect expires from " +
		"host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate " +
		"proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security user-agent vary via www-authenticate")
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range names {
			w.Header().Set(name, name+" own")
		}
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		w.WriteHeader(code)
	}), Options{})
	for _, code := range []int{200, 204, 206, 304, 400, 404, 500, 418} {
		x := exchange2(t, c, Request{Target: "/?code=" + strconv.Itoa(code)})
		assert.Equal(t, code, x.final.status)
		for _, name := range names {
			assert.Equal(t, []string{name + " own"}, x.final.header.values(name))
		}
	}
}

func TestHTTP2CarriesLargeMessages(t *testing.T) {
	large := strings.Repeat("0123456789", 40_000)
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Length")
		w.Header().Set("X-Large", large[:100_000])
		w.WriteHeader(103)
		_, _ = io.WriteString(w, large+large)
		w.Header().Set("X-Length", fmt.Sprint(len(body), len(r.Header.Get("X-Large"))))
	}), Options{})
	for range 2 {
		x := exchange2(t, c, Request{Method: "POST", Body: large, Header: http.Header{"X-Large": {large[:100_000]}}})
		assert.Equal(t, large+large, string(x.final.body))
		assert.Equal(t, large[:100_000], x.final.header.get("X-Large"))
		assert.Equal(t, "400000 100000", x.final.trailer.get("X-Length"))
		require.Len(t, x.interim, 1)
		assert.Equal(t, 103, x.interim[0].status)
	}
}

func TestHTTP2CarriesManyMessages(t *testing.T) {
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<10))
	}), Options{})
	for range 200 {
		assert.Len(t, exchange2(t, c, Request{}).final.body, 1<<10)
	}
	assert.Equal(t, uint32(399), c.conn.id, "one connection")
}

func TestHTTP2GoesOnAfterAGoAway(t *testing.T) {
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // makes net/http end the connection
		w.WriteHeader(204)
	}), Options{})
	for range 3 {
		assert.Equal(t, 204, exchange2(t, c, Request{}).final.status)
	}
}

func TestHTTP2BoundsABodyWithoutAnEnd(t *testing.T) {
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}), Options{MaxBody: 100_000})
	x := exchange2(t, c, Request{})
	assert.True(t, x.cut)
	assert.Less(t, len(x.final.body), 120_000)
}

func TestHTTP2SendsTheHostOfTheHeader(t *testing.T) {
	c := dial2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.UserAgent())
	}), Options{})
	x := exchange2(t, c, Request{Header: http.Header{"host": {"own.example"}, "Connection": {"close"}}})
	assert.Equal(t, "own.example "+userAgent, string(x.final.body))
}

// memory is a connection from which the bytes can be read, and nothing more.
type memory struct {
	net.Conn
	in *bytes.Reader
}

func (m memory) Read(p []byte) (int, error)  { return m.in.Read(p) }
func (m memory) Write(p []byte) (int, error) { return len(p), nil }

// What a server sends neither makes a reader panic nor takes more memory than the
// bounds, and what was read can be judged.
func FuzzResponses(f *testing.F) {
	f.Add([]byte("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nContent-Type: application/problem+json\r\n\r\n2;a\r\n{}\r\n0\r\nX: y\r\n\r\n"))
	settings := frame{kind: frameSettings}.appendTo(nil)
	f.Add(frame{kind: frameHeaders, flags: flagEndHeaders | flagEndStream, stream: 1, payload: []byte{0x89, 0x40, 1, 'x', 0x81, 0x1f, 0xbe}}.appendTo(bytes.Clone(settings)))
	f.Add(frame{kind: frameData, flags: flagPadded | flagEndStream, stream: 1, payload: []byte("\x01hi0")}.appendTo(
		frame{kind: frameHeaders, flags: flagEndHeaders | flagPriority, stream: 1, payload: []byte("\x00\x00\x00\x00\x00\x88")}.appendTo(settings)))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 10
		x := &exchange{request: Request{Method: "GET"}.canonical("/"), protocol: HTTP11}
		_ = (&reader1{in: bufio.NewReader(bytes.NewReader(b)), max: limit, x: x}).response()
		x2 := &exchange{request: x.request, protocol: HTTP2}
		conn := &conn2{Conn: memory{in: bytes.NewReader(b)}, in: bufio.NewReader(bytes.NewReader(b)), id: 1, window: 65535, initial: 65535}
		s := &stream2{conn2: conn, x: x2, limit: limit, timeout: time.Second, window: 65535}
		var err error
		for err == nil && !s.ended {
			err = s.next()
		}
		for _, x := range []*exchange{x, x2} {
			if x.final != nil && len(x.final.body) > limit+maxFrame {
				t.Errorf("%s: a body of %d bytes was read", x.protocol, len(x.final.body))
			}
			new(report).add(x)
		}
		if conn.decoder.size < 0 || conn.decoder.size > maxTable {
			t.Errorf("the dynamic table has %d bytes", conn.decoder.size)
		}
	})
}

func TestAServerWithoutHTTP2IsNoFault(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Allow", "GET") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := &http.Server{Handler: h} // of HTTP/1 alone, since there is no TLS
	go srv.Serve(l)
	defer srv.Close()
	found, err := Check(context.Background(), "http://"+l.Addr().String(), Options{})
	require.NoError(t, err)
	assert.Empty(t, found)

	found, err = Check(context.Background(), "http://"+l.Addr().String(), Options{Protocols: []string{HTTP2}})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	assert.Contains(t, found[0].Observed, `the server begins with "HTTP/1.1 `)
}
