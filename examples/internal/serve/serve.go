// Package serve runs the servers of the example commands: it listens, prints the
// address, serves HTTP/1.1 and cleartext HTTP/2, and shuts down gracefully.
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

// Main serves h on addr, a host:port, until the process gets SIGINT or SIGTERM. Port 0
// chooses a free port. The first line on stdout has the address. If Main cannot listen,
// it ends the process with exit code 1.
func Main(addr string, h http.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Until(ctx, os.Stdout, addr, h)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Until is [Main] with a context that ends it and a writer for the address. It returns
// when the requests under way have been served, or five seconds after the end.
func Until(ctx context.Context, out io.Writer, addr string, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on http://%s\n", l.Addr())

	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, Protocols: protocols}
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

// refused logs a request that net/http refused before any handler, and so before any
// access log.
func refused(client net.Addr, d *problem.Details) {
	slog.Info("refused", "client", client, "problem", d)
}
