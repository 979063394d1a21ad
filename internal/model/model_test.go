package model_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	modelTime    = flag.Duration("model.time", 0, "how long TestModel runs random programs")
	modelAll     = flag.Bool("model.all", false, "TestModel reports every distinct fault, not only the first")
	modelProgram = flag.String("model.program", "", "TestModel runs the program with these hexadecimal bytes")
)

func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(quiet)
	dir, err := os.MkdirTemp("", "model-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir) // what is left there is of the programs
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// hang is how long a program may take, by the real clock.
const hang = time.Minute

// check runs the scenario in data and returns what is wrong, and the runs.
func check(t *testing.T, data []byte) (s *scenario, want, got *run, faults []fault) {
	s = decode(data)
	want, got, faults = s.check(t)
	return s, want, got, faults
}

// check runs the scenario and returns the runs, and what is wrong.
func (s *scenario) check(t *testing.T) (want, got *run, faults []fault) {
	// A mutex that is never released is no deadlock to synctest, which waits on.
	watchdog := time.AfterFunc(hang, func() { panic(fmt.Sprintf("hangs:\n%v", s)) })
	defer watchdog.Stop()
	defer func() {
		if v := recover(); v != nil {
			faults = append(faults, fault{"leak", fmt.Sprint(v)})
		}
	}()
	synctest.Test(t, func(*testing.T) { want = serve(s, nil) })
	synctest.Test(t, func(*testing.T) { got = serve(s, new(tape)) })
	return want, got, judged(s, want, got)
}

// shrink returns the least program that it finds with a fault of the same kind.
func shrink(t *testing.T, data []byte, kind string) []byte {
	fails := func(data []byte) bool {
		_, _, _, faults := check(t, data)
		for _, f := range faults {
			if f.kind == kind {
				return true
			}
		}
		return false
	}
	data = bytes.Clone(data)
	if extra := len(data) - headLength; extra > 0 {
		data = data[:headLength+min(extra/3, maxCalls)*3]
	}
	for smaller := true; smaller; {
		smaller = false
		for at := headLength; at+3 <= len(data); {
			if less := append(bytes.Clone(data[:at]), data[at+3:]...); fails(less) {
				data, smaller = less, true
			} else {
				at += 3
			}
		}
		for at, b := range data {
			for _, lower := range []byte{0, 1, 2, b / 2, b - 1} {
				if lower >= data[at] {
					continue
				}
				less := bytes.Clone(data)
				if less[at] = lower; fails(less) {
					data, smaller = less, true
				}
			}
		}
	}
	return data
}

// describe is the text for a fault.
func describe(s *scenario, want, got *run, faults []fault) string {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "%s: %s\n", f.kind, f.text)
	}
	fmt.Fprintf(&b, "%v\n", s)
	if want != nil && got != nil {
		fmt.Fprintf(&b, "net/http alone sends\n%s\nwith our layers\n%s\n", shortened(want), shortened(got))
		for _, res := range got.tape.results {
			fmt.Fprintf(&b, "%s: %+v\n", s.layers[res.layer].name, res.Result)
		}
		fmt.Fprintf(&b, "log: %.1000s\n", got.logged)
	}
	return b.String()
}

var long = regexp.MustCompile(`([^\r\n]{200})[^\r\n]{40,}`)

func shortened(r *run) string {
	text := r.first.raw
	if r.first.err != "" {
		text += " (" + r.first.err + ")"
	}
	if r.second != nil && r.second.body != secondBody {
		text += "\nsecond: " + r.second.raw
	}
	text = long.ReplaceAllString(text, "$1...")
	text = strings.ReplaceAll(text[:min(len(text), 1500)], "\r\n", "\n")
	return "  | " + strings.ReplaceAll(text, "\n", "\n  | ")
}

// random returns the bytes of a program for a seed.
func random(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, headLength+3*(1+rng.IntN(9)))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

func TestModel(t *testing.T) {
	switch {
	case *modelProgram != "":
		data, err := hex.DecodeString(*modelProgram)
		if err != nil {
			t.Fatal(err)
		}
		s, want, got, faults := check(t, data)
		t.Log(describe(s, want, got, faults))
		if len(faults) > 0 {
			t.Fail()
		}
	case *modelTime == 0:
		for seed := range uint64(programs) {
			report(t, random(seed), t.Fatalf)
		}
	default:
		search(t)
	}
}

// programs is how many the ordinary test runs.
const programs = 500

// search runs programs of random seeds until the time is over.
func search(t *testing.T) {
	found := map[string]int{}
	n, seed := 0, rand.Uint64()
	for until := time.Now().Add(*modelTime); time.Now().Before(until); n++ {
		var fail func(string, ...any) = t.Fatalf
		if *modelAll {
			fail = t.Errorf
		}
		report(t, random(seed+uint64(n)), func(format string, args ...any) {
			if key := args[0].(*scenario).key(); found[key] == 0 {
				found[key]++
				fail(format, args...)
			}
		})
	}
	t.Logf("%d programs", n)
}

// report calls fail if there is a fault in a program, with the least program
// that has it.
func report(t *testing.T, data []byte, fail func(format string, args ...any)) {
	t.Helper()
	_, _, _, faults := check(t, data)
	if len(faults) == 0 {
		return
	}
	first := faults[0]
	s, want, got, faults := check(t, shrink(t, data, first.kind))
	if len(faults) == 0 {
		s, want, got, _ = check(t, data)
		faults = []fault{{first.kind, first.text + " (not each time)"}}
	}
	fail("%[2]s", s, describe(s, want, got, faults))
}

// FuzzModel looks for programs that any layers make a difference to.
func FuzzModel(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(random(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { report(t, data, t.Fatalf) })
}

// FuzzModelChain looks for programs that the documented chain makes a difference
// to.
func FuzzModelChain(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(random(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < headLength {
			return
		}
		data = bytes.Clone(data)
		data[layersAt] = documentedChain
		report(t, data, t.Fatalf)
	})
}
