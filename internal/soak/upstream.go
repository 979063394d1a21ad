package main

import (
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/respond"
)

// upstream is the server behind the ReverseProxy. It knows nothing of the
// toolkit's middleware.
type upstream struct {
	addr    string
	server  *http.Server
	weather *weather
}

func startUpstream(w *weather) (*upstream, error) {
	u := &upstream{addr: "127.0.0.1:0", weather: w}
	return u, u.start()
}

func (u *upstream) start() error {
	l, err := net.Listen("tcp", u.addr)
	if err != nil {
		return err
	}
	u.addr = l.Addr().String()
	u.server = &http.Server{Handler: upstreamHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go func(s *http.Server) { _ = s.Serve(l) }(u.server)
	return nil
}

// restart cuts everything off, and comes back a while later.
func (u *upstream) restart(absent time.Duration) error {
	u.weather.upstream.begin()
	defer u.weather.upstream.end()
	u.close()
	time.Sleep(absent)
	return u.start()
}

func (u *upstream) close() { _ = u.server.Close() }

func upstreamHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/json", serveJSON)
	mux.HandleFunc("/typed", serveTyped)
	mux.HandleFunc("/big", big)
	mux.HandleFunc("/trailer", trailer)
	echoes := &respond.Responder{Logger: slog.New(slog.DiscardHandler)}
	mux.Handle("/echo", echoes.Handler(echo))
	mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusInternalServerError) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(pattern(9000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/late", func(_ http.ResponseWriter, r *http.Request) { // later than the Timeout of the proxy
		select {
		case <-r.Context().Done():
		case <-time.After(3 * readTimeout):
		}
	})
	return mux
}
