package main

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/race"
)

// report renders what was found as a section in Markdown.
func (out *outcome) report() string {
	var b strings.Builder
	version := runtime.Version()
	if race.Enabled {
		version += ", with the race detector"
	}
	fmt.Fprintf(&b, "## %s\n\n%s, %s/%s, %d of %d cores, %s. `%s` took %v. The first fifth is a round of its own, so that caches are full when the comparison begins. The figures below are of the second round, with %d requests; violations are of both.\n\n",
		version, time.Now().UTC().Format("2006-01-02"), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.NumCPU(), memory(),
		out.command, out.took.Round(time.Second), out.main.total("requests"))
	fmt.Fprintf(&b, "**Violations: %d.**\n", out.violated)
	for _, v := range out.violations {
		fmt.Fprintf(&b, "\n- %s\n", v)
	}
	b.WriteString("\n### Before and after\n\n| | at the start | after the first round | at the end |\n|---|--:|--:|--:|\n")
	for _, row := range held {
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", row.name, row.of(out.start), row.of(out.warm), row.of(out.end))
	}
	fmt.Fprintf(&b, "\n### Bounds\n\n%s", out.main.markdownOfBounds())
	for _, name := range slices.Sorted(maps.Keys(out.main.times)) {
		fmt.Fprintf(&b, "\nThe longest %s took %v.\n", name, out.main.times[name].Round(time.Millisecond))
	}
	for _, section := range []struct{ title, table string }{
		{"Requests", "requests"}, {"", "requests over"}, {"", "sent again, since the connection closed before"},
		{"Responses", "responses"}, {"", "responses without a handler"}, {"", "Results of rude clients"},
		{"Faults", "faults"}, {"", "connections"}, {"", "keys"}, {"", "decisions by"},
		{"Logs", "reports of Normalize"}, {"", "reports of Timeout"}, {"", "log lines of net/http"},
	} {
		if section.title != "" {
			fmt.Fprintf(&b, "\n### %s\n", section.title)
		}
		if out.main.total(section.table) > 0 {
			b.WriteString("\n" + out.main.markdown(section.table))
		}
	}
	return b.String()
}

// held are the rows of the comparison of before and after.
var held = []struct {
	name string
	of   func(holdings) uint64
}{
	{"goroutines", func(h holdings) uint64 { return uint64(len(h.goroutines)) }},
	{"open files, connections included", func(h holdings) uint64 { return uint64(len(h.files)) }},
	{"connections", holdings.connections},
	{"temporary files", func(h holdings) uint64 { return uint64(len(h.temporary)) }},
	{"bytes of heap", func(h holdings) uint64 { return h.heap }},
	{"objects on the heap", func(h holdings) uint64 { return h.objects }},
}

// memory returns how much the machine has.
func memory() string {
	text, err := os.ReadFile("/proc/meminfo")
	var kib int
	if err == nil {
		_, err = fmt.Sscanf(string(text), "MemTotal: %d kB", &kib)
	}
	if err != nil {
		return "memory unknown"
	}
	return fmt.Sprintf("%d GiB of memory", (kib+1<<19)>>20)
}
