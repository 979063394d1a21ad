package connect_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	health1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	rejoinderconnect "github.com/rejoinder-go/rejoinder/contrib/connect"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

const (
	checkPath = "/grpc.health.v1.Health/Check"
	watchPath = "/grpc.health.v1.Health/Watch"
)

// procedures serves Health with connect-go, which supports all three protocols.
func procedures() http.Handler {
	serving := &health1.HealthCheckResponse{Status: health1.HealthCheckResponse_SERVING}
	mux := http.NewServeMux()
	mux.Handle(checkPath, connect.NewUnaryHandler(checkPath,
		func(_ context.Context, r *connect.Request[health1.HealthCheckRequest]) (*connect.Response[health1.HealthCheckResponse], error) {
			if r.Msg.Service != "" {
				return nil, connect.NewError(connect.CodeNotFound, errors.New("no service "+r.Msg.Service))
			}
			return connect.NewResponse(serving), nil
		}, connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
	mux.Handle(watchPath, connect.NewServerStreamHandler(watchPath,
		func(_ context.Context, _ *connect.Request[health1.HealthCheckRequest], s *connect.ServerStream[health1.HealthCheckResponse]) error {
			for range 3 {
				if err := s.Send(serving); err != nil {
					return err
				}
			}
			return nil
		}))
	return mux
}

// serve starts a server for HTTP/1.1 and HTTP/2, with and without TLS, whose Responder
// has Render.
func serve(t *testing.T, useTLS bool, h http.Handler) *httptest.Server {
	t.Helper()
	h = middleware.NormalizeWith(middleware.NormalizeOptions{
		Responder: &respond.Responder{Render: rejoinderconnect.Render, Logger: slog.New(slog.DiscardHandler)},
		Logger:    slog.New(slog.DiscardHandler),
	})(h)
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = useTLS
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetHTTP2(useTLS)
	srv.Config.Protocols.SetUnencryptedHTTP2(!useTLS)
	if useTLS {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

// h2c returns a client that uses HTTP/2 without TLS.
func h2c() *http.Client {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: p}}
}

// refuse responds to each request with d.
func refuse(d *problem.Details) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Problem(w, r, d) })
}

// protocols are those of connect-go's client.
var protocols = []struct {
	name    string
	http2   bool
	options []connect.ClientOption
}{
	{"Connect over HTTP/1.1", false, nil},
	{"Connect in JSON", false, []connect.ClientOption{connect.WithProtoJSON()}},
	{"Connect by GET", false, []connect.ClientOption{connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects)}},
	{"Connect over HTTP/2", true, nil},
	{"gRPC", true, []connect.ClientOption{connect.WithGRPC()}},
	{"gRPC in JSON", true, []connect.ClientOption{connect.WithGRPC(), connect.WithProtoJSON()}},
	{"gRPC-Web over HTTP/1.1", false, []connect.ClientOption{connect.WithGRPCWeb()}},
	{"gRPC-Web over HTTP/2", true, []connect.ClientOption{connect.WithGRPCWeb()}},
}

// client calls the procedure at path.
func client(srv *httptest.Server, path string, http2 bool, options []connect.ClientOption) *connect.Client[health1.HealthCheckRequest, health1.HealthCheckResponse] {
	c := http.DefaultClient
	if http2 {
		c = h2c()
	}
	return connect.NewClient[health1.HealthCheckRequest, health1.HealthCheckResponse](c, srv.URL+path, options...)
}

// calls makes a unary and a streaming call, and returns their errors.
func calls(t *testing.T, srv *httptest.Server, http2 bool, options []connect.ClientOption) map[string]error {
	newRequest := func() *connect.Request[health1.HealthCheckRequest] {
		return connect.NewRequest(&health1.HealthCheckRequest{})
	}
	errs := map[string]error{}
	_, errs["unary"] = client(srv, checkPath, http2, options).CallUnary(t.Context(), newRequest())
	stream, err := client(srv, watchPath, http2, options).CallServerStream(t.Context(), newRequest())
	if err == nil {
		for stream.Receive() {
		}
		err = stream.Err()
		stream.Close()
	}
	errs["stream"] = err
	return errs
}

// details returns the details of an error as connect-go has decoded them.
func details(t *testing.T, err *connect.Error) (all []any) {
	t.Helper()
	for _, d := range err.Details() {
		m, derr := d.Value()
		require.NoError(t, derr)
		all = append(all, m)
	}
	return all
}

func TestConnectClientReadsARefusal(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(2), Key: ratelimit.ByIP(clientip.Direct)})
			srv := serve(t, false, limit(procedures()))
			for kind, err := range calls(t, srv, p.http2, p.options) {
				require.NoError(t, err, "the first %s passes", kind)
			}
			for kind, err := range calls(t, srv, p.http2, p.options) {
				var ce *connect.Error
				require.ErrorAs(t, err, &ce, kind)
				assert.True(t, connect.IsWireError(err), "%s: the server said it", kind)
				assert.Equal(t, connect.CodeResourceExhausted, ce.Code(), kind)
				assert.Equal(t, problem.New(429).Detail, ce.Message(), kind)
				all := details(t, ce)
				require.Len(t, all, 1, kind)
				wait := all[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration()
				assert.Greater(t, wait, 29*time.Minute, kind)
				assert.LessOrEqual(t, wait, time.Hour, kind)
			}
		})
	}
}

func TestGRPCClientReadsARefusal(t *testing.T) {
	for _, useTLS := range []bool{false, true} {
		limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(2), Key: ratelimit.ByIP(clientip.Direct)})
		server := grpc.NewServer()
		health1.RegisterHealthServer(server, health.NewServer())
		srv := serve(t, useTLS, limit(server))
		c := health1.NewHealthClient(dial(t, srv, useTLS))

		_, err := c.Check(t.Context(), &health1.HealthCheckRequest{})
		require.NoError(t, err, "the call of grpc-go's own server passes")
		_, err = c.Check(t.Context(), &health1.HealthCheckRequest{Service: "x"})
		assert.Equal(t, codes.NotFound, status.Code(err), "and so does its error")

		var header, trailer metadata.MD
		_, err = c.Check(t.Context(), &health1.HealthCheckRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
		s := status.Convert(err)
		assert.Equal(t, codes.ResourceExhausted, s.Code())
		assert.Equal(t, problem.New(429).Detail, s.Message())
		require.Len(t, s.Details(), 1)
		wait := s.Details()[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration()
		assert.Greater(t, wait, 29*time.Minute)
		assert.Equal(t, []string{time.Duration(wait).String()}, durations(t, trailer.Get("grpc-retry-pushback-ms")))
		assert.NotEmpty(t, append(header.Get("ratelimit-policy"), trailer.Get("ratelimit-policy")...), "the fields of the limiter are metadata")

		stream, err := c.Watch(t.Context(), &health1.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		assert.Equal(t, codes.ResourceExhausted, status.Code(err), "a stream")
	}
}

func durations(t *testing.T, ms []string) (all []string) {
	for _, s := range ms {
		d, err := time.ParseDuration(s + "ms")
		require.NoError(t, err)
		all = append(all, d.String())
	}
	return all
}

func dial(t *testing.T, srv *httptest.Server, useTLS bool) *grpc.ClientConn {
	t.Helper()
	c := insecure.NewCredentials()
	if useTLS {
		c = credentials.NewTLS(&tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	}
	conn, err := grpc.NewClient("passthrough:///"+srv.Listener.Addr().(*net.TCPAddr).String(), grpc.WithTransportCredentials(c))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestEachStatusHasItsCode(t *testing.T) {
	for _, row := range []struct {
		d    *problem.Details
		want codes.Code
	}{
		{problem.New(400), codes.InvalidArgument},
		{problem.New(401, problem.Challenge("Bearer")), codes.Unauthenticated},
		{problem.New(403), codes.PermissionDenied},
		{problem.New(404), codes.Unimplemented},
		{problem.New(404, problem.Detail("no order 7")), codes.NotFound},
		{problem.Define("https://example.com/no-order", "No order", 404, "").New(), codes.NotFound},
		{problem.New(409), codes.Aborted},
		{problem.New(412), codes.FailedPrecondition},
		{problem.New(413), codes.ResourceExhausted},
		{problem.New(418), codes.InvalidArgument},
		{problem.New(422), codes.InvalidArgument},
		{problem.New(429), codes.ResourceExhausted},
		{problem.New(499), codes.Canceled},
		{problem.New(500), codes.Internal},
		{problem.New(501), codes.Unimplemented},
		{problem.New(503), codes.Unavailable},
		{problem.New(504), codes.DeadlineExceeded},
		{problem.New(599), codes.Internal},
	} {
		srv := serve(t, false, refuse(row.d))
		_, err := health1.NewHealthClient(dial(t, srv, false)).Check(t.Context(), &health1.HealthCheckRequest{})
		assert.Equal(t, row.want, status.Code(err), "grpc-go: %d", row.d.Status)
		for _, p := range protocols {
			for kind, err := range calls(t, srv, p.http2, p.options) {
				assert.Equal(t, connect.Code(row.want), connect.CodeOf(err), "%s, %s: %d", p.name, kind, row.d.Status)
			}
		}
	}
}

func TestMiddlewareSendsErrorsOfTheProtocol(t *testing.T) {
	for reason, row := range map[string]struct {
		h    http.Handler
		want connect.Code
	}{
		"a panic":       {http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("pq: secret") }), connect.CodeInternal},
		"http.Error":    {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "pq: secret", 502) }), connect.CodeUnavailable},
		"no procedure":  {http.NewServeMux(), connect.CodeUnimplemented},
		"an error":      {respond.Handler(func(http.ResponseWriter, *http.Request) error { return errors.New("pq: secret") }), connect.CodeInternal},
		"respond.Error": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond.Error(w, 403) }), connect.CodePermissionDenied},
	} {
		srv := serve(t, false, row.h)
		for _, p := range protocols {
			for kind, err := range calls(t, srv, p.http2, p.options) {
				var ce *connect.Error
				if assert.ErrorAs(t, err, &ce, "%s, %s: %s", p.name, kind, reason) {
					assert.Equal(t, row.want, ce.Code(), "%s, %s: %s", p.name, kind, reason)
					assert.NotContains(t, ce.Message(), "secret")
				}
			}
		}
	}
}

func TestResponsesOfAHandlerPassThrough(t *testing.T) {
	srv := serve(t, false, procedures())
	for _, p := range protocols {
		for kind, err := range calls(t, srv, p.http2, p.options) {
			assert.NoError(t, err, "%s, %s", p.name, kind)
		}
		_, err := client(srv, checkPath, p.http2, p.options).CallUnary(t.Context(), connect.NewRequest(&health1.HealthCheckRequest{Service: "x"}))
		assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err), p.name)
		assert.ErrorContains(t, err, "no service x", p.name)
	}
}

var outOfCredit = problem.Define("https://example.com/probs/out-of-credit", "You do not have enough credit.", 403, "")

func TestDetailsHaveTypeAndFields(t *testing.T) {
	const text = "50 % of the credit\nis used – ask"
	d := outOfCredit.New(problem.Detail(text), problem.RetryAfter(90*time.Second),
		problem.Errors(problem.FieldError{Detail: "must be positive", Pointer: "#/age", Code: "out-of_range"}))
	srv := serve(t, false, refuse(d))
	check := func(why, message string, all []any) {
		assert.Equal(t, text, message, why)
		if !assert.Len(t, all, 3, why) {
			return
		}
		assert.Equal(t, 90*time.Second, all[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration(), why)
		info := all[1].(*errdetails.ErrorInfo)
		assert.Equal(t, "OUT_OF_CREDIT example.com", info.Reason+" "+info.Domain, why)
		assert.Equal(t, map[string]string{"type": outOfCredit.URI}, info.Metadata, why)
		fields := all[2].(*errdetails.BadRequest).FieldViolations
		if assert.Len(t, fields, 1, why) {
			assert.Equal(t, "#/age must be positive OUT_OF_RANGE", fields[0].Field+" "+fields[0].Description+" "+fields[0].Reason, why)
		}
	}
	for _, p := range protocols {
		for kind, err := range calls(t, srv, p.http2, p.options) {
			var ce *connect.Error
			require.ErrorAs(t, err, &ce)
			check(p.name+" "+kind, ce.Message(), details(t, ce))
		}
	}
	_, err := health1.NewHealthClient(dial(t, srv, false)).Check(t.Context(), &health1.HealthCheckRequest{})
	check("grpc-go", status.Convert(err).Message(), status.Convert(err).Details())
}

func TestReasonsHaveTheFormOfGoogle(t *testing.T) {
	for uri, want := range map[string]string{
		"https://example.com/probs/out-of-credit/":        "OUT_OF_CREDIT",
		"urn:example:out-of-credit":                       "OUT_OF_CREDIT",
		"https://example.com/#quota":                      "QUOTA",
		"/probs/404-order":                                "ORDER",
		"https://example.com":                             "FORBIDDEN_TEST",
		"https://example.com/%C3%A9":                      "FORBIDDEN_TEST",
		"https://example.com/" + strings.Repeat("a", 100): strings.Repeat("A", 63),
	} {
		srv := serve(t, false, refuse(problem.Define(uri, "t", 403, "").New()))
		_, err := health1.NewHealthClient(dial(t, srv, false)).Check(t.Context(), &health1.HealthCheckRequest{})
		all := status.Convert(err).Details()
		if assert.Len(t, all, 1, uri) {
			assert.Equal(t, strings.Replace(want, "FORBIDDEN_TEST", "PERMISSION_DENIED", 1), all[0].(*errdetails.ErrorInfo).Reason, uri)
		}
	}
}

func TestTheHeaderIsBounded(t *testing.T) {
	var v problem.Validation
	for range 1000 {
		v.Check(false, strings.Repeat("é", 500), strings.Repeat("p", 400))
	}
	err := v.Err(problem.Detail(strings.Repeat("x", 1<<20) + "\xff"))
	srv := serve(t, false, respond.Handler(func(http.ResponseWriter, *http.Request) error { return err }))
	_, got := health1.NewHealthClient(dial(t, srv, false)).Check(t.Context(), &health1.HealthCheckRequest{})
	s := status.Convert(got)
	assert.Equal(t, codes.InvalidArgument, s.Code())
	assert.Less(t, len(s.Message()), 1100)
	require.Len(t, s.Details(), 1)
	n := len(s.Details()[0].(*errdetails.BadRequest).FieldViolations)
	assert.True(t, n >= 1 && n <= 4, "%d", n)
}

// What a client chose may be part of a detail.
func TestTheMessageCannotSplitTheHeader(t *testing.T) {
	const detail = "a\r\nGrpc-Status: 0\r\n\r\n\x00%é"
	h := respond.Handler(func(http.ResponseWriter, *http.Request) error { return problem.New(404, problem.Detail(detail)) })
	srv := serve(t, false, h)
	_, got := health1.NewHealthClient(dial(t, srv, false)).Check(t.Context(), &health1.HealthCheckRequest{})
	assert.Equal(t, codes.NotFound, status.Code(got))
	assert.Equal(t, detail, status.Convert(got).Message())
}

// post sends a request without connect-go.
func post(t *testing.T, srv *httptest.Server, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, srv.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := srv.Client().Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

func TestTheProtocolIsThatOfTheRequest(t *testing.T) {
	srv := serve(t, false, refuse(problem.New(429, problem.RetryAfter(7*time.Second))))
	const usual = problem.MediaType
	for _, row := range []struct {
		why, method, query string
		header             []string
		status             int
		want               string // Content-Type
	}{
		{"no call", "GET", "", nil, 429, usual},
		{"plain JSON", "POST", "", []string{"Content-Type", "application/json"}, 429, usual},
		{"a form", "POST", "", []string{"Content-Type", "application/x-www-form-urlencoded"}, 429, usual},
		{"another version", "POST", "", []string{"Content-Type", "application/json", "Connect-Protocol-Version", "9"}, 429, usual},
		{"a version without a type", "POST", "", []string{"Connect-Protocol-Version", "1"}, 429, usual},
		{"a stream without a codec", "POST", "", []string{"Content-Type", "application/connect"}, 429, usual},
		{"gRPC by GET", "GET", "", []string{"Content-Type", "application/grpc"}, 429, usual},
		{"a GET with another parameter", "GET", "?connect=v2", nil, 429, usual},
		{"Connect, JSON", "POST", "", []string{"Content-Type", "application/json; charset=utf-8", "Connect-Protocol-Version", "1"}, 429, "application/json"},
		{"Connect, protobuf, as curl sends it", "POST", "", []string{"Content-Type", "application/proto"}, 429, "application/json"},
		{"Connect, GET", "GET", "?connect=v1&message=", nil, 429, "application/json"},
		{"Connect, stream", "POST", "", []string{"Content-Type", "application/connect+json"}, 200, "application/connect+json"},
		{"gRPC", "POST", "", []string{"Content-Type", "application/grpc"}, 200, "application/grpc"},
		{"gRPC, letters", "POST", "", []string{"Content-Type", "Application/GRPC+Proto"}, 200, "application/grpc+proto"},
		{"gRPC-Web", "POST", "", []string{"Content-Type", "application/grpc-web+proto"}, 200, "application/grpc-web+proto"},
		{"gRPC-Web, text", "POST", "", []string{"Content-Type", "application/grpc-web-text"}, 200, "application/grpc-web-text"},
		{"a codec that is none", "POST", "", []string{"Content-Type", "application/grpc+<script>"}, 200, "application/grpc"},
		{"a codec without end", "POST", "", []string{"Content-Type", "application/grpc+" + strings.Repeat("a", 1000)}, 200, "application/grpc"},
	} {
		res, body := post(t, srv, row.method, "/a"+row.query, row.header...)
		assert.Equal(t, row.status, res.StatusCode, row.why)
		assert.Equal(t, row.want, res.Header.Get("Content-Type"), row.why)
		assert.Equal(t, "7", res.Header.Get("Retry-After"), row.why)
		if strings.HasPrefix(row.want, "application/grpc") {
			assert.Empty(t, body, row.why)
			assert.Equal(t, "8", res.Header.Get("Grpc-Status"), row.why)
		} else {
			assert.Empty(t, res.Header.Get("Grpc-Status"), row.why)
		}
		if row.want == "application/json" {
			var e struct{ Code string }
			require.NoError(t, json.Unmarshal([]byte(body), &e), row.why)
			assert.Equal(t, "resource_exhausted", e.Code, row.why)
		}
	}
}

func TestLogAndMetricsHaveTheProblem(t *testing.T) {
	results := make(chan middleware.Result, 1)
	srv := httptest.NewServer(middleware.Capture(func(_ *http.Request, res middleware.Result) { results <- res })(
		middleware.NormalizeWith(middleware.NormalizeOptions{Responder: &respond.Responder{Render: rejoinderconnect.Render}})(refuse(outOfCredit.New()))))
	defer srv.Close()
	post(t, srv, "POST", "/", "Content-Type", "application/grpc-web")
	res := <-results
	assert.Equal(t, 200, res.Status, "that was sent")
	assert.ErrorIs(t, res.Problem, outOfCredit)
	assert.Equal(t, 403, res.Problem.Status)
}

func TestRenderWithChoosesTheCode(t *testing.T) {
	render := rejoinderconnect.RenderWith(rejoinderconnect.RenderOptions{Code: func(d *problem.Details) code.Code {
		if errors.Is(d, outOfCredit) {
			return code.Code_FAILED_PRECONDITION
		}
		return code.Code_OK
	}})
	for d, want := range map[*problem.Details]string{outOfCredit.New(): "9", problem.New(503): "14"} {
		p := respond.Responder{Render: render}
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", "application/grpc")
		p.Problem(rec, r, d)
		assert.Equal(t, want, rec.Header().Get("Grpc-Status"))
	}
}

func TestRenderWorksWithoutAResponder(t *testing.T) {
	d := problem.New(429, problem.RetryAfter(time.Second))
	d.Header = nil
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Content-Type", "application/grpc")
	mediaType, body := rejoinderconnect.Render(r, d)
	assert.Equal(t, "application/grpc", mediaType)
	assert.Equal(t, []byte{}, body)
	assert.Equal(t, "8", d.Header.Get("Grpc-Status"))
}
