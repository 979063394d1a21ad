// Command api is an order service on net/http: it creates and reads orders, updates
// them without losing the changes of another client, and streams a list of them. Its
// handlers return errors, and errors.go defines what those mean to a client.
//
//	go run ./examples/api
//	curl -i http://127.0.0.1:8080/orders --json '{"item":"tea","quantity":2}'
//	curl -i http://127.0.0.1:8080/orders/1
//	curl -i http://127.0.0.1:8080/orders/1 -H 'If-None-Match: "1"'
//	curl -i http://127.0.0.1:8080/orders/1 -X PUT --json '{"item":"tea","quantity":3}' -H 'If-Match: "1"'
//	curl -i http://127.0.0.1:8080/orders/1 -X PUT --json '{"item":"tea","quantity":4}' -H 'If-Match: "1"'
//	curl -i http://127.0.0.1:8080/orders --json '{"item":"","quantity":"two"}'
//	curl -i http://127.0.0.1:8080/orders --json '{"item":"tea","quantity":99}'
//	curl -i http://127.0.0.1:8080/orders
//
// A browser shows http://127.0.0.1:8080/problems/out-of-stock, and any problem
// as a page.
package main

import (
	"flag"
	"net/http"

	"github.com/rejoinder-go/rejoinder/examples/internal/serve"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the `host:port` to listen on; port 0 chooses a free one")
	perMinute := flag.Int("limit", 600, "how many requests a client may make in a minute")
	flag.Parse()
	serve.Main(*addr, service(*perMinute))
}

// service returns the routes with the middleware around them, the outermost first.
func service(perMinute int) http.Handler {
	limit := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(perMinute),
		Key:   ratelimit.ByIP(clientip.Direct),
	})
	routes := (&orders{store: newStore()}).routes()
	return middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize, limit)(routes)
}
