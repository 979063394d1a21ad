package integration_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

// proxyTo is a ReverseProxy of net/http/httputil inside the chain, with its default
// ErrorHandler.
func proxyTo(t *testing.T, upstream http.HandlerFunc) (s *service, close func()) {
	t.Helper()
	return proxyFlushing(t, 0, upstream)
}

// proxyFlushing is proxyTo with a FlushInterval.
func proxyFlushing(t *testing.T, flush time.Duration, upstream http.HandlerFunc) (s *service, close func()) {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	u, err := url.Parse(up.URL)
	require.NoError(t, err)
	s = inside(t, func(chain middlewareFunc) http.Handler {
		return chain(&httputil.ReverseProxy{
			Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(u) },
			ErrorLog:      discard,
			FlushInterval: flush,
		})
	})
	return s, up.Close
}

func TestProxyPassesTheProblemOfItsUpstream(t *testing.T) {
	const theirs = `{"type":"https://example.com/problems/out-of-stock", "status":409,"title":"Out of Stock"}`
	s, _ := proxyTo(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", problem.MediaType)
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(409)
		_, _ = io.WriteString(w, theirs)
	})
	for _, proto := range protocols {
		e := s.do(proto, "GET", "/")
		s.isProblem(e, 409)
		assert.Equal(t, theirs, e.body, "byte for byte")
		assert.Equal(t, "60", e.Header.Get("Retry-After"))

		e = s.do(proto, "HEAD", "/")
		s.isProblem(e, 409)
		assert.EqualValues(t, len(theirs), e.ContentLength, "HEAD has the length of GET")
	}
}

func TestProxyTextOfItsUpstreamIsNormalized(t *testing.T) {
	for name, flush := range map[string]time.Duration{"as it comes": 0, "flushing": -1} {
		t.Run(name, func(t *testing.T) {
			s, _ := proxyFlushing(t, flush, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/gone" {
					http.Error(w, "There is no such order.", 404)
					return
				}
				http.Error(w, errSecret.Error(), 500)
			})
			for _, proto := range protocols {
				for range 10 {
					e := s.do(proto, "GET", "/gone")
					s.isProblem(e, 404)
					assert.Equal(t, "There is no such order.", e.problem.Detail)
				}
				s.isProblem(s.do(proto, "GET", "/broken"), 500)
			}
		})
	}
}

func TestProxySendsAProblemForADeadUpstream(t *testing.T) {
	s, stop := proxyTo(t, order)
	stop()
	for _, proto := range protocols {
		for _, method := range []string{"GET", "HEAD"} {
			e := s.do(proto, method, "/")
			s.isProblem(e, 502)
			assert.NotContains(t, e.body, "127.0.0.1")
		}
	}
}

func TestProxyCutsAResponseThatItsUpstreamCut(t *testing.T) {
	s, _ := proxyFlushing(t, -1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, proto := range protocols {
		e := s.do(proto, "GET", "/")
		assert.Error(t, e.readErr, "the client sees that it is not complete")
		assert.Equal(t, "begun", e.body)
		assert.Equal(t, true, e.record["aborted"])
	}
}

func TestProxyPassesTrailers(t *testing.T) {
	s, _ := proxyTo(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Checksum")
		if r.URL.Path == "/fails" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(422)
		}
		_, _ = io.WriteString(w, "{}")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set("Checksum", "abc")
		w.Header().Set(http.TrailerPrefix+"Late", "def")
	})
	for _, proto := range protocols {
		for path, code := range map[string]int{"/": 200, "/fails": 422} {
			e := s.do(proto, "GET", path)
			assert.Equal(t, code, e.StatusCode)
			assert.Equal(t, "{}", e.body)
			assert.Equal(t, http.Header{"Checksum": {"abc"}, "Late": {"def"}}, e.Trailer, "announced and not")
		}
	}
}

func TestProxyPassesAnUpgrade(t *testing.T) {
	s, _ := proxyTo(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(strings.ToUpper(line))
		_ = rw.Flush()
	})
	u, err := url.Parse(s.srv.URL)
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: s.roots(), NextProtos: []string{"http/1.1"}})
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	assert.Equal(t, 101, res.StatusCode)
	assert.Equal(t, "shout", res.Header.Get("Upgrade"))
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "HELLO\n", line)
	require.NoError(t, conn.Close())

	var e exchange
	s.noted(&e)
	assert.Equal(t, 101, e.result.Status)
	assert.Equal(t, true, e.record["hijacked"])
}
