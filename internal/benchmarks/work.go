package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// work is a kind of work, and the contenders that can do it.
type work struct {
	name   string // of the Benchmark
	title  string // what is done, for the table
	bounds string // what the figures bound
	base   string // the contender whose time is 1
	bar    bar    // what ours has to meet
	all    func() []contender
	few    bool // measured in few rounds, since it takes long to prepare
}

// bar is what our contender has to meet. A zero field sets no bar.
type bar struct {
	ratio  float64 // times the base
	added  float64 // nanoseconds on top of the base
	allocs float64 // allocations in one operation; below zero means none
}

func (b bar) String() string {
	var parts []string
	if b.ratio > 0 {
		parts = append(parts, fmt.Sprintf("≤ %.2f ×", b.ratio))
	}
	if b.added > 0 {
		parts = append(parts, fmt.Sprintf("≤ + %.0f ns", b.added))
	}
	if b.allocs != 0 {
		parts = append(parts, fmt.Sprintf("≤ %.0f allocs", max(b.allocs, 0)))
	}
	return strings.Join(parts, ", ")
}

// contender does the work of a row.
type contender struct {
	name string
	// note describes what it leaves out or does differently. A library that cannot
	// do the work at all has no contender, but a note in the row of what it can do.
	note string
	// prepare checks one response, and returns the function to time. What it builds,
	// such as a limiter with a million keys, lives as long as that function.
	prepare func() (func(*testing.B), error)
}

// ours is the prefix of our contenders, floor of the hand-written references:
// they do the least that the work needs, and no library can be faster.
const (
	ours  = "rejoinder"
	floor = "floor."
)

// bench times the contender. It prepares it only when it is run, and only once, although
// package testing may call the function several times.
func (c contender) bench() func(*testing.B) {
	var timed func(*testing.B)
	return func(b *testing.B) {
		if timed == nil {
			var err error
			if timed, err = c.prepare(); err != nil {
				b.Fatalf("%s responds wrongly: %v", c.name, err)
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		timed(b)
	}
}

// shuffled returns the contenders in an order that depends on seed, so that over many
// rounds none always runs first on a cold machine.
func (w work) shuffled(seed uint64) []contender {
	all := w.all()
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// works are all works, in the order of the report.
var works = []work{
	writeStatus, writeStatusBehind, writeDetail,
	capture,
	normalizeSmall, normalizeLarge, normalizeError, normalizeText,
	limitOne, limitOneParallel, limitSome, limitSomeParallel, limitIdle, limitMany, limitManyParallel, limitDenied,
	limitHandlerAllowed, limitHandlerDenied,
	jsonSmall, jsonList,
	readMinimal, readExample, decodeSmall, decodeList,
	chainSuccess, chainError, loopbackSuccess, loopbackError,
}
