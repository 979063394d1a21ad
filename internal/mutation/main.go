package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A target is code that is broken, and the packages whose tests have to notice.
type target struct {
	name     string
	packages []string
	tests    []string
}

var targets = []target{
	{"exchange", []string{"internal/exchange"}, []string{"internal/model", "middleware", "respond", "middleware/middlewaretest", "."}},
	{"decoder", []string{"request", "internal/jsonscan"}, []string{"request", "internal/jsonscan", "problem"}},
	{"limiter", []string{"middleware/ratelimit"}, []string{"middleware/ratelimit", "."}},
}

// settings are what the flags say.
type settings struct {
	limit   time.Duration // that all mutants may take
	only    string        // the mutants that are run, as a regular expression
	names   string        // of the tests that are run, as a regular expression
	longest time.Duration // that a test may take
	workers int           // how many mutants are run at once
	verbose bool
	out     io.Writer
}

func main() {
	s := settings{out: os.Stdout}
	flag.DurationVar(&s.limit, "time", 2*time.Hour, "how long mutants are run at most")
	flag.StringVar(&s.only, "only", "", "run only the mutants whose key matches this `regexp`")
	flag.StringVar(&s.names, "run", "^(Test|Fuzz|Example)", "run only the tests whose name matches this `regexp`")
	flag.DurationVar(&s.longest, "longest", time.Minute, "leave out tests that take longer of a core by themselves")
	flag.IntVar(&s.workers, "workers", 1, "how many mutants are run at once")
	flag.BoolVar(&s.verbose, "v", false, "print each mutant, and what noticed it")
	flag.Parse()
	if err := run(s, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(s settings, names []string) error {
	only, err := regexp.Compile(s.only)
	if err != nil {
		return err
	}
	module, err := output("", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	judged, err := readJudged(filepath.Join(module, "internal/mutation/equivalent.txt"))
	if err != nil {
		return err
	}
	deadline := time.Now().Add(s.limit)
	failed := 0
	for _, t := range targets {
		if len(names) > 0 && !slices.Contains(names, t.name) {
			continue
		}
		r := &runner{target: t, settings: s, module: module, dir: filepath.Join(dir, t.name), judged: judged}
		if err := r.prepare(only); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		r.runAll(deadline)
		failed += r.report()
	}
	if failed > 0 {
		return fmt.Errorf("%d mutants to be judged", failed)
	}
	return nil
}

// readJudged returns the lines of the list of equivalent mutants: a key, " | ",
// and the reason.
func readJudged(name string) (map[string]bool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	judged := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndex(line, " | ")
		if at < 0 {
			return nil, fmt.Errorf("%s: no reason in %q", name, line)
		}
		judged[line[:at]] = true
	}
	return judged, nil
}

// output runs a program and returns what it prints.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
