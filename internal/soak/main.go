// Command soak serves mixed traffic for minutes, breaks what can break beside
// it, and then looks whether anything is left or missing.
//
//	cd internal/soak && go run .                 # two minutes
//	go run -race . -for 10m -seed 7 -o report.md
//
// In one process there are two servers behind the documented chain, over
// HTTP/1.1 and HTTP/2 without TLS, one of them inside package listener; a third
// server behind a ReverseProxy; and two redis-servers behind one address.
// Clients of all kinds send requests to them: orderly ones, some of which
// pipeline, read or write slowly, upload, stream or upgrade, also through the
// ReverseProxy; and rude ones, which vanish with FIN or RST in whatever is under
// way, stall, send half of a request or malformed ones, and flood the limits with
// keys by the hundred thousand. Meanwhile servers shut down gracefully and come
// back, Redis is killed, stopped and re-pointed, the upstream server is cut off,
// and maintenance is switched on and off.
//
// These have to hold, and each that does not is a violation:
//
//   - Each request of an orderly client has one response, complete and correct,
//     and one Result and one log record that agree with it. A response is cut only
//     where it has to be: behind a panic or a deadline that came in the middle.
//   - Each handler that was called has ended, with one Result and one record,
//     whatever its client did.
//   - No error message, panic value or text of the upstream server reaches a
//     client.
//   - A limit grants no key more than its quota, in memory and in Redis, whatever
//     breaks. While Redis is away each service grants its share, no more and no
//     less, and charges it afterwards. That is counted by the clients.
//   - A limit that is flooded takes no more memory than it is documented to, and
//     refuses no new key.
//   - Shutdown cuts no request that had begun, and ends in time.
//   - At the end there is no goroutine, file, temporary file, connection, slot
//     of a limit or key in Redis that was not there at the start, and no heap
//     that was not there after a first round.
//
// The seed decides what is sent and what breaks in which order; what meets what
// is up to the scheduler. On a busy machine it finds the same: what a Timeout or
// an idle connection makes of a process that is kept waiting is no violation,
// and a clock that ticks all the time shows when it is. The command needs Linux
// and redis-server. It exits with status 1, and lists them, if there are
// violations.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/race"
)

func main() {
	var o options
	flag.DurationVar(&o.time, "for", 2*time.Minute, "how long to serve, the first round included")
	flag.Uint64Var(&o.seed, "seed", 1, "decides what is sent, and what breaks in which order")
	output := flag.String("o", "", "file for the report; if empty it goes to standard output")
	procs := flag.Int("procs", 2, "how many cores to use")
	flag.Parse()
	runtime.GOMAXPROCS(*procs)
	o.progress = os.Stderr

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	out, err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out.command = command()
	if err := publish(*output, out.report()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(out.violations) > 0 {
		fmt.Fprintf(os.Stderr, "%d violations:\n", out.violated)
		for _, v := range out.violations {
			fmt.Fprintln(os.Stderr, "-", v)
		}
		os.Exit(1)
	}
}

// command returns how to repeat this run.
func command() string {
	words := []string{"go", "run"}
	if race.Enabled {
		words = append(words, "-race")
	}
	return strings.Join(append(append(words, "."), os.Args[1:]...), " ")
}

func publish(name, text string) error {
	if name == "" {
		fmt.Print(text)
		return nil
	}
	return os.WriteFile(name, []byte(text), 0o644)
}
