package main

import (
	_ "embed"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// next is written by hand: what the numbers mean and what to do about them.
//
//go:embed next.md
var next string

// row is one contender of one work over all rounds.
type row struct {
	contender
	ns, ratio, spread, added float64
	bytes, allocs            int64
}

func (m *measurement) rows(w work) []row {
	var rows []row
	for _, c := range w.field() {
		r := row{contender: c}
		var ns, ratios, added []float64
		for _, s := range m.samples[w.name] {
			mine, base := s[c.name], s[w.base]
			ns = append(ns, mine.NS)
			ratios = append(ratios, mine.NS/base.NS)
			added = append(added, mine.NS-base.NS)
			r.bytes = max(r.bytes, mine.Bytes)
			r.allocs = max(r.allocs, mine.Allocs)
		}
		r.ns, _ = median(ns)
		r.ratio, r.spread = median(ratios)
		r.added, _ = median(added)
		rows = append(rows, r)
	}
	return rows
}

func (r row) isPeer(w work) bool {
	return r.name != w.base && !strings.HasPrefix(r.name, ours) && !strings.HasPrefix(r.name, floor)
}

// misses says which parts of the bar the row misses.
func (b bar) misses(r row) string {
	var missed []string
	if b.ratio > 0 && r.ratio > b.ratio {
		missed = append(missed, "time")
	}
	if b.added > 0 && r.added > b.added {
		missed = append(missed, "time")
	}
	if b.allocs != 0 && float64(r.allocs) > max(b.allocs, 0) {
		missed = append(missed, "allocations")
	}
	return strings.Join(missed, " and ")
}

func (m *measurement) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured beside the peers\n\n")
	fmt.Fprintf(&b, "%s, %s %s/%s, %s, %d cores. Made by `go run .` in this directory: %d rounds of %s for each contender, "+
		"shuffled, each round of a work in a process of its own. \"×\" is the median over the rounds of the time divided by the base's "+
		"in the same process, ± half the distance between the quartiles. ns are medians and belong to this machine. "+
		"Allocations are exact. Runs beside a load of more than %.2f cores are repeated; %d were kept all the same.\n\n",
		time.Now().Format("2 January 2006"), runtime.Version(), runtime.GOOS, runtime.GOARCH, machine(), runtime.NumCPU(),
		m.rounds, m.benchtime, m.quiet, m.loud)
	if m.rounds < 10 {
		fmt.Fprintf(&b, "**Fewer than ten rounds: not for publication.**\n\n")
	}
	fmt.Fprintf(&b, "In proportion: over loopback a whole request costs tens of microseconds, so the rows below that count nanoseconds are "+
		"about garbage, not about latency. Where services are really lost is in limiters: memory under a flood, stalls, one lock for all.\n\n")
	m.verdicts(&b)
	for _, w := range works {
		if len(m.samples[w.name]) > 0 {
			m.table(&b, w)
		}
	}
	m.memoryTable(&b)
	m.losses(&b)
	fmt.Fprintf(&b, "%s\nPeers: %s.\n", next, versions())
	return b.String()
}

func (m *measurement) verdicts(b *strings.Builder) {
	fmt.Fprintf(b, "| work | base | bar | ours: × base | added ns | allocs | bar met? | fastest other |\n|---|---|---|--:|--:|--:|---|---|\n")
	for _, w := range works {
		if len(m.samples[w.name]) == 0 {
			continue
		}
		rows := m.rows(w)
		best := ""
		var least float64
		for _, r := range rows {
			if r.isPeer(w) && (best == "" || r.ratio < least) {
				best, least = fmt.Sprintf("%s %.2f", r.name, r.ratio), r.ratio
			}
		}
		for _, r := range rows {
			if !strings.HasPrefix(r.name, ours) {
				continue
			}
			met := "yes"
			if missed := w.bar.misses(r); missed != "" {
				met = "**no: " + missed + "**"
			} else if w.bar == (bar{}) {
				met = "none set"
			}
			fmt.Fprintf(b, "| %s%s | %s | %s | %.2f | %.0f | %d | %s | %s |\n",
				w.title, strings.Replace(strings.TrimPrefix(r.name, ours), "+", ", with ", 1), w.base, w.bar, r.ratio, r.added, r.allocs, met, best)
		}
	}
	fmt.Fprintln(b)
}

func (m *measurement) table(b *strings.Builder, w work) {
	fmt.Fprintf(b, "## %s\n\n%s: %s.\n\n", w.name, upperFirst(w.title), w.bounds)
	fmt.Fprintf(b, "| contender | ns | × %s | ± | B | allocs | |\n|---|--:|--:|--:|--:|--:|---|\n", w.base)
	for _, r := range m.rows(w) {
		name := r.name
		if strings.HasPrefix(name, ours) {
			name = "**" + name + "**"
		}
		fmt.Fprintf(b, "| %s | %.0f | %.2f | %.2f | %d | %d | %s |\n", name, r.ns, r.ratio, r.spread, r.bytes, r.allocs, r.note)
	}
	fmt.Fprintln(b)
}

func (m *measurement) memoryTable(b *strings.Builder) {
	if len(m.memories) == 0 {
		return
	}
	fmt.Fprintf(b, "## Memory\n\nA fresh process each, heap in use after two collections, medians of up to three runs. Bounded limiters may keep %d keys. "+
		"The bar: at most 48 B for a key, the flood adds nothing, a used-up key stays denied, no call longer than 2 ms "+
		"(the row of no limiter shows what the machine itself does).\n\n", maxKeys)
	fmt.Fprintf(b, "| limiter | B a key | MiB, 1M keys | MiB, 5M keys | bounded | used-up key still denied | MiB, all free again | ns a new key | longest call, ms | |\n"+
		"|---|--:|--:|--:|---|---|--:|--:|--:|---|\n")
	for _, l := range append(libraries, nobody) {
		all := m.memories[l.name]
		middle := func(f func(memory) float64) float64 {
			var values []float64
			for _, x := range all {
				values = append(values, f(x))
			}
			v, _ := median(values)
			return v
		}
		denied := "yes"
		switch {
		case l.name == nobody.name:
			denied = ""
		case slices.ContainsFunc(all, func(x memory) bool { return !x.StillDenied }):
			denied = "**no**"
		}
		fmt.Fprintf(b, "| %s | %.0f | %.0f | %.0f | %s | %s | %.0f | %.0f | %.1f | %s |\n", l.name,
			middle(func(x memory) float64 { return x.PerKey }),
			middle(func(x memory) float64 { return x.Million }),
			middle(func(x memory) float64 { return x.Flood }),
			map[bool]string{true: "yes", false: "no"}[l.bounded], denied,
			middle(func(x memory) float64 { return x.Expired }),
			middle(func(x memory) float64 { return x.NewKey }),
			middle(func(x memory) float64 { return x.Longest }), l.note)
	}
	fmt.Fprintln(b)
}

// losses lists every peer that is faster than we are, by more than the noise.
func (m *measurement) losses(b *strings.Builder) {
	fmt.Fprintf(b, "## Where we lose\n\n")
	found := false
	for _, w := range works {
		if len(m.samples[w.name]) == 0 {
			continue
		}
		rows := m.rows(w)
		for _, mine := range rows {
			if mine.name != ours {
				continue
			}
			for _, r := range rows {
				if r.isPeer(w) && r.ratio < 0.9*mine.ratio {
					found = true
					fmt.Fprintf(b, "- %s: %s takes %.2f of our time (%s).\n", w.title, r.name, r.ratio/mine.ratio, cmpNote(r.note))
				}
			}
		}
	}
	if !found {
		fmt.Fprintf(b, "To no peer by more than a tenth, which is what this method can tell apart.\n")
	}
	fmt.Fprintln(b)
}

func cmpNote(note string) string {
	if note == "" {
		return "the same work"
	}
	return note
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// versions lists the modules that are compared, as they were built in.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var list []string
	for _, d := range info.Deps {
		for _, peer := range peers {
			if d.Path == peer {
				list = append(list, d.Path+" "+d.Version)
			}
		}
	}
	return strings.Join(list, ", ")
}

var peers = []string{
	"github.com/danielgtaylor/huma/v2", "github.com/didip/tollbooth/v7", "github.com/felixge/httpsnoop",
	"github.com/go-chi/chi/v5", "github.com/go-chi/httprate", "github.com/go-chi/render", "github.com/gorilla/handlers",
	"github.com/moogar0880/problems", "github.com/sethvargo/go-limiter", "github.com/throttled/throttled/v2",
	"github.com/ulule/limiter/v3", "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "golang.org/x/time",
}
