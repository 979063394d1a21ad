// Command fleet runs three instances of an API, each on a port of its own. They share
// one rate limit through Redis.
//
//	cd examples/fleet && go run .
//	for port in 8080 8081 8082 8080 8081 8082; do curl -si http://127.0.0.1:$port/time; done
//
// The limit of 12 requests a minute applies to all ports together: see r in the
// RateLimit field. Now stop Redis with the command that the program prints, and send
// more requests. Each instance grants a third of the limit, and reports that at /status:
//
//	for port in 8080 8081 8082; do curl -s http://127.0.0.1:$port/status; done
//
// Resume Redis, and within a second the instances share the limit again, without having
// granted more than it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/examples/internal/serve"
)

// instances is the number of instances.
const instances = 3

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8080", "the `host:port` of the first instance, the others have the next ports; port 0 chooses free ones")
	flag.StringVar(&o.redis, "redis", "", "the `host:port` of a Redis; without it, redis-server is started")
	flag.IntVar(&o.perMinute, "limit", 12, "how many requests a client may make in a minute, of all instances together")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	addr, redis string
	perMinute   int
}

// run serves until ctx is done. It writes a line for each instance, in their
// order.
func run(ctx context.Context, out io.Writer, o options) error {
	addrs, err := consecutive(o.addr, instances)
	if err != nil {
		return err
	}
	if o.redis == "" {
		own, err := startRedis(ctx)
		if err != nil {
			return err
		}
		defer own.stop()
		o.redis = own.addr
		fmt.Fprintf(os.Stderr, "Redis is process %d on %s.\n  stop it:    kill -STOP %[1]d\n  resume it:  kill -CONT %[1]d\n", own.pid(), own.addr)
	}
	client := redis.NewClient(&redis.Options{Addr: o.redis, ContextTimeoutEnabled: true})
	defer client.Close()
	soon, cancel := context.WithTimeout(ctx, time.Second)
	if err := client.Ping(soon).Err(); err != nil {
		slog.Warn("Redis does not respond yet", "addr", o.redis, "error", err)
	}
	cancel()
	return serveAll(ctx, out, addrs, func(i int) http.Handler { return newAPI(i+1, o.perMinute, client) })
}

// serveAll starts an instance at each address, one after the other. It returns when
// all have ended, which they do when ctx is done or one of them fails.
func serveAll(ctx context.Context, out io.Writer, addrs []string, instance func(i int) http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(addrs))
	running := 0
	var err error
	for i, addr := range addrs {
		line := &announcement{out: out, written: make(chan struct{})}
		go func() { ended <- serve.Until(ctx, line, addr, instance(i)) }()
		running++
		select {
		case <-line.written:
			continue
		case err = <-ended:
			running--
		}
		break
	}
	if err == nil {
		err = <-ended // all instances end when ctx does
		running--
	}
	cancel()
	for range running {
		err = errors.Join(err, <-ended)
	}
	return err
}

// announcement forwards the line that an instance writes when it listens.
type announcement struct {
	out     io.Writer
	written chan struct{}
}

func (a *announcement) Write(line []byte) (int, error) {
	defer close(a.written)
	return a.out.Write(line)
}

// consecutive returns n addresses with consecutive ports from that of addr on, or addr n
// times if its port is 0.
func consecutive(addr string, n int) ([]string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	first, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("port %q is not a number", port)
	}
	addrs := make([]string, n)
	for i := range addrs {
		if first > 0 {
			port = strconv.Itoa(first + i)
		}
		addrs[i] = net.JoinHostPort(host, port)
	}
	return addrs, nil
}
