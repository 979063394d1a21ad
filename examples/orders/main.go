// Command orders is a complete order service, with chi, bearer tokens, validation, a
// stream of events, metrics, traces, limits by plan and a graceful shutdown. It starts
// with one command:
//
//	go run -C examples/orders .
//
// and has a user in each of two plans, with the tokens demo-free and demo-pro:
//
//	curl -i http://127.0.0.1:8080/orders
//	curl -i http://127.0.0.1:8080/orders -H 'Authorization: Bearer demo-free' --json '{"item":"tea","quantity":2}'
//	curl -i http://127.0.0.1:8080/orders -H 'Authorization: Bearer demo-free' --json '{"item":"","quantity":0}'
//	curl -i http://127.0.0.1:8080/orders -H 'Authorization: Bearer demo-free' --json '{"item":"tea","quantity":99}'
//	curl -N http://127.0.0.1:8080/events -H 'Authorization: Bearer demo-free'
//	curl http://127.0.0.1:8080/metrics
//
// Package client, in the directory client, calls the service from Go.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	o := options{shutdown: shutdown{grace: 10 * time.Second}}
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8080", "the `host:port` to listen on; port 0 chooses a free one")
	flag.StringVar(&o.origin, "origin", "https://app.example.com", "the `origin` whose pages may call the service")
	flag.BoolVar(&o.traces, "traces", false, "print traces to stderr")
	flag.DurationVar(&o.shutdown.notice, "notice", 0, "how long readiness is 503 before the shutdown begins")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

type options struct {
	addr, origin string
	traces       bool
	shutdown     shutdown
}

func run(ctx context.Context, o options) error {
	var to []sdktrace.TracerProviderOption
	if o.traces {
		exporter, err := stdouttrace.New(stdouttrace.WithWriter(os.Stderr))
		if err != nil {
			return err
		}
		to = append(to, sdktrace.WithBatcher(exporter))
	}
	tracing := sdktrace.NewTracerProvider(to...)
	defer func() { _ = tracing.Shutdown(context.WithoutCancel(ctx)) }()

	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	return newService(o.origin, tracing).run(ctx, l, o.shutdown)
}
