package middleware

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

// InFlight lets at most n requests be served at once. The others get 503 with
// a Retry-After, at once, so that an overload does not pile up.
//
// A request is served until its handler returns, also one that streams or has
// taken the connection over. All handlers that the result wraps share the n.
// Panics if n is less than 1.
func InFlight(n int) func(http.Handler) http.Handler {
	slots := InFlightLimit{Max: n}.slots()
	return slots.wrap
}

// InFlightLimit is [InFlight] with settings. Max is required.
type InFlightLimit struct {
	// Max is the number of requests served at once.
	Max int

	// Key says whose a request is, so that nobody holds more than PerKey of
	// the slots: ratelimit.ByIP, or a function that returns the user. An empty
	// key is bounded by Max alone. Nil means no bound but Max.
	Key func(*http.Request) string
	// PerKey is the fair share, from 1 to Max. It is required with Key.
	PerKey int

	// MaxWait is how long a request may wait for a slot. It leaves at once
	// when its client does. 0 means not at all.
	MaxWait time.Duration
	// MaxWaiting bounds the requests that wait, and the memory that they
	// hold. As many of one key may wait as may be served. 0 means Max.
	MaxWaiting int

	// RetryAfter is what a refused client is told, in seconds rounded up. 0
	// means one second.
	RetryAfter time.Duration
	// Name is what clients read in the problem of a refusal: printable ASCII
	// without quotes and backslashes. Empty means "in-flight". The fair share
	// has the same name with "-per-key".
	Name string
	// Advertise tells clients in RateLimit-Policy how many concurrent requests
	// there can be, and in RateLimit how many more
	// (draft-ietf-httpapi-ratelimit-headers-11).
	Advertise bool

	// Responder writes the 503. Nil means the defaults of package respond.
	Responder *respond.Responder
}

// Wrap returns a handler that passes at most Max requests at once to next.
// Each call counts on its own.
//
// Panics if next is nil or if a setting cannot work.
func (c InFlightLimit) Wrap(next http.Handler) http.Handler { return c.slots().wrap(next) }

// perKey follows the name of the limit in the name of the fair share.
const perKey = "-per-key"

func (c InFlightLimit) slots() *slots {
	bad := func(format string, args ...any) { panic("middleware: InFlight: " + fmt.Sprintf(format, args...)) }
	if c.Name == "" {
		c.Name = "in-flight"
	}
	switch {
	case c.Max < 1:
		bad("Max = %d: at least 1 is required", c.Max)
	case c.Key != nil && (c.PerKey < 1 || c.PerKey > c.Max):
		bad("PerKey = %d: 1 to Max = %d are possible", c.PerKey, c.Max)
	case c.Key == nil && c.PerKey != 0:
		bad("PerKey = %d without a Key", c.PerKey)
	case c.MaxWait < 0 || c.MaxWaiting < 0 || c.RetryAfter < 0:
		bad("MaxWait = %v, MaxWaiting = %d, RetryAfter = %v: none can be negative", c.MaxWait, c.MaxWaiting, c.RetryAfter)
	case strings.ContainsFunc(c.Name, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }):
		bad("Name = %q: printable ASCII without quotes and backslashes is required", c.Name)
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = c.Max
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = time.Second
	}
	refusal := func(name string) *problem.Details {
		return problem.TemporaryReducedCapacity.New(problem.Detail(status.Nearest(http.StatusServiceUnavailable).Description),
			problem.Extension("violated-policies", []string{name}), problem.RetryAfter(c.RetryAfter))
	}
	s := &slots{
		InFlightLimit: c,
		full:          refusal(c.Name),
		unfair:        refusal(c.Name + perKey),
		servedOf:      make(map[string]int),
		waitingOf:     make(map[string]int),
	}
	s.policy = concurrency(c.Name, c.Max)
	if c.Key != nil {
		s.policy += "," + concurrency(c.Name+perKey, c.PerKey)
	}
	return s
}

func concurrency(name string, n int) string {
	return `"` + name + `";q=` + strconv.Itoa(n) + `;qu="concurrent-requests"`
}

// slots counts the requests of an InFlightLimit.
type slots struct {
	InFlightLimit
	policy string // the value of RateLimit-Policy

	// What a request is refused with: there is no slot, or none for its key.
	full, unfair *problem.Details

	mu       sync.Mutex
	served   int
	servedOf map[string]int // by key; at most Max of them
	queue    []*waiter      // in the order of arrival

	// waitingOf has the keys in the queue.
	waitingOf map[string]int
}

// waiter is a request that waits for a slot.
type waiter struct {
	key   string
	ready chan struct{} // closed when it has one
}

func (s *slots) wrap(next http.Handler) http.Handler {
	mustHandler("InFlight", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := ""
		if s.Key != nil {
			key = s.Key(r)
		}
		left, refusal := s.enter(r.Context(), key)
		if s.Advertise {
			s.advertise(w.Header(), key, left)
		}
		if refusal != nil {
			s.refuse(w, r, refusal)
			return
		}
		defer s.leave(key)
		next.ServeHTTP(w, r)
	})
}

func (s *slots) refuse(w http.ResponseWriter, r *http.Request, d *problem.Details) {
	if s.Responder != nil {
		s.Responder.Problem(w, r, d)
		return
	}
	respond.Problem(w, r, d)
}

// room is how many more requests there can be, in all and of one key.
type room struct{ total, key int }

// enter takes a slot, waiting if need be, and returns what is left. If there
// is none it returns what to refuse the request with.
func (s *slots) enter(ctx context.Context, key string) (room, *problem.Details) {
	s.mu.Lock()
	if s.free(key) { // whoever waits does so for a slot of its own key
		s.occupy(key)
		left := s.room(key)
		s.mu.Unlock()
		return left, nil
	}
	refusal := s.full
	if s.served < s.Max {
		refusal = s.unfair
	}
	if !s.mayWait(key) {
		left := s.room(key)
		s.mu.Unlock()
		return left, refusal
	}
	w := &waiter{key, make(chan struct{})}
	s.queue = append(s.queue, w)
	if key != "" {
		s.waitingOf[key]++
	}
	s.mu.Unlock()

	timer := time.NewTimer(s.MaxWait)
	defer timer.Stop()
	select {
	case <-w.ready:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, w)
	switch {
	case i >= 0: // too late, or gone
		s.dequeue(i)
		return s.room(key), refusal
	case ctx.Err() != nil: // gone, but a slot has come at the same moment
		s.release(key)
		return s.room(key), refusal
	}
	return s.room(key), nil
}

func (s *slots) leave(key string) {
	s.mu.Lock()
	s.release(key)
	s.mu.Unlock()
}

// The methods below need the lock.

func (s *slots) free(key string) bool {
	return s.served < s.Max && (key == "" || s.servedOf[key] < s.PerKey)
}

func (s *slots) occupy(key string) {
	s.served++
	if key != "" {
		s.servedOf[key]++
	}
}

// release gives a slot back, and to the first who can use it.
func (s *slots) release(key string) {
	s.served--
	decrement(s.servedOf, key)
	for i, w := range s.queue {
		if s.free(w.key) {
			s.dequeue(i)
			s.occupy(w.key)
			close(w.ready)
			return
		}
	}
}

func (s *slots) mayWait(key string) bool {
	return s.MaxWait > 0 && len(s.queue) < s.MaxWaiting && (key == "" || s.waitingOf[key] < s.PerKey)
}

func (s *slots) dequeue(i int) {
	decrement(s.waitingOf, s.queue[i].key)
	s.queue = slices.Delete(s.queue, i, i+1)
}

func (s *slots) room(key string) room {
	left := room{total: s.Max - s.served}
	if key != "" {
		left.key = s.PerKey - s.servedOf[key]
	}
	return left
}

// decrement counts a key down. Who has none left is forgotten.
func decrement(count map[string]int, key string) {
	switch n := count[key]; {
	case n > 1:
		count[key] = n - 1
	case n == 1:
		delete(count, key)
	}
}

func (s *slots) advertise(h http.Header, key string, left room) {
	state := `"` + s.Name + `";r=` + strconv.Itoa(left.total)
	if key != "" {
		state += `,"` + s.Name + perKey + `";r=` + strconv.Itoa(left.key)
	}
	h.Add("RateLimit-Policy", s.policy)
	h.Add("RateLimit", state)
}
