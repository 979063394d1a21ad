package ratelimit

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slots counts the requests in flight, and has those that wait.
type slots struct {
	perKey, reserved, maxWaiting int
	maxWait                      time.Duration

	mu       sync.Mutex
	limit    int // as it was last
	served   int
	servedOf map[string]int // by key; at most limit of them
	queue    []*waiter      // the highest priority first, and of one priority the earliest

	// waitingOf has the keys in the queue.
	waitingOf map[string]int
}

// visitor is a request that wants a slot.
type visitor struct {
	key      string
	priority int
}

// waiter is a visitor in the queue.
type waiter struct {
	visitor
	outcome outcomeOfEntry // valid once ready is closed
	ready   chan struct{}
}

// outcomeOfEntry is whether a visitor got a slot.
type outcomeOfEntry uint8

const (
	admitted outcomeOfEntry = iota
	full
	overShare // there are slots, but none for the key
)

// room is how many more requests there can be, in all and of one key.
type room struct{ total, key int }

// enter takes one of limit slots, waiting if need be, and returns what is left.
func (s *slots) enter(ctx context.Context, v visitor, limit int) (room, outcomeOfEntry) {
	s.mu.Lock()
	s.limit = limit
	s.promote()
	if s.free(v) { // those that wait cannot use it
		s.occupy(v.key)
		left := s.room(v.key)
		s.mu.Unlock()
		return left, admitted
	}
	refusal := full
	if s.served < s.open(v.priority) {
		refusal = overShare
	}
	if !s.makePlace(v) {
		left := s.room(v.key)
		s.mu.Unlock()
		return left, refusal
	}
	w := s.enqueue(v)
	s.mu.Unlock()

	timer := time.NewTimer(s.maxWait)
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.queue, w); i >= 0 { // too late, or gone
		s.dequeue(i)
		return s.room(v.key), refusal
	}
	if w.outcome == admitted && ctx.Err() != nil { // gone, but a slot has come at the same moment
		s.release(v.key)
		return s.room(v.key), refusal
	}
	return s.room(v.key), w.outcome
}

func (s *slots) leave(key string, limit int) {
	s.mu.Lock()
	s.limit = limit
	s.release(key)
	s.mu.Unlock()
}

// The methods below need the lock.

// open is the number of slots for requests of the priority.
func (s *slots) open(priority int) int {
	if priority > 0 {
		return s.limit
	}
	return max(1, s.limit-s.reserved)
}

func (s *slots) free(v visitor) bool {
	return s.served < s.open(v.priority) && (v.key == "" || s.servedOf[v.key] < s.perKey)
}

func (s *slots) occupy(key string) {
	s.served++
	if key != "" {
		s.servedOf[key]++
	}
}

// release frees a slot and hands it to the first eligible waiter.
func (s *slots) release(key string) {
	s.served--
	decrement(s.servedOf, key)
	s.promote()
}

// promote admits the waiters for which there are slots.
func (s *slots) promote() {
	for i := 0; i < len(s.queue) && s.served < s.limit; {
		w := s.queue[i]
		if !s.free(w.visitor) {
			i++
			continue
		}
		s.dequeue(i)
		s.occupy(w.key)
		close(w.ready)
	}
}

// makePlace reports whether v may wait, and makes a place for it if it is above
// the last one of a full queue.
func (s *slots) makePlace(v visitor) bool {
	if s.maxWait <= 0 || v.key != "" && s.waitingOf[v.key] >= s.perKey {
		return false
	}
	if len(s.queue) < s.maxWaiting {
		return true
	}
	last := s.queue[len(s.queue)-1]
	if last.priority >= v.priority {
		return false
	}
	s.dequeue(len(s.queue) - 1)
	last.outcome = full
	close(last.ready)
	return true
}

func (s *slots) enqueue(v visitor) *waiter {
	w := &waiter{visitor: v, ready: make(chan struct{})}
	at := len(s.queue)
	for at > 0 && s.queue[at-1].priority < v.priority {
		at--
	}
	s.queue = slices.Insert(s.queue, at, w)
	if v.key != "" {
		s.waitingOf[v.key]++
	}
	return w
}

func (s *slots) dequeue(i int) {
	decrement(s.waitingOf, s.queue[i].key)
	s.queue = slices.Delete(s.queue, i, i+1)
}

func (s *slots) room(key string) room {
	left := room{total: s.limit - s.served}
	if key != "" {
		left.key = s.perKey - s.servedOf[key]
	}
	return left
}

// decrement counts a key down, and forgets one at zero.
func decrement(count map[string]int, key string) {
	switch n := count[key]; {
	case n > 1:
		count[key] = n - 1
	case n == 1:
		delete(count, key)
	}
}
