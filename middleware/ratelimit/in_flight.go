package ratelimit

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rejoinder-go/rejoinder/internal/exchange"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/problem/status"
	"github.com/rejoinder-go/rejoinder/respond"
)

// InFlight returns a middleware that passes at most n requests through at once.
// The others get 503 with a Retry-After, immediately, so that an overload does
// not pile up.
//
// A request is in flight until its handler returns, also one that streams or
// has hijacked the connection. A middleware that returns before its handler
// does, as middleware.Timeout and http.TimeoutHandler do at the deadline, has
// to be outside of this one: then a slot is held until the handler has really
// ended. In the other order, handlers that outlive their deadlines exceed n.
//
// All handlers that the result wraps share the n: make it once. InFlight
// panics if n is less than 1.
func InFlight(n int) func(http.Handler) http.Handler {
	return InFlightWith(InFlightOptions{Max: n})
}

// InFlightOptions are the settings of [InFlightWith]. Max or Limit is required.
type InFlightOptions struct {
	// Max is the number of requests in flight at once. 0 means that Limit
	// alone decides.
	Max int

	// Limit returns how many there may be at present, up to Max: a limit that
	// adapts to how the service does. It is called when a request comes and
	// when one ends, by many goroutines at once. Less than 1 counts as 1. When
	// it falls, requests in flight stay. Nil means Max.
	Limit func() int

	// Priority ranks requests, such as health checks above paying clients
	// above others. The waiting request with the highest priority gets the
	// next slot, and drives one with a lower priority out of a queue that is
	// full. It must not be for a client to choose. Nil means 0 for all.
	Priority func(*http.Request) int
	// Reserved is the number of slots that only requests with a priority
	// above 0 get. At least one slot stays for the others.
	Reserved int

	// Key returns whose a request is, so that no key has more than PerKey of
	// the slots: [ByIP], or a function that returns the user. An empty key is
	// bounded by Max alone. Nil means no bound but Max.
	Key func(*http.Request) string
	// PerKey is the fair share, from 1 to Max. It is required with Key.
	PerKey int

	// MaxWait is how long a request may wait for a slot. It leaves at once
	// when its client does. 0 means not at all.
	MaxWait time.Duration
	// MaxWaiting bounds the requests that wait, and the memory that they
	// hold. As many of one key may wait as may be in flight. 0 means Max, or
	// 100 without a Max.
	MaxWaiting int

	// RetryAfter is what a refused client is told, in seconds rounded up. 0
	// means one second.
	RetryAfter time.Duration
	// Name is what clients read in the problem of a refusal: printable ASCII.
	// Empty means "in-flight". The fair share has the same name with
	// "-per-key".
	Name string
	// Problem is the type of problem of a refusal, with a status of 400 or
	// more, such as problem.TemporaryReducedCapacity of the draft on RateLimit
	// fields. Nil means the documented 503 Service Unavailable.
	Problem *problem.Type
	// Advertise tells clients in RateLimit-Policy how many concurrent requests
	// there can be, and in RateLimit how many more
	// (draft-ietf-httpapi-ratelimit-headers-11).
	Advertise bool

	// Responder writes the refusal. Nil means that of the middleware.Normalize
	// around, else the defaults of package respond.
	Responder *respond.Responder
}

// InFlightWith is [InFlight] with settings. It panics if one cannot work.
func InFlightWith(o InFlightOptions) func(http.Handler) http.Handler {
	f := newInFlight(o)
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("ratelimit: InFlight: the handler is nil")
		}
		return &inFlightHandler{f, next}
	}
}

// inFlightHandler is a handler behind a limit of concurrency.
type inFlightHandler struct {
	limit *inFlight
	next  http.Handler
}

func (h *inFlightHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.limit.serve(w, r, h.next)
}

// Handler is as that of limited.
func (h *inFlightHandler) Handler(r *http.Request) (http.Handler, string) {
	return handlerOf(h.next, r)
}

// perKey follows the name of the limit in the name of the fair share.
const perKey = "-per-key"

// check panics if a setting cannot work, and returns o with its defaults.
func (o InFlightOptions) check() InFlightOptions {
	bad := func(format string, args ...any) { panic("ratelimit: InFlight: " + fmt.Sprintf(format, args...)) }
	switch {
	case o.Max < 0 || o.Max == 0 && o.Limit == nil:
		bad("Max = %d: at least 1 is required", o.Max)
	case o.Key != nil && (o.PerKey < 1 || o.Max > 0 && o.PerKey > o.Max):
		bad("PerKey = %d: 1 to Max = %d are possible", o.PerKey, o.Max)
	case o.Key == nil && o.PerKey != 0:
		bad("PerKey = %d without a Key", o.PerKey)
	case o.Reserved < 0 || o.Max > 0 && o.Reserved >= o.Max:
		bad("Reserved = %d: less than Max = %d is required", o.Reserved, o.Max)
	case o.Reserved > 0 && o.Priority == nil:
		bad("Reserved = %d without a Priority", o.Reserved)
	case o.MaxWait < 0 || o.MaxWaiting < 0 || o.RetryAfter < 0:
		bad("MaxWait = %v, MaxWaiting = %d, RetryAfter = %v: none can be negative", o.MaxWait, o.MaxWaiting, o.RetryAfter)
	case o.Problem != nil && (o.Problem.Status < 400 || o.Problem.Status > 599):
		bad("a Problem with status %d refuses nothing", o.Problem.Status)
	}
	if o.Name == "" {
		o.Name = "in-flight"
	}
	if _, err := quote(o.Name); err != nil {
		bad("Name = %q: %v", o.Name, err)
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = o.Max
		if o.Max == 0 {
			o.MaxWaiting = 100
		}
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = time.Second
	}
	return o
}

// inFlight is the middleware at work.
type inFlight struct {
	InFlightOptions
	slots        slots
	quoted, each string // the names as Structured Fields strings

	// What a request is refused with: there is no slot, or none for its key.
	full, unfair *problem.Details
}

func newInFlight(o InFlightOptions) *inFlight {
	o = o.check()
	f := &inFlight{InFlightOptions: o, full: o.refusal(o.Name), unfair: o.refusal(o.Name + perKey)}
	f.quoted, _ = quote(o.Name)
	f.each, _ = quote(o.Name + perKey)
	f.slots = slots{
		perKey: o.PerKey, reserved: o.Reserved, maxWait: o.MaxWait, maxWaiting: o.MaxWaiting,
		servedOf: make(map[string]int), waitingOf: make(map[string]int),
	}
	return f
}

func (o InFlightOptions) refusal(name string) *problem.Details {
	violated, after := problem.Extension("violated-policies", []string{name}), problem.RetryAfter(o.RetryAfter)
	if t := o.Problem; t != nil {
		return t.New(problem.Detail(status.Nearest(t.Status).Description), violated, after)
	}
	return problem.New(http.StatusServiceUnavailable, violated, after)
}

func (f *inFlight) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	v := visitor{}
	if f.Key != nil {
		v.key = f.Key(r)
	}
	if f.Priority != nil {
		v.priority = f.Priority(r)
	}
	limit := f.limit()
	left, outcome := f.slots.enter(r.Context(), v, limit)
	if outcome == admitted {
		defer f.leave(v.key, limit)
	}
	if f.Advertise {
		f.advertise(w.Header(), v.key, limit, left)
		exchange.KeepLimits(w)
	}
	if outcome != admitted {
		f.refuse(w, r, outcome)
		return
	}
	if f.Advertise {
		keep(next, w, r, nil)
		return
	}
	next.ServeHTTP(w, r)
}

// leave frees a slot, also if Limit panics. Then the limit stays as it was.
func (f *inFlight) leave(key string, limit int) {
	defer func() { f.slots.leave(key, limit) }()
	limit = f.limit()
}

// limit is the number of slots there are at present.
func (f *inFlight) limit() int {
	if f.Limit == nil {
		return f.Max
	}
	n := max(1, f.Limit())
	if f.Max > 0 {
		n = min(n, f.Max)
	}
	return n
}

func (f *inFlight) refuse(w http.ResponseWriter, r *http.Request, why outcomeOfEntry) {
	d := f.full
	if why == overShare {
		d = f.unfair
	}
	if f.Responder != nil {
		f.Responder.Problem(w, r, d)
		return
	}
	respond.Problem(w, r, d)
}

func (f *inFlight) advertise(h http.Header, key string, limit int, left room) {
	policy, state := appendConcurrency(nil, f.quoted, limit), appendRoom(nil, f.quoted, left.total)
	if f.Key != nil {
		policy = appendConcurrency(append(policy, ','), f.each, f.PerKey)
	}
	if key != "" {
		state = appendRoom(append(state, ','), f.each, left.key)
	}
	addField(h, policyField, []string{string(policy)})
	addField(h, stateField, []string{string(state)})
}
