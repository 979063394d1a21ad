package clientip_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

// whoami responds with the address of the client.
func whoami(source clientip.Source) http.Handler {
	return source.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, clientip.FromContext(r.Context()))
	}))
}

// send sends a request with the given field lines as they are, and returns the body.
func send(t *testing.T, network, address string, lines ...string) string {
	t.Helper()
	conn, err := net.Dial(network, address)
	require.NoError(t, err)
	defer conn.Close()
	head := append([]string{"GET / HTTP/1.1", "Host: example.com", "Connection: close"}, lines...)
	_, err = io.WriteString(conn, strings.Join(head, "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func TestSourcesReadTheWire(t *testing.T) {
	elsewhere := netip.MustParsePrefix("10.0.0.0/8")
	for _, row := range []struct {
		source clientip.Source
		lines  []string
		want   string
		reason string
	}{
		{clientip.Direct, []string{"X-Forwarded-For: 192.0.2.66"}, "127.0.0.1", "fields change nothing"},
		{clientip.Forwarded(elsewhere), []string{"X-Forwarded-For: 192.0.2.66"}, "127.0.0.1", "nor from an untrusted peer"},
		{clientip.Forwarded(clientip.Loopback()...), []string{"X-Forwarded-For: 192.0.2.66", "Accept: */*", "x-forwarded-for:192.0.2.1"}, "192.0.2.1", "lines keep their order, with others between them"},
		{clientip.Forwarded(clientip.Loopback()...), []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 127.0.0.9 "}, "192.0.2.1", "the walk crosses lines"},
		{clientip.Forwarded(clientip.Loopback()...), []string{"X-Forwarded-For:"}, "invalid IP", "empty"},
		{clientip.Forwarded(clientip.Loopback()...), nil, "invalid IP", "absent"},
		{clientip.Proxies{Trusted: clientip.Loopback()}.Forwarded(clientip.RFC7239), []string{`Forwarded: for=192.0.2.66;by="`, `forwarded: for="[2001:db8::1]:80"`}, "2001:db8::1", "an open quotation mark"},
		{clientip.Header("CF-Connecting-IP", clientip.Loopback()...), []string{"cf-connecting-ip: 2001:db8::1"}, "2001:db8::1", "the name in any letters"},
		{clientip.Header("CF-Connecting-IP", clientip.Loopback()...), []string{"CF-Connecting-IP: 192.0.2.1", "cf-connecting-ip: 192.0.2.66"}, "invalid IP", "repeated"},
	} {
		server := httptest.NewServer(whoami(row.source))
		got := send(t, "tcp", server.Listener.Addr().String(), row.lines...)
		server.Close()
		assert.Equal(t, row.want, got, "%q: %s", row.lines, row.reason)
	}
}

func TestDirectUnmapsIPv4Addresses(t *testing.T) {
	listener, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	server := &http.Server{Handler: whoami(clientip.Direct)}
	go server.Serve(listener)
	defer server.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	assert.Equal(t, "127.0.0.1", send(t, "tcp", "127.0.0.1:"+port))
}

func TestUnixSocketPeersAreUnknownUnlessBelieved(t *testing.T) {
	for _, row := range []struct {
		source clientip.Source
		want   string
	}{
		{clientip.Direct, "invalid IP"},
		{clientip.Forwarded(clientip.Loopback()...), "invalid IP"},
		{clientip.Proxies{UnixSocket: true}.Forwarded(clientip.XForwardedFor), "192.0.2.1"},
		{clientip.Proxies{UnixSocket: true}.Header("X-Real-IP"), "192.0.2.1"},
	} {
		path := filepath.Join(t.TempDir(), "s")
		listener, err := net.Listen("unix", path)
		require.NoError(t, err)
		server := &http.Server{Handler: whoami(row.source)}
		go server.Serve(listener)
		got := send(t, "unix", path, "X-Forwarded-For: 192.0.2.66, 192.0.2.1", "X-Real-IP: 192.0.2.1")
		server.Close()
		assert.Equal(t, row.want, got)
	}
}

func TestForwardedUnderstandsHTTPUtilReverseProxy(t *testing.T) {
	app := httptest.NewServer(whoami(clientip.Forwarded(netip.MustParsePrefix("127.0.0.1/32"))))
	defer app.Close()
	target, err := url.Parse(app.URL)
	require.NoError(t, err)
	for _, row := range []struct {
		name  string
		proxy *httputil.ReverseProxy
		want  string
	}{
		// The test reaches the proxy from loopback, which the app trusts: the
		// entry of the proxy is passed over, and what precedes it decides.
		{"appends", httputil.NewSingleHostReverseProxy(target), "192.0.2.66"},
		{"overwrites", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() }}, "invalid IP"},
		{"drops", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}, "invalid IP"},
	} {
		front := httptest.NewServer(row.proxy)
		got := send(t, "tcp", front.Listener.Addr().String(), "X-Forwarded-For: 192.0.2.66")
		front.Close()
		assert.Equal(t, row.want, got, row.name)
	}
}
