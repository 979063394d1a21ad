package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// options are the settings of a run.
type options struct {
	time     time.Duration
	seed     uint64
	progress io.Writer
}

// heapBound is how much larger the heap may be after the second round than after
// the first: what the runtime and the standard library keep for themselves.
const heapBound = 256 << 10

// outcome is what a run has found.
type outcome struct {
	options
	command    string
	first      *figures // of the round before the comparison
	main       *figures
	start      holdings
	warm       holdings // after the first round
	end        holdings
	took       time.Duration
	violations []string // the first of them
	violated   int
}

// run serves two rounds, and compares what the process has before and after.
func run(ctx context.Context, o options) (*outcome, error) {
	tmp, dir, remove, err := scratch()
	if err != nil {
		return nil, err
	}
	defer remove()
	out := &outcome{options: o, first: newFigures(), main: newFigures()}
	defer listenToLogs(out.main)()
	began := time.Now()
	out.start = warmed(tmp)
	for _, round := range []struct {
		figures *figures
		time    time.Duration
		after   *holdings
	}{{out.first, o.time / 5, &out.warm}, {out.main, o.time - o.time/5, &out.end}} {
		if err := out.round(ctx, round.figures, round.time, dir); err != nil {
			return nil, err
		}
		var faults []string
		*round.after, faults = left(out.start, tmp, patience)
		for _, fault := range faults {
			round.figures.violate("%s", fault)
		}
		fmt.Fprintf(o.progress, "%v: %d requests, %d goroutines, %d files, %d KiB of heap, %d violations\n",
			time.Since(began).Round(time.Second), round.figures.total("requests"), len(round.after.goroutines), len(round.after.files),
			round.after.heap>>10, round.figures.violated)
	}
	for began := time.Now(); out.grown() > heapBound && time.Since(began) < patience; time.Sleep(patience / 100) {
		out.end.heap, out.end.objects = liveHeap() // what a timer holds is gone when it fires
	}
	if grown := out.grown(); grown > heapBound {
		out.main.violate("the heap has grown by %d bytes from one round to the other, in %d requests", grown, out.main.total("requests"))
	}
	out.took = time.Since(began)
	for _, f := range []*figures{out.first, out.main} {
		out.violations = append(out.violations, f.violations...)
		out.violated += f.violated
	}
	return out, nil
}

// grown returns how many bytes of heap are there after the second round that were
// not there after the first.
func (out *outcome) grown() int64 { return int64(out.end.heap) - int64(out.warm.heap) }

func (out *outcome) round(ctx context.Context, f *figures, d time.Duration, dir string) error {
	w, err := newWorld(f, out.seed, dir)
	if err != nil {
		return err
	}
	return errors.Join(w.live(ctx, d), ctx.Err())
}

// listenToLogs looks at what goes to the default logger, until the function that
// it returns is called.
func listenToLogs(f *figures) (restore func()) {
	before := slog.Default()
	slog.SetDefault(slog.New(stray{f}))
	redis.SetLogger(quiet{})
	return func() { slog.SetDefault(before) }
}

// stray is a slog.Handler that should get no record.
type stray struct{ figures *figures }

func (stray) Enabled(context.Context, slog.Level) bool { return true }
func (s stray) WithAttrs([]slog.Attr) slog.Handler     { return s }
func (s stray) WithGroup(string) slog.Handler          { return s }

func (s stray) Handle(_ context.Context, r slog.Record) error {
	s.figures.violate("the default logger has a record, and all have a logger of their own: %s", r.Message)
	return nil
}

// quiet is a logger of go-redis, which has a line for each connection that was lost.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
