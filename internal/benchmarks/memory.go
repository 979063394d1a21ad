package main

import (
	"runtime"
	"time"
)

// memory is the memory of a limiter, measured in a fresh process.
type memory struct {
	PerKey      float64 // bytes of heap for each of a million keys
	Million     float64 // MiB of heap with a million keys
	Flood       float64 // MiB after five million
	NewKey      float64 // nanoseconds for the first request of a key, its name and two clock reads included
	StillDenied bool    // a key that was used up before the flood is denied after it
	Expired     float64 // MiB when a million keys have long been free again
	Longest     float64 // milliseconds of the longest call
}

// flood is the load of a limiter.
type flood struct {
	Keys, Flood int
	Window      time.Duration // of the keys that expire
	Rest        time.Duration // how long calls continue meanwhile
}

var fullFlood = flood{Keys: 1_000_000, Flood: 5_000_000, Window: time.Second, Rest: 6 * time.Second}

// noLimiter allows every call: its longest call is the noise of the machine.
var noLimiter = library{name: "none", note: "no limiter: the noise of the machine", take: func(quota) (func(string) bool, error) {
	return func(string) bool { return true }, nil
}}

// keep measures keys that are all in use, so that none can be forgotten without giving
// its client a new quota.
func (f flood) keep(l library) (memory, error) {
	var m memory
	before := heap()
	take, err := l.take(quota{3, time.Hour})
	if err != nil {
		return m, err
	}
	const victim = "192.0.2.1:80"
	for range 4 {
		take(victim)
	}
	for i := range f.Keys {
		m.call(take, keyName(i))
	}
	held := heap() - before
	m.PerKey = float64(held) / float64(f.Keys)
	m.Million = mib(held)
	start := time.Now()
	for i := f.Keys; i < f.Flood; i++ {
		m.call(take, keyName(i))
	}
	m.NewKey = float64(time.Since(start).Nanoseconds()) / float64(f.Flood-f.Keys)
	m.StillDenied = !take(victim)
	m.Flood = mib(heap() - before)
	runtime.KeepAlive(take)
	return m, nil
}

// expire measures keys whose quota is full again, so that they may be
// forgotten, and the calls that have to wait while that happens.
func (f flood) expire(l library) (memory, error) {
	var m memory
	before := heap()
	take, err := l.take(quota{3, f.Window})
	if err != nil {
		return m, err
	}
	for i := range f.Keys {
		m.call(take, keyName(i))
	}
	for start := time.Now(); time.Since(start) < f.Rest; {
		for i := range 1000 {
			m.call(take, keyName(i))
		}
	}
	m.Expired = mib(heap() - before)
	runtime.KeepAlive(take)
	return m, nil
}

func (m *memory) call(take func(string) bool, key string) {
	start := time.Now()
	take(key)
	m.Longest = max(m.Longest, time.Since(start).Seconds()*1000)
}

// heap returns the bytes in use after two collections: the second one frees what
// finalizers and pools have kept alive in the first.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapInuse)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func measureMemory(l library, f flood, phase string) (memory, error) {
	if phase == "keep" {
		return f.keep(l)
	}
	return f.expire(l)
}
