// Command explorer responds with any status code, in each of the ways in which
// handlers do, so that a browser or a tool can inspect the responses.
//
//	go run ./examples/explorer
//	curl -i http://127.0.0.1:8080/error/503
//	curl -i http://127.0.0.1:8080/raw/404
//	curl -i http://127.0.0.1:8080/invalid/42
//
// Its first page lists the rest.
package main

import (
	"flag"
	"log/slog"
	"net/http"
	"os"

	"github.com/rejoinder-go/rejoinder/examples/internal/serve"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/respond"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the `host:port` to listen on; port 0 chooses a free one")
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil))) // stdout has only the address
	serve.Main(*addr, handler())
}

// handler returns the whole service. Many of its handlers misbehave on purpose; the
// chain around them corrects what they send.
func handler() http.Handler {
	mux := http.NewServeMux()
	registerIndex(mux)
	registerCodes(mux)
	registerFaults(mux)
	registerOrders(mux)
	registerStreams(mux)
	normalize := middleware.NormalizeWith(middleware.NormalizeOptions{Responder: &respond.Responder{Home: "/"}})
	return middleware.Chain(middleware.RequestID, middleware.AccessLog, normalize)(mux)
}
