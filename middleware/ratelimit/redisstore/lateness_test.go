package redisstore_test

import (
	"sync/atomic"
	"testing"
	"time"
)

// lateness measures how late this machine is, while a test measures how late
// the code is: what a goroutine that only waits for its ticker has to wait
// for it in the worst case is not due to the store.
type lateness struct{ worst atomic.Int64 }

func measureLateness(t testing.TB) *lateness {
	const every = 5 * time.Millisecond
	l := &lateness{}
	tick := time.NewTicker(every)
	t.Cleanup(tick.Stop)
	go func() {
		last := time.Now()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
			}
			now := time.Now()
			l.worst.Store(max(l.worst.Load(), int64(now.Sub(last)-every)))
			last = now
		}
	}()
	return l
}

// allow is d and what the machine adds: more than once, since a request passes
// from goroutine to goroutine.
func (l *lateness) allow(d time.Duration) time.Duration {
	return d + 50*time.Millisecond + 4*time.Duration(l.worst.Load())
}
