package conformance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest/conformance"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var quiet = log.New(io.Discard, "", 0)

// failing is a test that notes its errors.
type failing struct {
	testing.TB
	errors []string
	fatal  bool
}

func (f *failing) Helper()                  {}
func (f *failing) Error(args ...any)        { f.errors = append(f.errors, fmt.Sprint(args...)) }
func (f *failing) Fatal(args ...any)        { f.fatal = true }
func (f *failing) Context() context.Context { return context.Background() }

func TestTestFailsForEachFinding(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 401) })
	f := &failing{TB: t}
	conformance.Test(f, h, conformance.Options{})
	require.Len(t, f.errors, 1)
	assert.Contains(t, f.errors[0], "GET / over HTTP/1.1, HTTP/1.0, HTTP/2 -> 401")
	assert.False(t, f.fatal)

	f = &failing{TB: t}
	conformance.Test(f, h, conformance.Options{Ignore: []string{"401-challenge"}})
	assert.Empty(t, f.errors)
}

func TestWrongOptionsAreErrors(t *testing.T) {
	for _, o := range []conformance.Options{
		{Ignore: []string{"401-chalenge"}},
		{Protocols: []string{"HTTP/3"}},
		{Timeout: -1},
		{MaxBody: -1},
		{Requests: []conformance.Request{{Method: "GE T"}}},
		{Requests: []conformance.Request{{Method: "CONNECT"}}},
		{Requests: []conformance.Request{{Target: "orders"}}},
		{Requests: []conformance.Request{{Target: "/a b"}}},
		{Requests: []conformance.Request{{Target: "/%zz"}}},
		{Requests: []conformance.Request{{Header: http.Header{"X-A": {"a\r\nb: c"}}}}},
		{Requests: []conformance.Request{{Header: http.Header{"content-length": {"1"}}}}},
	} {
		f := &failing{TB: t}
		conformance.Test(f, http.NotFoundHandler(), o)
		assert.True(t, f.fatal, "%+v", o)
		_, err := conformance.Check(t.Context(), "http://127.0.0.1:1/", o)
		assert.ErrorContains(t, err, "conformance: ", "%+v", o)
	}
	for _, address := range []string{"", "127.0.0.1:80", "ftp://127.0.0.1/", "http:///x", "http://127.0.0.1:1/"} {
		_, err := conformance.Check(t.Context(), address, conformance.Options{})
		assert.ErrorContains(t, err, "conformance: ", address)
	}
}

// counter counts requests by method and protocol.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[r.Method+" "+r.Proto]++
	w.Header().Set("Allow", "GET, HEAD, OPTIONS, POST")
	w.WriteHeader(204)
}

// counts returns what was counted until now.
func (c *counter) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen)
}

func TestOnlySafeMethodsAreSentUnasked(t *testing.T) {
	c := &counter{seen: map[string]int{}}
	conformance.Test(t, c, conformance.Options{})
	for line := range c.counts() {
		assert.Contains(t, []string{"GET", "HEAD", "OPTIONS"}, strings.Fields(line)[0])
	}
	for _, p := range []string{"HTTP/1.0", "HTTP/1.1", "HTTP/2.0"} {
		assert.Positive(t, c.counts()["GET "+p], p)
		assert.Positive(t, c.counts()["HEAD "+p], p)
		assert.Positive(t, c.counts()["OPTIONS "+p], p)
	}

	c = &counter{seen: map[string]int{}}
	conformance.Test(t, c, conformance.Options{Requests: []conformance.Request{{Method: "POST", Body: "x"}}})
	assert.Equal(t, map[string]int{"POST HTTP/1.0": 1, "POST HTTP/1.1": 1, "POST HTTP/2.0": 1}, c.counts())
}

func TestAPOSTIsNotRepeatedOnAClosedConnection(t *testing.T) {
	s := &counter{seen: map[string]int{}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r)
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	found, err := conformance.Check(t.Context(), srv.URL, conformance.Options{Protocols: []string{conformance.HTTP11},
		Requests: []conformance.Request{{Method: "POST"}, {Method: "POST"}}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "no-response", found[0].Rule.ID)
	assert.Equal(t, 2, s.counts()["POST HTTP/1.1"])
}

func TestAnEndlessStreamIsCheckedAsFarAsItCame(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Expires", "0")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		if r.Method == "GET" {
			<-r.Context().Done()
		}
	})
	f := &failing{TB: t}
	conformance.Test(f, h, conformance.Options{Timeout: 200 * time.Millisecond})
	require.Len(t, f.errors, 1)
	assert.Contains(t, f.errors[0], "expires-syntax")

	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		w.Header().Set("Content-Type", "text/plain")
		for r.Method == "GET" {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
				return
			}
		}
	})
	conformance.Test(t, endless, conformance.Options{MaxBody: 10 << 10})
}

func TestAResourceThatChangesIsNoFaultOfHEAD(t *testing.T) {
	var n int
	var mu sync.Mutex
	conformance.Test(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint(n)))
		io.WriteString(w, strings.Repeat("x", n))
	}), conformance.Options{})
}

func TestWhatAServerSendsIsSafeToPrint(t *testing.T) {
	long := "\x1b[31m" + strings.Repeat("\u202ex", 1000)
	found, err := conformance.Check(t.Context(), get(with("ETag: "+long)).serve(t), conformance.Options{Protocols: []string{conformance.HTTP11}})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, f := range found {
		assert.NotContains(t, f.String(), "\x1b")
		assert.NotContains(t, f.String(), "\u202e")
		assert.Less(t, len(f.String()), 1000)
	}
}

func TestAnEndlessHeaderIsGivenUp(t *testing.T) {
	for name, text := range map[string]string{
		"a long line":   "HTTP/1.1 200 OK\nX: " + strings.Repeat("x", 1<<17),
		"many lines":    "HTTP/1.1 200 OK\n" + strings.Repeat("X: y\n", 1<<16),
		"many interims": strings.Repeat("HTTP/1.1 103 Early Hints\n\n", 1<<10),
		"a large chunk": ok + "Transfer-Encoding: chunked\n\nffffffffffffff\nx",
		"a long length": ok + "Content-Length: 999999999999\n\nx",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := conformance.Check(t.Context(), get(text).serve(t), conformance.Options{Protocols: []string{conformance.HTTP11}, Timeout: time.Second})
			require.NoError(t, err)
		})
	}
}

func TestCheckStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cancel() }))
	defer srv.Close()
	_, err := conformance.Check(ctx, srv.URL, conformance.Options{})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestCheckSpeaksTLS(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		c := &counter{seen: map[string]int{}}
		srv := httptest.NewUnstartedServer(c)
		srv.EnableHTTP2 = http2
		srv.Config.ErrorLog = quiet
		srv.StartTLS()
		defer srv.Close()
		roots := x509.NewCertPool()
		roots.AddCert(srv.Certificate())
		found, err := conformance.Check(t.Context(), srv.URL, conformance.Options{TLS: &tls.Config{RootCAs: roots}})
		require.NoError(t, err)
		assert.Empty(t, found)
		assert.Positive(t, c.counts()["GET HTTP/1.1"])
		assert.Equal(t, http2, c.counts()["GET HTTP/2.0"] > 0)

		_, err = conformance.Check(t.Context(), srv.URL, conformance.Options{})
		assert.ErrorContains(t, err, "certificate")
	}
}

func TestRulesAreACopy(t *testing.T) {
	all := conformance.Rules()
	first := all[0].ID
	all[0].ID = "x"
	assert.Equal(t, first, conformance.Rules()[0].ID)
	assert.True(t, slices.ContainsFunc(all, func(r conformance.Rule) bool {
		return r.Link() == "https://www.rfc-editor.org/rfc/rfc9457.html#appendix-B"
	}))
}

// A server may end a connection of HTTP/2 with GOAWAY, and then ignores what follows;
// one without manners just closes it.
func TestHTTP2RequestsSurviveAConnection(t *testing.T) {
	safe, unsafe := conformance.Request{Method: "QUERY"}, conformance.Request{Method: "POST"}
	goAway := raw{7, 0, []byte{0, 0, 0, 1, 0, 0, 0, 0}}.bytes(0)
	for name, row := range map[string]struct {
		request conformance.Request
		polite  bool
		sent    int32
	}{
		"GOAWAY":                {safe, true, 3},
		"closed, safe method":   {safe, false, 5}, // the second and third are sent again
		"closed, unsafe method": {unsafe, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int32
			address := listen(t, func(conn net.Conn) {
				requests(conn, func(stream uint32) bool {
					sent.Add(1)
					if stream > 1 {
						return row.polite
					}
					if row.polite {
						_, _ = conn.Write(goAway)
					}
					none().send(conn, stream)
					return true
				})
			})
			assert.Empty(t, broken(t, address, conformance.Options{Protocols: []string{conformance.HTTP2}, Requests: []conformance.Request{row.request, row.request, row.request}}))
			assert.Equal(t, row.sent, sent.Load())
		})
	}
}

func TestTheHostOfAHeaderIsSentOnce(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "own.example", r.Host)
		w.Header().Set("Allow", "GET")
	})
	conformance.Test(t, h, conformance.Options{Requests: []conformance.Request{{Header: http.Header{"host": {"own.example"}}}}})
}

// The HEAD of such a handler has the length that the GET should have.
func TestAShortBodyIsOneFinding(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET")
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "x")
	})
	for protocol, rule := range map[string]string{conformance.HTTP10: "incomplete", conformance.HTTP11: "incomplete", conformance.HTTP2: "malformed"} {
		f := &failing{TB: t}
		conformance.Test(f, h, conformance.Options{Protocols: []string{protocol}, Ignore: []string{rule}})
		assert.Empty(t, f.errors)
		conformance.Test(f, h, conformance.Options{Protocols: []string{protocol}})
		assert.NotEmpty(t, f.errors)
	}
}
