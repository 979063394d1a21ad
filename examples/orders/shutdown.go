package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/listener"
)

// shutdown says how the service ends.
type shutdown struct {
	notice time.Duration // until the load balancer has noticed
	grace  time.Duration // for requests under way
}

// run serves until ctx ends, then shuts down: nothing new comes in, streams are
// told to leave, and the other requests under way have time to finish. It returns
// when that is done.
func (s *service) run(ctx context.Context, l net.Listener, end shutdown) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: s, Protocols: protocols, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	srv.RegisterOnShutdown(s.hub.end)
	return serveUntil(ctx, srv, listener.Normalize(l), func() { s.leaving.Store(true) }, end)
}

// serveUntil serves until ctx ends, calls leave, and shuts the server down.
func serveUntil(ctx context.Context, srv *http.Server, l net.Listener, leave func(), end shutdown) error {
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	leave() // readiness is 503 from now on, while everything is still served
	select {
	case err := <-failed:
		return err
	case <-time.After(end.notice):
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), end.grace)
	defer cancel()
	if err := srv.Shutdown(deadline); err != nil {
		return errors.Join(err, srv.Close()) // cut what has not ended by now
	}
	return nil
}
