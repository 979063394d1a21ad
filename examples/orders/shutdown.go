package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/listener"
)

// shutdown has the times of a shutdown.
type shutdown struct {
	notice time.Duration // until load balancers have noticed
	grace  time.Duration // for the requests under way
}

// run serves until ctx ends, and then shuts down: it accepts no more connections, ends
// the streams, and waits until the other requests have been served.
func (s *service) run(ctx context.Context, l net.Listener, end shutdown) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: s, Protocols: protocols, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	srv.RegisterOnShutdown(s.hub.end)
	return serveUntil(ctx, srv, listener.Normalize(l), func() { s.stopping.Store(true) }, end)
}

// serveUntil serves until ctx ends, calls unready, and shuts the server down.
func serveUntil(ctx context.Context, srv *http.Server, l net.Listener, unready func(), end shutdown) error {
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	unready() // requests are still served until load balancers send no more
	select {
	case err := <-failed:
		return err
	case <-time.After(end.notice):
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), end.grace)
	defer cancel()
	if err := srv.Shutdown(deadline); err != nil {
		return errors.Join(err, srv.Close()) // cuts the requests that have not ended
	}
	return nil
}
