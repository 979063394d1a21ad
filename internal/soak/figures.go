package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// figures counts what happens, in tables. It is safe for concurrent use.
type figures struct {
	mu     sync.Mutex
	tables map[string]map[string]int

	times  map[string]time.Duration
	bounds map[string]*measure

	violations []string // the first of them
	violated   int
}

// measure is something that has a bound.
type measure struct {
	trials      int
	most, bound int // of the trial that came nearest to its bound
}

// maxViolations is how many violations are kept: a fault that shows in each
// request need not fill the memory.
const maxViolations = 100

func newFigures() *figures {
	return &figures{tables: make(map[string]map[string]int), times: make(map[string]time.Duration), bounds: make(map[string]*measure)}
}

func (f *figures) add(table, row string) { f.addMany(table, row, 1) }

func (f *figures) addMany(table, row string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.tables[table]
	if t == nil {
		t = make(map[string]int)
		f.tables[table] = t
	}
	t[row] += n
}

// total returns the sum of a table.
func (f *figures) total(table string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, k := range f.tables[table] {
		n += k
	}
	return n
}

// longest notes how long something took, if nothing of that name took longer.
func (f *figures) longest(name string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times[name] = max(f.times[name], d)
}

// bound notes how much there was of something that has a bound, and who had it.
// More than the bound is a violation.
func (f *figures) bound(what string, n, bound int, who string) {
	if n > bound {
		f.violate("%s: %s has %d, and the bound is %d", what, who, n, bound)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.bounds[what]
	if m == nil {
		m = &measure{most: n, bound: bound}
		f.bounds[what] = m
	}
	m.trials++
	if n*m.bound > m.most*bound {
		m.most, m.bound = n, bound
	}
}

// violate notes that something does not hold.
func (f *figures) violate(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.violated++
	if len(f.violations) < maxViolations {
		f.violations = append(f.violations, fmt.Sprintf(format, args...))
	}
}

// markdown renders a table.
func (f *figures) markdown(table string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | count |\n|---|--:|\n", table)
	for _, row := range slices.Sorted(maps.Keys(f.tables[table])) {
		fmt.Fprintf(&b, "| %s | %d |\n", row, f.tables[table][row])
	}
	return b.String()
}

// markdownOfBounds renders what has bounds.
func (f *figures) markdownOfBounds() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	b.WriteString("| what | trials | nearest to its bound | bound |\n|---|--:|--:|--:|\n")
	for _, what := range slices.Sorted(maps.Keys(f.bounds)) {
		m := f.bounds[what]
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", what, m.trials, m.most, m.bound)
	}
	return b.String()
}
