// Command quickstart is a to-do list: an http.ServeMux with middleware around it, so
// that each failure is a problem document, whichever layer or handler causes it.
//
//	go run ./examples/quickstart
//	curl -i http://127.0.0.1:8080/todos
//	curl -i http://127.0.0.1:8080/nowhere
//	curl -i -X PATCH http://127.0.0.1:8080/todos
//	curl -i http://127.0.0.1:8080/todos --json '{"titel":"milk"}'
//	curl -i http://127.0.0.1:8080/panic
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
	perMinute := flag.Int("limit", 60, "how many requests a client may make in a minute")
	flag.Parse()
	serve.Main(*addr, handler(*perMinute))
}

// handler returns the whole service: the routes, and the middleware around them, the
// outermost first.
func handler(perMinute int) http.Handler {
	mux := http.NewServeMux()
	(&todos{byID: map[int]todo{}}).register(mux)
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) {
		panic("a message that no client reads")
	})

	limit := ratelimit.New(ratelimit.Policy{
		Quota: ratelimit.PerMinute(perMinute),
		Key:   ratelimit.ByIP(clientip.Direct),
	})
	return middleware.Chain(middleware.RequestID, middleware.AccessLog, middleware.Normalize, limit)(mux)
}
