// Command gateway forwards requests to another server, such as examples/api, and
// responds itself where that cannot: with 502 if the server cannot be reached, with 504
// if it takes too long, and with 413 or 429 to requests that it must not receive.
// Problems of the other server pass through unchanged.
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

// settings are the settings of a gateway.
type settings struct {
	upstream  *url.URL
	timeout   time.Duration // for the header of the upstream's response
	maxBytes  int64         // of the body of a request
	perMinute int           // requests of a client
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the `host:port` to listen on; port 0 chooses a free one")
	upstream := flag.String("upstream", "http://127.0.0.1:8081", "the `URL` of the server behind the gateway")
	s := settings{}
	flag.DurationVar(&s.timeout, "timeout", 5*time.Second, "how long the upstream may take to respond")
	flag.Int64Var(&s.maxBytes, "max-bytes", 64<<10, "how many bytes the body of a request may have")
	flag.IntVar(&s.perMinute, "limit", 120, "how many requests a client may make in a minute")
	flag.Parse()
	var err error
	if s.upstream, err = url.Parse(*upstream); err != nil || s.upstream.Host == "" {
		fmt.Fprintf(os.Stderr, "gateway: -upstream %q: not the URL of a server\n", *upstream)
		os.Exit(2)
	}
	serve.Main(*addr, gateway(s))
}

// gateway forwards the requests for paths below /orders and /problems.
func gateway(s settings) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = s.timeout
	responder := &respond.Responder{Map: problem.Mapping{problemFor}}
	proxy := http.MaxBytesHandler(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(s.upstream)
			p.SetXForwarded()
			p.Out.Header.Set("X-Request-Id", middleware.RequestIDFrom(p.In.Context()))
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header.Del("X-Request-Id") // the response has that of the gateway
			return nil
		},
		Transport:    transport,
		ErrorHandler: responder.Fail,
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

// problemFor returns the problem that an error of the proxy means. It returns nil for
// a body that is too large and for a client that has left, which are not failures of
// the upstream.
func problemFor(err error) *problem.Details {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, http.ErrAbortHandler) {
		return nil
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return problem.New(http.StatusGatewayTimeout, problem.Detail("The service behind this gateway took too long."))
	}
	return problem.New(http.StatusBadGateway, problem.Detail("The service behind this gateway cannot be reached."))
}
