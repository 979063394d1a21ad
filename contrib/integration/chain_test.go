package integration_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
)

// discard is the error log of servers whose tests provoke errors.
var discard = log.New(io.Discard, "", 0)

type middlewareFunc = func(http.Handler) http.Handler

// errSecret is an error whose message no client may read.
var errSecret = errors.New("secret: dial tcp 10.0.0.7:5432")

// service is a real server with the documented chain, and records what the chain
// reports.
type service struct {
	t   testing.TB
	srv *httptest.Server

	mu      sync.Mutex
	records bytes.Buffer
	reports []middleware.Report
	results []middleware.Result
	ended   chan struct{} // one for each request whose handlers have all returned
}

// Write receives the records of the access log. It is safe for concurrent use.
func (s *service) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records.Write(p)
}

// chain is RequestID, AccessLog, Capture and Normalize.
func (s *service) chain(next http.Handler) http.Handler {
	return middleware.Chain(s.outer, s.normalize)(next)
}

// outer is the chain outside Normalize.
func (s *service) outer(next http.Handler) http.Handler {
	inner := middleware.Chain(
		middleware.RequestID,
		middleware.AccessLogWith(middleware.AccessLogOptions{Logger: slog.New(slog.NewJSONHandler(s, nil))}),
		middleware.Capture(func(_ *http.Request, res middleware.Result) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.results = append(s.results, res)
		}),
	)(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { s.ended <- struct{}{} }()
		inner.ServeHTTP(w, r)
	})
}

func (s *service) normalize(next http.Handler) http.Handler {
	return middleware.NormalizeWith(middleware.NormalizeOptions{Report: func(_ *http.Request, rep middleware.Report) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reports = append(s.reports, rep)
	}})(next)
}

// serve starts h, which contains the chain of s, for HTTP/1.1 and for HTTP/2 with and
// without TLS; see [service.client].
func (s *service) serve(h http.Handler) {
	s.srv = httptest.NewUnstartedServer(h)
	s.srv.Config.ErrorLog = discard
	s.srv.EnableHTTP2 = true
	s.srv.StartTLS()
	s.t.Cleanup(s.srv.Close)
}

// inside starts a service. build returns its handler, with the chain at its place.
func inside(t testing.TB, build func(chain middlewareFunc) http.Handler) *service {
	t.Helper()
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	s.serve(build(s.chain))
	return s
}

// protocols are those over which each router is tested.
var protocols = []string{"HTTP/1.1", "HTTP/2.0"}

// client returns a client of one of the protocols, which decompresses nothing.
func (s *service) client(proto string) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(proto == "HTTP/1.1")
	p.SetHTTP2(proto == "HTTP/2.0")
	tr := &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: s.roots()},
		Protocols:          p,
		DisableCompression: true,
	}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// roots returns a pool with the certificate of the server.
func (s *service) roots() *x509.CertPool {
	return s.srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
}

// exchange is a response as a client received it, and what the chain reported.
type exchange struct {
	*http.Response
	body    string
	readErr error // the response was cut short
	problem *problem.Details
	record  map[string]any
	result  middleware.Result
	reports []middleware.Report
}

// do sends a request and waits until the chain has returned.
func (s *service) do(proto, method, path string, header ...string) exchange {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.srv.URL+path, nil)
	require.NoError(s.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.send(s.client(proto), r)
}

func (s *service) send(c *http.Client, r *http.Request) exchange {
	s.t.Helper()
	res, err := c.Do(r)
	require.NoError(s.t, err)
	var e exchange
	e.Response = res
	b, err := io.ReadAll(res.Body)
	e.body, e.readErr = string(b), err
	_ = res.Body.Close()
	s.noted(&e)
	if res.Header.Get("Content-Type") == problem.MediaType && r.Method != "HEAD" && res.Header.Get("Content-Encoding") == "" {
		e.problem = new(problem.Details)
		require.NoError(s.t, json.Unmarshal(b, e.problem), "%s", b)
		assert.Equal(s.t, res.StatusCode, e.problem.Status)
	}
	return e
}

// noted waits for the end of one request and adds what was reported to e.
func (s *service) noted(e *exchange) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		s.t.Fatal("the chain has not returned")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(s.records.Bytes()), []byte("\n"))
	if assert.Len(s.t, lines, 1, "one record for each request") && assert.Len(s.t, s.results, 1) {
		require.NoError(s.t, json.Unmarshal(lines[0], &e.record), "%s", lines[0])
		e.result = s.results[0]
		assert.EqualValues(s.t, e.result.Status, e.record["http.response.status_code"])
	}
	e.reports = s.reports
	s.records.Reset()
	s.results, s.reports = nil, nil
}

// isProblem fails the test unless e is a problem with the code, in the response and in
// the record, without the message of an error.
func (s *service) isProblem(e exchange, code int) {
	s.t.Helper()
	assert.Equal(s.t, code, e.StatusCode, e.body)
	assert.Equal(s.t, problem.MediaType, e.Header.Get("Content-Type"), e.body)
	assert.EqualValues(s.t, code, e.record["http.response.status_code"])
	assert.Equal(s.t, code, e.result.Status)
	assert.NotContains(s.t, e.body, "secret")
	assert.NotEmpty(s.t, e.Header.Get("X-Request-Id"))
	assert.Equal(s.t, e.Header.Get("X-Request-Id"), e.record["http.request.id"])
	assert.Empty(s.t, e.Header.Get("Content-Encoding"))
	if e.Request.Method == "HEAD" {
		assert.Empty(s.t, e.body)
		return
	}
	assert.NoError(s.t, e.readErr)
	assert.EqualValues(s.t, len(e.body), e.ContentLength)
	assert.EqualValues(s.t, len(e.body), e.result.Bytes)
}
