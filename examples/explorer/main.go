// Command explorer answers with whatever status code it is asked for, in each
// of the ways in which handlers do. It is for looking at the answers, with a
// browser or with a tool that judges them.
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
	addr := flag.String("addr", "127.0.0.1:8080", "the `host:port` to listen on; port 0 takes a free one")
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil))) // stdout has the address, and nothing else
	serve.Main(*addr, handler())
}

// handler is the whole service. Only the endpoints differ from a usual one:
// many of them misbehave, and the chain around them makes up for it.
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
