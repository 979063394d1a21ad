package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// holdings are what the process has at a moment.
type holdings struct {
	goroutines map[string]string // their stacks, by number
	files      map[string]string // what is open, by descriptor
	temporary  []string          // files in TMPDIR
	heap       uint64            // bytes of live objects
	objects    uint64
}

var goroutineLine = regexp.MustCompile(`^goroutine (\d+) `)

// take returns what the process has now.
func take(tmp string) holdings {
	h := holdings{goroutines: goroutines(), files: openFiles()}
	_ = filepath.WalkDir(tmp, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != tmp {
			h.temporary = append(h.temporary, filepath.Base(path))
		}
		return nil
	})
	h.heap, h.objects = liveHeap()
	return h
}

// connections returns how many of the files are sockets.
func (h holdings) connections() (n uint64) {
	for _, target := range h.files {
		if strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// liveHeap returns how many bytes and objects the program holds.
func liveHeap() (bytes, objects uint64) {
	for range 3 { // what a pool or a finalizer holds is gone after the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.HeapObjects
}

func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if m := goroutineLine.FindStringSubmatch(stack); m != nil {
			all[m[1]] = stack
		}
	}
	return all
}

// openFiles lists the descriptors of the process, but for the one that lists
// them.
func openFiles() map[string]string {
	all := make(map[string]string)
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.Contains(target, "/fd") {
			all[e.Name()] = target
		}
	}
	return all
}

// warmed makes the runtime open what it keeps for ever.
func warmed(tmp string) holdings {
	r, w, err := os.Pipe()
	if err == nil {
		_ = w.SetDeadline(time.Now().Add(time.Hour)) // the poller
		_, _ = r.Close(), w.Close()
	}
	return take(tmp)
}

// left lists what there is now that was not there before. It waits for a while:
// connections and goroutines end by themselves.
func left(before holdings, tmp string, wait time.Duration) (now holdings, faults []string) {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		now = take(tmp)
		if faults = before.missing(now); len(faults) == 0 || time.Since(began) > wait {
			break
		}
	}
	for range 10 { // what a timer holds is gone when it fires
		time.Sleep(100 * time.Millisecond)
		if again := take(tmp); again.heap < now.heap {
			now.heap, now.objects = again.heap, again.objects
		}
	}
	return now, faults
}

// missing lists what now has and before has not, the heap apart.
func (before holdings) missing(now holdings) (faults []string) {
	for _, id := range slices.Sorted(maps.Keys(now.goroutines)) {
		if _, ok := before.goroutines[id]; !ok {
			faults = append(faults, fmt.Sprintf("a goroutine is left:\n%s", now.goroutines[id]))
		}
	}
	for _, fd := range slices.Sorted(maps.Keys(now.files)) {
		if before.files[fd] != now.files[fd] {
			faults = append(faults, fmt.Sprintf("file %s is left open: %s", fd, now.files[fd]))
		}
	}
	for _, name := range now.temporary {
		if !slices.Contains(before.temporary, name) {
			faults = append(faults, "a temporary file is left: "+name)
		}
	}
	return faults
}
