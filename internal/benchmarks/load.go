package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// loadWatch measures the processor time of other processes while one of ours runs.
// Without /proc/stat it reports zero.
type loadWatch struct {
	start time.Time
	busy  time.Duration
}

func watchLoad() loadWatch { return loadWatch{time.Now(), busyTime()} }

// foreign returns the load in cores that did not come from cmd.
func (l loadWatch) foreign(cmd *exec.Cmd) float64 {
	all := busyTime() - l.busy
	own := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return max(0, float64(all-own)/float64(time.Since(l.start)))
}

// busyTime is the time that all cores have been busy, also with other guests of the same
// host ("steal").
func busyTime() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	const idle, iowait = 4, 5 // fields of the line "cpu user nice system idle iowait irq softirq steal"
	var ticks int64
	for i, field := range strings.Fields(line) {
		if i == 0 || i == idle || i == iowait || i > 8 {
			continue
		}
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ is 100 wherever Go runs on Linux
}

// machine describes the processor for the report.
func machine() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t\n: ")
		}
	}
	return "unknown processor"
}
