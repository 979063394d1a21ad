package integration_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
)

// certificate returns the TLS configurations of a server with the certificate of
// package httptest, and of a client that trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &tls.Config{Certificates: srv.TLS.Certificates}, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// overUDP serves on a free port, and returns its URL.
func overUDP(t *testing.T, serve func(net.PacketConn) error, stop func() error) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = serve(conn)
	}()
	t.Cleanup(func() {
		_ = stop()
		_ = conn.Close()
		<-done
	})
	return "https://" + conn.LocalAddr().String()
}

// overHTTP3 starts h and returns a client for it.
func overHTTP3(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	server, trust := certificate(t)
	srv := &http3.Server{Handler: h, TLSConfig: http3.ConfigureTLSConfig(server)}
	url := overUDP(t, srv.Serve, srv.Close)
	tr := &http3.Transport{TLSClientConfig: trust, DisableCompression: true}
	t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}, url
}

// streams has responses that need more than one Write.
func streams() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /orders/{id}", order)
	m.HandleFunc("GET /hint", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		_, _ = io.WriteString(w, "an order")
	})
	m.HandleFunc("GET /trailer", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Checksum")
		_, _ = io.WriteString(w, "an order")
		w.Header().Set("Checksum", "abc")
	})
	m.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(b)
	})
	m.HandleFunc("GET /panics", panics)
	m.Handle("GET /fails", fails)
	m.Handle("GET /late", late)
	m.HandleFunc("GET /plain", plain)
	m.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		panic(errSecret)
	})
	return m
}

// each is the middleware that quic-go may serve around a handler, one at a time.
var each = map[string]middlewareFunc{
	"RequestID":   middleware.RequestID,
	"AccessLog":   middleware.AccessLog,
	"Capture":     middleware.Capture(func(*http.Request, middleware.Result) {}),
	"Recover":     middleware.Recover,
	"Normalize":   middleware.Normalize,
	"Maintenance": new(middleware.Maintenance).Wrap,
	"MaxBytes":    middleware.MaxBytes(1000),
	"ContentType": middleware.ContentType("text/plain"),
	"Timeout":     middleware.Timeout(time.Minute),
	"Route":       middleware.Route(func(*http.Request) string { return "" }),
	"InFlight":    ratelimit.InFlight(100),
	"limit":       ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerSecond(1000), Key: ratelimit.ByIP(clientip.Direct)}),
}

func TestHTTP3WorksInEachMiddleware(t *testing.T) {
	for name, mw := range each {
		t.Run(name, func(t *testing.T) {
			c, url := overHTTP3(t, mw(streams()))
			get := func(path string) (*http.Response, string) {
				res, err := c.Get(url + path)
				require.NoError(t, err)
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				return res, string(b)
			}
			for _, path := range []string{"/orders/7", "/hint", "/trailer"} {
				res, body := get(path)
				assert.Equal(t, "HTTP/3.0", res.Proto)
				assert.Equal(t, 200, res.StatusCode, path)
				assert.Equal(t, "an order", body, path)
				if path == "/trailer" {
					assert.Equal(t, "abc", res.Trailer.Get("Checksum"))
				}
			}
			res, err := c.Post(url+"/echo", "text/plain", strings.NewReader(strings.Repeat("x", 900)))
			require.NoError(t, err)
			b, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, 200, res.StatusCode)
			assert.Len(t, b, 900)

			res, body := get("/fails")
			assert.Equal(t, 500, res.StatusCode)
			assert.Equal(t, problem.MediaType, res.Header.Get("Content-Type"))
			assert.NotContains(t, body, "secret")
		})
	}
}

func TestHTTP3IsServedByTheChain(t *testing.T) {
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	c, url := overHTTP3(t, s.chain(middleware.Timeout(time.Minute)(streams())))
	do := func(method, path string) exchange {
		t.Helper()
		r, err := http.NewRequest(method, url+path, nil)
		require.NoError(t, err)
		return s.send(c, r)
	}
	e := do("GET", "/orders/7")
	assert.Equal(t, 200, e.StatusCode)
	assert.Equal(t, "/orders/{id}", e.record["http.route"])
	for path, code := range map[string]int{"/nowhere": 404, "/panics": 500, "/fails": 500, "/plain": 503} {
		for _, method := range []string{"GET", "HEAD"} {
			e := do(method, path)
			s.isProblem(e, code)
		}
	}
	e = do("POST", "/orders/7")
	s.isProblem(e, 405)
	assert.Contains(t, e.Header.Get("Allow"), "GET")
	e = do("GET", "/late")
	assert.Equal(t, "begun", e.body)
	assert.NoError(t, e.readErr)
	// A stream of QUIC that is reset may lose bytes that were sent before.
	res, err := c.Get(url + "/cut")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	assert.Error(t, err, "the client sees that it is not complete")
	e = exchange{}
	s.noted(&e)
	assert.Equal(t, 200, e.result.Status)
	assert.True(t, e.result.Aborted)
	assert.Contains(t, e.record["exception.message"], "secret")
}

func TestHTTP3IsEndedByTimeout(t *testing.T) {
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	m := http.NewServeMux()
	m.HandleFunc("GET /waits", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	m.HandleFunc("POST /reads", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	m.HandleFunc("GET /begins", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	c, url := overHTTP3(t, s.chain(middleware.Timeout(50*time.Millisecond)(m)))

	r, err := http.NewRequest("GET", url+"/waits", nil)
	require.NoError(t, err)
	s.isProblem(s.send(c, r), 503)

	body, hold := io.Pipe() // a body that does not arrive
	defer hold.Close()
	r, err = http.NewRequest("POST", url+"/reads", body)
	require.NoError(t, err)
	s.isProblem(s.send(c, r), 503)

	res, err := c.Get(url + "/begins")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	assert.Error(t, err, "the client sees that it is not complete")
}

// isWebTransport recognizes a request for a WebTransport session.
func isWebTransport(r *http.Request) bool {
	return r.Method == http.MethodConnect && strings.HasPrefix(r.Proto, "webtransport")
}

// WebTransport requires the ResponseWriter of the server, so that [middleware.Unless]
// exempts its requests. All other requests to the same server go through the chain.
func TestUnlessExemptsWebTransport(t *testing.T) {
	server, trust := certificate(t)
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	m := streams()
	wt := &webtransport.Server{H3: &http3.Server{TLSConfig: http3.ConfigureTLSConfig(server)}}
	m.HandleFunc("CONNECT /session", func(w http.ResponseWriter, r *http.Request) {
		session, err := wt.Upgrade(w, r)
		if err != nil {
			panic(err)
		}
		stream, err := session.AcceptStream(r.Context())
		if err != nil {
			return
		}
		_, _ = io.Copy(stream, stream)
		_ = stream.Close()
	})
	wt.H3.Handler = middleware.Unless(isWebTransport, s.chain)(m)
	url := overUDP(t, wt.Serve, wt.Close)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d := webtransport.Transport{TLSClientConfig: trust,
		QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true}}
	defer d.Close()
	res, session, err := d.Dial(ctx, url+"/session", nil)
	require.NoError(t, err)
	assert.Equal(t, 200, res.StatusCode)
	stream, err := session.OpenStreamSync(ctx)
	require.NoError(t, err)
	_, err = fmt.Fprint(stream, "hello")
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	b, err := io.ReadAll(stream)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(b))
	require.NoError(t, session.CloseWithError(0, ""))

	tr := &http3.Transport{TLSClientConfig: trust}
	defer tr.Close()
	r, err := http.NewRequest("GET", url+"/nowhere", nil)
	require.NoError(t, err)
	s.isProblem(s.send(&http.Client{Transport: tr}, r), 404)
}
