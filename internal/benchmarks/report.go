package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// next is written by hand. It describes what the figures mean and what could be done.
//
//go:embed next.md
var next string

// row is a contender of a work, over all rounds.
type row struct {
	contender
	ns, ratio, spread, added float64
	bytes, allocs            int64
}

func (m *measurement) rows(w work) []row {
	var rows []row
	for _, c := range w.all() {
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

// misses returns the parts of the bar that the row misses.
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

// report returns the report: first the table of the README, then the bars, and then each
// work.
func report(all []*measurement) string {
	var b strings.Builder
	s := all[0].settings
	fmt.Fprintf(&b, "# Measured beside the peers\n\n")
	fmt.Fprintf(&b, "%s, %s, %s/%s, %s, %d cores. Made by `go run .` in this directory, which builds with each release and measures them alternately: "+
		"rounds of %s for each contender, shuffled, each round of a work in a process of its own. \"×\" is the median over the rounds of "+
		"the time divided by that of the base in the same process, ± half the distance between the quartiles. ns are medians and belong to "+
		"this machine. Allocations are exact. Runs during which other processes used more than %.2f cores are repeated",
		time.Now().Format("2 January 2006"), releases(all), runtime.GOOS, runtime.GOARCH, machine(), runtime.NumCPU(), s.benchtime, s.quiet)
	for _, m := range all {
		fmt.Fprintf(&b, "; with %s there were %d rounds, and %d such runs were kept after repetition", m.release, m.fewest(), m.busy)
	}
	fmt.Fprintf(&b, ". Works with a million keys have %d rounds.\n\n", fewRounds)
	if slices.ContainsFunc(all, func(m *measurement) bool { return m.fewest() < 10 }) {
		fmt.Fprintf(&b, "**Fewer than ten rounds: not for publication.**\n\n")
	}
	summary(&b, all)
	verdicts(&b, all)
	serviceTable(&b, all)
	for _, w := range works {
		if len(all[0].samples[w.name]) > 0 {
			table(&b, all, w)
		}
	}
	memoryTable(&b, all)
	losses(&b, all)
	fmt.Fprintf(&b, "%s\nPeers: %s.\n", next, versions())
	return b.String()
}

func releases(all []*measurement) string {
	var names []string
	for _, m := range all {
		names = append(names, m.release)
	}
	return strings.Join(names, " and ")
}

// fewest is how many rounds each work had at least.
func (m *measurement) fewest() int {
	fewest := m.rounds
	for _, w := range works {
		if s, ok := m.samples[w.name]; ok && !w.few {
			fewest = min(fewest, len(s))
		}
	}
	return fewest
}

// heading begins a table with columns that each release has.
func heading(b *strings.Builder, all []*measurement, first string, columns []string, last string) {
	fmt.Fprintf(b, "| %s |", first)
	rule := "|---|"
	for _, m := range all {
		for _, c := range columns {
			fmt.Fprintf(b, " %s: %s |", m.release, c)
			rule += "--:|"
		}
	}
	if last != "" {
		fmt.Fprintf(b, " %s |", last)
		rule += "---|"
	}
	fmt.Fprintf(b, "\n%s\n", rule)
}

func verdicts(b *strings.Builder, all []*measurement) {
	fmt.Fprintf(b, "## The bars\n\n| work | Go | base | bar | ours: × base | added ns | allocs | bar met? | fastest other |\n|---|---|---|---|--:|--:|--:|---|---|\n")
	for _, w := range works {
		for _, m := range all {
			if len(m.samples[w.name]) > 0 {
				m.verdict(b, w)
			}
		}
	}
	fmt.Fprintln(b)
}

func (m *measurement) verdict(b *strings.Builder, w work) {
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
		fmt.Fprintf(b, "| %s%s | %s | %s | %s | %.2f | %.0f | %d | %s | %s |\n",
			w.title, strings.Replace(strings.TrimPrefix(r.name, ours), "+", ", with ", 1), m.release, w.base, w.bar, r.ratio, r.added, r.allocs, met, best)
	}
}

func table(b *strings.Builder, all []*measurement, w work) {
	fmt.Fprintf(b, "## %s\n\n%s: %s.\n\n", w.name, upperFirst(w.title), w.bounds)
	heading(b, all, "contender", []string{"ns", "× " + w.base, "±", "B", "allocs"}, "")
	var rows [][]row
	for _, m := range all {
		rows = append(rows, m.rows(w))
	}
	var notes []string
	for i, first := range rows[0] {
		name := first.name
		if first.note != "" {
			notes = append(notes, fmt.Sprintf("%s: %s", name, first.note))
		}
		if strings.HasPrefix(name, ours) {
			name = "**" + name + "**"
		}
		fmt.Fprintf(b, "| %s |", name)
		for _, of := range rows {
			r := of[i]
			fmt.Fprintf(b, " %.0f | %.2f | %.2f | %d | %d |", r.ns, r.ratio, r.spread, r.bytes, r.allocs)
		}
		fmt.Fprintln(b)
	}
	fmt.Fprintln(b)
	for _, note := range notes {
		fmt.Fprintf(b, "- %s\n", note)
	}
	fmt.Fprintln(b)
}

func memoryTable(b *strings.Builder, all []*measurement) {
	m := all[len(all)-1]
	if len(m.memories) == 0 {
		return
	}
	fmt.Fprintf(b, "## Memory\n\nWith %s, one run in a fresh process for each limiter, heap in use after two collections. Bounded limiters may keep %d keys. "+
		"The bar: at most 48 B for a key, the flood adds nothing, a used-up key stays denied, no call takes longer than 2 ms "+
		"(the row without a limiter shows the noise of the machine).\n\n", m.release, maxKeys)
	fmt.Fprintf(b, "| limiter | B a key | MiB, 1M keys | MiB, 5M keys | bounded | used-up key still denied | MiB, all free again | ns a new key | longest call, ms | |\n"+
		"|---|--:|--:|--:|---|---|--:|--:|--:|---|\n")
	for _, l := range append(libraries, noLimiter) {
		x := m.memories[l.name]
		denied := "yes"
		switch {
		case l.name == noLimiter.name:
			denied = ""
		case !x.StillDenied:
			denied = "**no**"
		}
		fmt.Fprintf(b, "| %s | %.0f | %.0f | %.0f | %s | %s | %.0f | %.0f | %.1f | %s |\n", l.name, x.PerKey, x.Million, x.Flood,
			map[bool]string{true: "yes", false: "no"}[l.bounded], denied, x.Expired, x.NewKey, x.Longest, l.note)
	}
	fmt.Fprintln(b)
}

// losses lists the peers that are faster by more than the noise.
func losses(b *strings.Builder, all []*measurement) {
	fmt.Fprintf(b, "## Where peers are faster\n\n")
	found := false
	for _, w := range works {
		for _, m := range all {
			if len(m.samples[w.name]) == 0 {
				continue
			}
			rows := m.rows(w)
			mine := rows[slices.IndexFunc(rows, func(r row) bool { return r.name == ours })]
			for _, r := range rows {
				if r.isPeer(w) && r.ratio < 0.9*mine.ratio {
					found = true
					fmt.Fprintf(b, "- %s, %s: %s takes %.2f of our time (%s).\n", w.title, m.release, r.name, r.ratio/mine.ratio, cmp.Or(r.note, "the same work"))
				}
			}
		}
	}
	if !found {
		fmt.Fprintf(b, "No peer is faster by more than a tenth, which is as much as this method can distinguish.\n")
	}
	fmt.Fprintln(b)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// versions lists the versions of the modules that are compared.
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
	"github.com/go-chi/chi/v5", "github.com/go-chi/httplog/v3", "github.com/go-chi/httprate", "github.com/go-chi/render", "github.com/gorilla/handlers",
	"github.com/moogar0880/problems", "github.com/sethvargo/go-limiter", "github.com/throttled/throttled/v2",
	"github.com/ulule/limiter/v3", "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "golang.org/x/time",
}
