// Command gateway stands in front of another server, such as examples/api, and
// answers for it where it cannot: 502 if it is not there, 504 if it takes too
// long, 413 and 429 for what it should not see. Problems of the other server
// pass as they are.
//
//	go run ./examples/api -addr 127.0.0.1:8081
//	go run ./examples/gateway -upstream http://127.0.0.1:8081
//	curl -i http://127.0.0.1:8080/orders
//	curl -i http://127.0.0.1:8080/orders/17
//
// Stop the first of them to see a 502.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"github.com/rejoinder-go/rejoinder/examples/internal/serve"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// settings are what a gateway has to be told.
type settings struct {
	upstream  *url.URL
	patience  time.Duration // until the upstream answers
	maxBytes  int64         // of a request's content
	perMinute int           // requests of a client
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the `host:port` to listen on; port 0 takes a free one")
	upstream := flag.String("upstream", "http://127.0.0.1:8081", "the `URL` of the server behind the gateway")
	s := settings{}
	flag.DurationVar(&s.patience, "patience", 5*time.Second, "how long the upstream may take to answer")
	flag.Int64Var(&s.maxBytes, "max-bytes", 64<<10, "how many bytes of content a request may have")
	flag.IntVar(&s.perMinute, "limit", 120, "how many requests a client may make in a minute")
	flag.Parse()
	var err error
	if s.upstream, err = url.Parse(*upstream); err != nil || s.upstream.Host == "" {
		fmt.Fprintf(os.Stderr, "gateway: -upstream %q: not the URL of a server\n", *upstream)
		os.Exit(2)
	}
	serve.Main(*addr, gateway(s))
}

// gateway forwards what is below /orders, and what is below /problems.
func gateway(s settings) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = s.patience
	answers := &respond.Responder{Map: problem.Mapping{meaning}}
	proxy := http.MaxBytesHandler(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(s.upstream)
			p.SetXForwarded()
			p.Out.Header.Set("X-Request-Id", middleware.RequestIDFrom(p.In.Context()))
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header.Del("X-Request-Id") // the answer has the gateway's
			return nil
		},
		Transport:    transport,
		ErrorHandler: answers.Fail,
	}, s.maxBytes)

	mux := http.NewServeMux()
	for _, path := range []string{"/orders", "/orders/", "/problems/"} {
		mux.Handle(path, proxy)
	}
	limit := ratelimit.New(ratelimit.Policy{
		Name:  "gateway",
		Quota: ratelimit.PerMinute(s.perMinute),
		Key:   ratelimit.ByIP(clientip.Direct),
	})
	return middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize, limit)(mux)
}

// meaning says what it means to a client that a request could not be
// forwarded. A content that is too large is not the upstream's fault, and a
// client that left not anybody's: those keep their usual meaning.
func meaning(err error) *problem.Details {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, http.ErrAbortHandler) {
		return nil
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return problem.New(http.StatusGatewayTimeout, problem.Detail("The service behind this gateway took too long."))
	}
	return problem.New(http.StatusBadGateway, problem.Detail("The service behind this gateway cannot be reached."))
}
