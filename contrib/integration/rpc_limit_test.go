package integration_test

import (
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"

	rejoinderconnect "github.com/rejoinder-go/rejoinder/contrib/connect"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// One limiter serves RPC and REST, and each client gets its refusal in the form of its
// protocol.
func TestRefusalsReachRPCClientsInTheirForm(t *testing.T) {
	for name, form := range map[string][]connect.ClientOption{
		"Connect":  nil,
		"gRPC":     {connect.WithGRPC()},
		"gRPC-Web": {connect.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{t: t, ended: make(chan struct{}, 1000)}
			m := streams()
			m.Handle("/letters.v1.Letters/Shout", connect.NewUnaryHandler("/letters.v1.Letters/Shout", shout))
			normalize := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: &respond.Responder{Render: rejoinderconnect.Render}})
			limit := ratelimit.New(ratelimit.Policy{Quota: ratelimit.PerHour(1), Key: ratelimit.ByIP(clientip.Direct)})
			c, url := h2c(t, middleware.Chain(s.outer, normalize, limit)(m))
			unary := connect.NewClient[text, text](c, url+"/letters.v1.Letters/Shout", form...)
			var e exchange
			_, err := unary.CallUnary(t.Context(), connect.NewRequest(wrapperspb.String("hello")))
			require.NoError(t, err)
			s.noted(&e)
			_, err = unary.CallUnary(t.Context(), connect.NewRequest(wrapperspb.String("hello")))
			assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), "%v", err)
			s.noted(&e)

			r, err := http.NewRequest("GET", url+"/orders/7", nil)
			require.NoError(t, err)
			s.isProblem(s.send(c, r), 429)
		})
	}
}
