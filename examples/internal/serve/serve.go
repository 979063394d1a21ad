// Package serve is what the example commands have in common: listening, saying
// where, and stopping cleanly. They speak HTTP/1.1 and cleartext HTTP/2.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rejoinder-go/rejoinder/listener"
	"github.com/rejoinder-go/rejoinder/problem"
)

// Main serves h on addr, a host:port whose port may be 0 for a free one, until
// the process gets SIGINT or SIGTERM. Its first line on stdout tells the
// address. It ends the process with status 1 if it cannot listen.
func Main(addr string, h http.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Until(ctx, os.Stdout, addr, h)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Until is [Main] with the end and the output passed in. It returns when the
// requests under way at the end are answered, or five seconds later.
func Until(ctx context.Context, out io.Writer, addr string, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on http://%s\n", l.Addr())

	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, Protocols: protocols}
	stopped := make(chan error, 1)
	cancel := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(grace)
	})
	if err := srv.Serve(listener.Normalizer{Report: refused}.Wrap(l)); !errors.Is(err, http.ErrServerClosed) {
		cancel()
		return err
	}
	return <-stopped
}

// refused logs what no access log has, because no handler was asked.
func refused(client net.Addr, d *problem.Details) {
	slog.Info("refused", "client", client, "problem", d)
}
