package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// outcome is what became of a run of tests.
type outcome struct {
	failed bool
	by     string        // the test that failed; none if all crashed, or hung
	took   time.Duration // of a core
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// runTests runs tests of one binary, until they have taken so much time of a core
// or seem to hang.
func runTests(tests []*test, limit time.Duration, env string) outcome {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	cmd := exec.Command(tests[0].binary, "-test.failfast", "-test.short", "-test.timeout=0", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Dir, cmd.Env = tests[0].dir, append(os.Environ(), "GOMAXPROCS=1", env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if cmd.Start() != nil {
		return outcome{failed: true}
	}
	ended := make(chan struct{})
	go watch(cmd.Process, limit, ended)
	err := cmd.Wait()
	close(ended)
	o := outcome{failed: err != nil, took: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if m := failure.FindSubmatch(out.Bytes()); o.failed && m != nil {
		o.by = string(m[1])
	}
	return o
}

// idle is how long tests that do not hang have nothing to do at most.
const idle = 10 * time.Second

// watch kills a process that has taken more time of a core than the limit, or none
// for a while. The time that passes says nothing on a machine that is busy.
func watch(p *os.Process, limit time.Duration, ended <-chan struct{}) {
	var took time.Duration
	start := time.Now()
	for since := start; ; {
		select {
		case <-ended:
			return
		case <-time.After(time.Second):
		}
		now, known := coreTime(p.Pid)
		if !known {
			now = time.Since(start) / 10 // a guess, by which no process seems idle
		}
		if now > took {
			took, since = now, time.Now()
		}
		if took > limit || time.Since(since) > idle {
			_ = p.Kill()
			return
		}
	}
}

// coreTime returns what a process has taken so far, in ticks of 10 ms, where the
// system reports it.
func coreTime(pid int) (took time.Duration, known bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, false
	}
	for _, field := range fields[11:13] { // of the program, and of the system for it
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, false
		}
		took += time.Duration(ticks) * 10 * time.Millisecond
	}
	return took, true
}
