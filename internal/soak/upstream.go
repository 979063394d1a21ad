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
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		return nil, err
	}
	u := &upstream{addr: l.Addr().String(), weather: w}
	u.start(l)
	return u, nil
}

func (u *upstream) start(l net.Listener) {
	u.server = &http.Server{Handler: upstreamHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go func(s *http.Server) { _ = s.Serve(l) }(u.server)
}

// restart cuts everything off, and comes back a while later.
func (u *upstream) restart(absent time.Duration) error {
	u.weather.upstream.begin()
	defer u.weather.upstream.end()
	u.close()
	time.Sleep(absent)
	l, err := net.Listen("tcp", u.addr)
	if err != nil {
		return err
	}
	u.start(l)
	return nil
}

func (u *upstream) close() { _ = u.server.Close() }

func upstreamHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/json", serveJSON)
	mux.HandleFunc("/typed", serveTyped)
	mux.HandleFunc("/big", big)
	mux.HandleFunc("/trailer", trailer)
	mux.HandleFunc("/tunnel", serveTunnel)
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
