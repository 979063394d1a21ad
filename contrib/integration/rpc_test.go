package integration_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rejoinder-go/rejoinder/middleware"
)

type text = wrapperspb.StringValue

// shout is a procedure that fails for an empty text.
func shout(_ context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
	if r.Msg.Value == "" {
		return nil, connect.NewError(connect.CodeInvalidArgument, io.ErrUnexpectedEOF)
	}
	return connect.NewResponse(wrapperspb.String(strings.ToUpper(r.Msg.Value))), nil
}

// letters streams the letters of a text, and fails at a "!".
func letters(_ context.Context, r *connect.Request[text], s *connect.ServerStream[text]) error {
	for _, letter := range r.Msg.Value {
		if letter == '!' {
			return connect.NewError(connect.CodeAborted, io.ErrUnexpectedEOF)
		}
		if err := s.Send(wrapperspb.String(string(letter))); err != nil {
			return err
		}
	}
	return nil
}

// One server has procedures of Connect, gRPC and gRPC-Web beside REST. The chain leaves
// their responses unchanged, also their errors, and sends problems to other clients.
func TestConnectStandsBesideREST(t *testing.T) {
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	m := streams()
	m.Handle("/letters.v1.Letters/Shout", connect.NewUnaryHandler("/letters.v1.Letters/Shout", shout))
	m.Handle("/letters.v1.Letters/Spell", connect.NewServerStreamHandler("/letters.v1.Letters/Spell", letters))
	c, url := h2c(t, s.chain(middleware.Timeout(time.Minute)(m)))
	for name, form := range map[string][]connect.ClientOption{
		"Connect":  nil,
		"gRPC":     {connect.WithGRPC()},
		"gRPC-Web": {connect.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			unary := connect.NewClient[text, text](c, url+"/letters.v1.Letters/Shout", form...)
			res, err := unary.CallUnary(t.Context(), connect.NewRequest(wrapperspb.String("hello")))
			require.NoError(t, err)
			assert.Equal(t, "HELLO", res.Msg.Value)
			assert.NotEmpty(t, res.Header().Get("X-Request-Id"))
			var e exchange
			s.noted(&e)
			assert.Equal(t, "/letters.v1.Letters/Shout", e.record["http.route"])

			_, err = unary.CallUnary(t.Context(), connect.NewRequest(wrapperspb.String("")))
			assert.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), "%v", err)
			s.noted(&e)
			assert.Empty(t, e.reports, "there is nothing to report")

			stream, err := connect.NewClient[text, text](c, url+"/letters.v1.Letters/Spell", form...).
				CallServerStream(t.Context(), connect.NewRequest(wrapperspb.String("ab!")))
			require.NoError(t, err)
			got := ""
			for stream.Receive() {
				got += stream.Msg().Value
			}
			assert.Equal(t, "ab", got)
			assert.Equal(t, connect.CodeAborted, connect.CodeOf(stream.Err()), "%v", stream.Err())
			require.NoError(t, stream.Close())
			s.noted(&e)
		})
	}
	r, err := http.NewRequest("GET", url+"/nowhere", nil)
	require.NoError(t, err)
	s.isProblem(s.send(c, r), 404)
}

// A server of grpc-go is a handler too. It requires HTTP/2 with trailers.
func TestGRPCStandsBesideREST(t *testing.T) {
	s := &service{t: t, ended: make(chan struct{}, 1000)}
	check := health.NewServer()
	g := grpc.NewServer()
	healthpb.RegisterHealthServer(g, check)
	m := streams()
	m.Handle("/grpc.health.v1.Health/", g)
	c, url := h2c(t, s.chain(m))
	conn, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	res, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	assert.Equal(t, healthpb.HealthCheckResponse_SERVING, res.Status)
	var e exchange
	s.noted(&e)
	assert.Equal(t, 200, e.result.Status)

	_, err = client.Check(ctx, &healthpb.HealthCheckRequest{Service: "unknown"})
	assert.Equal(t, codes.NotFound, status.Code(err), "%v", err)
	s.noted(&e)

	watch, stop := context.WithCancel(ctx)
	updates, err := client.Watch(watch, &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		update, err := updates.Recv()
		require.NoError(t, err)
		assert.Equal(t, want, update.Status)
		check.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	}
	stop()
	s.noted(&e)

	r, err := http.NewRequest("GET", url+"/nowhere", nil)
	require.NoError(t, err)
	s.isProblem(s.send(c, r), 404)
}
