package ratelimit

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slots counts the requests in flight and queues those that wait.
type slots struct {
	perKey, reserved, maxWaiting int
	maxWait                      time.Duration

	mu        sync.Mutex
	limit     int // the latest
	served    int
	servedOf  map[string]int // by key; at most limit of them
	queue     []*waiter      // by descending priority, and within one by arrival
	waitingOf map[string]int // by key; only those in the queue
}

// candidate is a request that needs a slot.
type candidate struct {
	key      string
	priority int
}

// waiter is a candidate in the queue.
type waiter struct {
	candidate
	result entryResult // valid once ready is closed
	ready  chan struct{}
}

// entryResult is whether a candidate got a slot.
type entryResult uint8

const (
	admitted   entryResult = iota
	full                   // there is no slot
	fullForKey             // there are slots, but none for the key
)

// remaining is how many more requests are possible, in all and for one key.
type remaining struct{ total, key int }

// enter takes one of limit slots, waiting if necessary, and returns what is left.
func (s *slots) enter(ctx context.Context, v candidate, limit int) (remaining, entryResult) {
	w, left, result := s.tryEnter(v, limit)
	if w == nil {
		return left, result
	}
	timer := time.NewTimer(s.maxWait)
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.queue, w); i >= 0 { // no slot in time, or the client is gone
		s.dequeue(i)
		return s.remaining(v.key), result
	}
	if w.result == admitted && ctx.Err() != nil { // the client left as a slot became free
		s.release(v.key)
		return s.remaining(v.key), result
	}
	return s.remaining(v.key), w.result
}

// tryEnter takes a slot if one is free. Otherwise it returns why there is none, and
// the waiter for v unless the queue has no place for it.
func (s *slots) tryEnter(v candidate, limit int) (*waiter, remaining, entryResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
	s.promote()
	if s.free(v) { // no waiter can use it
		s.occupy(v.key)
		return nil, s.remaining(v.key), admitted
	}
	refusal := full
	if s.served < s.open(v.priority) {
		refusal = fullForKey
	}
	if !s.makePlace(v) {
		return nil, s.remaining(v.key), refusal
	}
	return s.enqueue(v), remaining{}, refusal
}

func (s *slots) leave(key string, limit int) {
	s.mu.Lock()
	s.limit = limit
	s.release(key)
	s.mu.Unlock()
}

// The methods below need the lock.

// open returns the number of slots for requests of the priority.
func (s *slots) open(priority int) int {
	if priority > 0 {
		return s.limit
	}
	return max(1, s.limit-s.reserved)
}

func (s *slots) free(v candidate) bool {
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

// promote admits the waiters for whom there are slots.
func (s *slots) promote() {
	for i := 0; i < len(s.queue) && s.served < s.limit; {
		w := s.queue[i]
		if !s.free(w.candidate) {
			i++
			continue
		}
		s.dequeue(i)
		s.occupy(w.key)
		close(w.ready)
	}
}

// makePlace reports whether v may wait. In a full queue it displaces the last
// waiter if that has a lower priority.
func (s *slots) makePlace(v candidate) bool {
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
	last.result = full
	close(last.ready)
	return true
}

func (s *slots) enqueue(v candidate) *waiter {
	w := &waiter{candidate: v, ready: make(chan struct{})}
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

func (s *slots) remaining(key string) remaining {
	left := remaining{total: s.limit - s.served}
	if key != "" {
		left.key = s.perKey - s.servedOf[key]
	}
	return left
}

// decrement counts a key down and deletes it at zero.
func decrement(count map[string]int, key string) {
	switch n := count[key]; {
	case n > 1:
		count[key] = n - 1
	case n == 1:
		delete(count, key)
	}
}
