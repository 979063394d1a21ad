package respond_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/internal/wiretest"
	"github.com/stretchr/testify/require"
)

// do sends one request to h over HTTP/1.1 and returns the response with its body.
// fields are names and values of header fields.
func do(t *testing.T, method string, h http.HandlerFunc, fields ...string) (*http.Response, string) {
	t.Helper()
	return doOn(t, wiretest.Start(t, wiretest.HTTP1, h), method, "/x", fields...)
}

// do2 is do over HTTP/2.
func do2(t *testing.T, method string, h http.HandlerFunc, fields ...string) (*http.Response, string) {
	t.Helper()
	res, body := doOn(t, wiretest.Start(t, wiretest.HTTP2, h), method, "/x", fields...)
	require.Equal(t, 2, res.ProtoMajor)
	return res, body
}

// bothVersions are do and do2.
var bothVersions = []func(*testing.T, string, http.HandlerFunc, ...string) (*http.Response, string){do, do2}

// do10 is do over HTTP/1.0, and returns the response as text.
func do10(t *testing.T, method string, h http.HandlerFunc) (head, body string) {
	t.Helper()
	head, body, _ = strings.Cut(wiretest.Raw(t, h, fmt.Sprintf("%s /x HTTP/1.0\r\n\r\n", method)), "\r\n\r\n")
	return head, body
}

// doOn is do on a server that has been started.
func doOn(t *testing.T, srv *httptest.Server, method, path string, fields ...string) (*http.Response, string) {
	t.Helper()
	res := wiretest.Send(t, srv, wiretest.Method(method), wiretest.Path(path), func(r *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			r.Header.Add(fields[i], fields[i+1])
		}
	})
	require.NoError(t, res.Err)
	return res.Response, res.Text
}

// discard is a ResponseWriter that keeps nothing but the header.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// broken is a ResponseWriter whose client has gone.
type broken struct {
	discard
	codes []int
}

var errBroken = errors.New("broken pipe")

func (b *broken) WriteHeader(code int)      { b.codes = append(b.codes, code) }
func (b *broken) Write([]byte) (int, error) { return 0, errBroken }
