// Command benchmarks measures the toolkit beside its peers.
//
//	go test -bench . -benchtime 1x ./...   # does each contender still respond correctly?
//	go run .                               # the measurement: a quarter of an hour on a quiet machine
//	go run . -run 'Write|Limit' -rounds 4 -o ''
//
// Each work is a Benchmark with a sub-benchmark for each contender: net/http itself,
// hand-written code, other libraries, and ours. Before it is
// timed, each has to respond correctly once. Those whose name begins with "floor." are
// references, which do as little as the work requires and leave out what a library
// must do. Beside the works, Service measures the processor time
// of whole services, and Memory the limiters under a flood of keys.
//
// A single measurement means little on a machine that does other things. The command
// builds itself with each release of Go, and runs each work in several rounds, each
// in a fresh process with the contenders in another order, and divides by the base
// within the process; it reports the median over the rounds. Runs beside which the
// machine was busy are repeated. It writes REPORT.md with the text of next.md at
// its end.
//
// It is a module of its own, so that users of the toolkit never download a peer.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func main() {
	testing.Init() // for the flag -test.benchtime, which testing.Benchmark obeys
	s := settings{start: time.Now()}
	flag.IntVar(&s.rounds, "rounds", 12, "rounds for each work; fewer than ten are too few for publication")
	run := flag.String("run", ".", "regular expression: the works to measure, Service and Memory among them")
	flag.StringVar(&s.benchtime, "benchtime", "30ms", "time for each contender in each round")
	flag.Float64Var(&s.quiet, "quiet", 0.15, "load of other processes, in cores, above which a run is repeated")
	flag.DurationVar(&s.within, "within", 16*time.Minute, "when to begin no further run; there are as many rounds as fit")
	releases := flag.String("releases", "go1.26.9,go1.27.3", "releases of Go to build with, as in GOTOOLCHAIN")
	output := flag.String("o", "REPORT.md", "file for the report; if empty it goes to standard output")
	child := flag.String("child", "", "used by the command itself: measure this work once and print JSON")
	serve := flag.String("service", "", "used by the command itself: run this service")
	seed := flag.Uint64("seed", 0, "used with -child: decides the order of the contenders")
	flag.Parse()
	log.SetFlags(0)

	switch {
	case *serve != "":
		check(runService(*serve))
		return
	case *child != "":
		check(flag.Set("test.benchtime", s.benchtime))
		check(json.NewEncoder(os.Stdout).Encode(measureOnce(*child, *seed)))
		return
	}
	selected, err := regexp.Compile(*run)
	check(err)
	all := build(strings.Split(*releases, ","), s)
	measureAll(all, selected)
	text := report(all)
	if *output == "" {
		fmt.Print(text)
		return
	}
	check(os.WriteFile(*output, []byte(text), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// settings are the settings of the whole run.
type settings struct {
	rounds    int
	benchtime string
	quiet     float64
	within    time.Duration
	start     time.Time
}

func (s settings) isOver() bool { return time.Since(s.start) > s.within }

// build compiles this module with each release.
func build(releases []string, s settings) []*measurement {
	dir, err := os.MkdirTemp("", "benchmarks")
	check(err)
	var all []*measurement
	for _, release := range releases {
		m := &measurement{settings: s, release: release, program: filepath.Join(dir, release), samples: map[string][]sample{}, memories: map[string]memory{}}
		cmd := exec.Command("go", "build", "-o", m.program, ".")
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+release)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		check(cmd.Run())
		all = append(all, m)
	}
	return all
}

// sample is one run of one work: a result for each contender.
type sample map[string]result

type result struct {
	NS     float64 // for each operation
	Bytes  int64
	Allocs int64
	Memory memory
}

// measureOnce runs in a process of its own.
func measureOnce(name string, seed uint64) sample {
	if phase, contender, ok := strings.Cut(name, ":"); ok {
		return sample{contender: {Memory: measureFlood(phase, contender)}}
	}
	i := slices.IndexFunc(works, func(w work) bool { return w.name == name })
	s := sample{}
	for _, c := range works[i].shuffled(seed) {
		r := testing.Benchmark(c.bench())
		if r.N == 0 {
			log.Fatalf("%s/%s failed", name, c.name) // go test -bench reports what failed
		}
		s[c.name] = result{NS: float64(r.T.Nanoseconds()) / float64(r.N), Bytes: r.AllocedBytesPerOp(), Allocs: r.AllocsPerOp()}
	}
	return s
}

func measureFlood(phase, contender string) memory {
	for _, l := range append(libraries, noLimiter) {
		if l.name == contender {
			m, err := measureMemory(l, fullFlood, phase)
			if err != nil {
				log.Fatal(err)
			}
			return m
		}
	}
	log.Fatalf("no limiter %q", contender)
	return memory{}
}

// measurement has all samples of one release of Go.
type measurement struct {
	settings
	release  string
	program  string
	samples  map[string][]sample // by work
	services serviceRounds
	memories map[string]memory // by limiter
	busy     int               // runs kept although the machine was busy
}

// measuredRounds is how often each service is measured.
const measuredRounds = 80

// fewRounds is how often a work that takes long to prepare is measured.
const fewRounds = 4

// measureAll measures the releases alternately.
func measureAll(all []*measurement, selected *regexp.Regexp) {
	if selected.MatchString("Service") {
		check(measureServices(all, measuredRounds))
		log.Printf("services: %v", time.Since(all[0].start).Round(time.Second))
	}
	if selected.MatchString("Memory") {
		all[len(all)-1].measureMemory()
		log.Printf("memory: %v", time.Since(all[0].start).Round(time.Second))
	}
	for round := range all[0].rounds {
		for _, w := range works {
			if !selected.MatchString(w.name) || w.few && round >= fewRounds {
				continue
			}
			for _, m := range all {
				if !m.isOver() {
					m.samples[w.name] = append(m.samples[w.name], m.child(w.name, round))
				}
			}
		}
		log.Printf("round %d of %d: %v", round+1, all[0].rounds, time.Since(all[0].start).Round(time.Second))
	}
	check(os.RemoveAll(filepath.Dir(all[0].program)))
}

func (m *measurement) measureMemory() {
	for _, l := range append(libraries, noLimiter) {
		inUse := m.child("keep:"+l.name, 0)[l.name].Memory
		expired := m.child("expire:"+l.name, 0)[l.name].Memory
		inUse.Expired = expired.Expired
		inUse.Longest = max(inUse.Longest, expired.Longest)
		m.memories[l.name] = inUse
	}
}

// child measures a work in a fresh process, again if the machine was busy.
func (m *measurement) child(name string, round int) sample {
	const maxRuns = 3
	for run := 1; ; run++ {
		var out bytes.Buffer
		cmd := exec.Command(m.program, "-child", name, "-seed", strconv.Itoa(round), "-benchtime", m.benchtime)
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		watch := watchLoad()
		if err := cmd.Run(); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		if watch.foreign(cmd) > m.quiet {
			if run < maxRuns && !m.isOver() {
				continue
			}
			m.busy++
		}
		var s sample
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		return s
	}
}

// median returns the middle of values and half the distance between their
// quartiles.
func median(values []float64) (middle, spread float64) {
	if len(values) == 0 {
		return 0, 0
	}
	s := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	return quantile(s, 0.5), (quantile(s, 0.75) - quantile(s, 0.25)) / 2
}

// quantile returns the value below which the share q of sorted values is.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	i := int(place)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (place-float64(i))*(sorted[i+1]-sorted[i])
}
