package main

import (
	"sync/atomic"
	"time"
)

// weather holds what is broken at present.
type weather struct {
	maintenance, upstream spell
	late                  atomic.Int64 // by how much a clock has been late that ticks all the time, in nanoseconds
}

// spell is a condition that begins and ends, many times.
type spell struct {
	turns atomic.Int64 // odd while it lasts
	last  atomic.Int64 // when it turned, in Unix nanoseconds
}

func (s *spell) begin() { s.turn() }
func (s *spell) end()   { s.turn() }

func (s *spell) turn() {
	s.last.Store(time.Now().UnixNano())
	s.turns.Add(1)
}

// now is for a later call of touched.
func (s *spell) now() int64 { return s.turns.Load() }

// touched reports whether there was a spell at any moment since now returned at.
func (s *spell) touched(at int64) bool { return at%2 == 1 || s.turns.Load() != at }

// lingers reports as touched does, or that a spell has ended a moment ago: a
// connection that it broke may not have been in use since.
func (s *spell) lingers(at int64) bool {
	return s.touched(at) || time.Since(time.Unix(0, s.last.Load())) < lingering
}

const lingering = 2 * time.Second

// isBusy reports whether the machine has kept the process waiting for a quarter
// of the time since late was so much. A deadline that was exceeded then proves
// nothing.
func (w *weather) isBusy(since time.Time, late int64) bool {
	return time.Duration(w.late.Load()-late) > time.Since(since)/4
}
