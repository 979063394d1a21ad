// Command benchmarks measures the toolkit beside its peers.
//
//	go test -bench . -benchtime 1x ./...   # does everybody still give the right answer?
//	go run .                               # the measurement: half an hour on a quiet machine
//	go run . -run 'Write|Limit' -rounds 4 -o ''
//
// Every kind of work is one Benchmark with a sub-benchmark for each contender:
// net/http itself, hand-written code, other libraries, and ours. Before it is
// timed, each has to give the right answer once. Those whose name begins with
// "floor." are references that do the least that the work needs; they leave
// out what a library must do.
//
// One measurement says little on a machine that does other things. The command
// runs each work in several rounds, each in a fresh process with the contenders
// in another order, and divides by the base within the process; it reports the
// median over the rounds. Runs beside which the machine was busy are repeated.
// It writes REPORT.md with the text of next.md at its end.
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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func main() {
	testing.Init() // for the flag -test.benchtime, which testing.Benchmark obeys
	rounds := flag.Int("rounds", 12, "rounds for each work; below ten they are good for a look only")
	run := flag.String("run", ".", "regular expression: the works to measure, Memory among them")
	benchtime := flag.String("benchtime", "100ms", "time for each contender in each round")
	quiet := flag.Float64("quiet", 0.15, "load of other processes, in cores, above which a run is repeated")
	output := flag.String("o", "REPORT.md", "file for the report; if empty it goes to standard output")
	child := flag.String("child", "", "used by the command itself: measure this work once and print JSON")
	seed := flag.Uint64("seed", 0, "used with -child: decides the order of the contenders")
	flag.Parse()
	log.SetFlags(0)

	if *child != "" {
		if err := flag.Set("test.benchtime", *benchtime); err != nil {
			log.Fatal(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(measureOnce(*child, *seed)); err != nil {
			log.Fatal(err)
		}
		return
	}
	selected, err := regexp.Compile(*run)
	if err != nil {
		log.Fatal(err)
	}
	m := measurement{rounds: *rounds, benchtime: *benchtime, quiet: *quiet, samples: map[string][]sample{}, memories: map[string][]memory{}}
	m.measure(selected)
	report := m.report()
	if *output == "" {
		fmt.Print(report)
		return
	}
	if err := os.WriteFile(*output, []byte(report), 0o644); err != nil {
		log.Fatal(err)
	}
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
			log.Fatalf("%s/%s failed", name, c.name) // what failed is known by go test -bench
		}
		s[c.name] = result{NS: float64(r.T.Nanoseconds()) / float64(r.N), Bytes: r.AllocedBytesPerOp(), Allocs: r.AllocsPerOp()}
	}
	return s
}

func measureFlood(phase, contender string) memory {
	for _, l := range append(libraries, nobody) {
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

// measurement is everything that the command has measured.
type measurement struct {
	rounds    int
	benchtime string
	quiet     float64
	samples   map[string][]sample // by work
	memories  map[string][]memory // by limiter
	loud      int                 // runs kept though the machine was busy
}

func (m *measurement) measure(selected *regexp.Regexp) {
	for round := range m.rounds {
		for _, w := range works {
			if selected.MatchString(w.name) {
				m.samples[w.name] = append(m.samples[w.name], m.child(w.name, round))
			}
		}
		log.Printf("round %d of %d", round+1, m.rounds)
	}
	if !selected.MatchString("Memory") {
		return
	}
	for round := range min(m.rounds, 3) {
		for _, l := range append(libraries, nobody) {
			kept := m.child("keep:"+l.name, round)[l.name].Memory
			gone := m.child("expire:"+l.name, round)[l.name].Memory
			kept.Expired = gone.Expired
			kept.Longest = max(kept.Longest, gone.Longest)
			m.memories[l.name] = append(m.memories[l.name], kept)
			log.Printf("memory of %s", l.name)
		}
	}
}

// child measures a work in a fresh process, again if the machine was busy.
func (m *measurement) child(name string, round int) sample {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		var out bytes.Buffer
		cmd := exec.Command(os.Args[0], "-child", name, "-seed", strconv.Itoa(round), "-benchtime", m.benchtime)
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		watch := watchLoad()
		if err := cmd.Run(); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		if watch.foreign(cmd) > m.quiet {
			if attempt < attempts {
				continue
			}
			m.loud++
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
	at := func(q float64) float64 {
		p := q * float64(len(s)-1)
		i := int(p)
		if i+1 == len(s) {
			return s[i]
		}
		return s[i] + (p-float64(i))*(s[i+1]-s[i])
	}
	return at(0.5), (at(0.75) - at(0.25)) / 2
}
