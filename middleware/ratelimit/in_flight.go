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
// The others get a 503 with Retry-After immediately, so that an overload does not
// build up a queue.
//
// A request is in flight until its handler returns, even if it streams or has
// hijacked the connection. Put a middleware that returns before its handler does
// outside of this one: middleware.Timeout and http.TimeoutHandler do that at the
// deadline. Then each slot is held until the handler has ended. In the other
// order, handlers that outlive their deadlines exceed n.
//
// All handlers that the middleware wraps share the n slots, so make it once.
// InFlight panics if n is less than 1.
func InFlight(n int) func(http.Handler) http.Handler {
	return InFlightWith(InFlightOptions{Max: n})
}

// InFlightOptions are the settings of [InFlightWith]. Max or Limit is required.
type InFlightOptions struct {
	// Max is the number of requests in flight at once. 0 means that Limit
	// alone decides.
	Max int

	// Limit returns how many requests may be in flight now, up to Max, for a
	// limit that adapts to the load. It is called when a request arrives and
	// when one ends, and must be safe for concurrent use. A result below 1
	// counts as 1. When the limit falls, requests in flight continue. Nil means
	// Max.
	Limit func() int

	// Priority ranks requests, such as health checks above paying clients
	// above others. The waiting request with the highest priority gets the
	// next slot, and displaces one with a lower priority from a full queue. A
	// client must not be able to choose its priority. Nil means 0 for all.
	Priority func(*http.Request) int
	// Reserved is the number of slots for requests with a priority above 0
	// alone. At least one slot stays for the others.
	Reserved int

	// Key groups requests, such as by client with [ByIP], so that no key holds
	// more than PerKey slots. Requests with an empty key are limited by Max
	// alone, and if Key is nil, all are.
	Key func(*http.Request) string
	// PerKey is the number of slots that one key may hold, from 1 to Max. It is
	// required with Key.
	PerKey int

	// MaxWait is how long a request may wait for a slot. It stops waiting when
	// its client disconnects. 0 means that requests do not wait.
	MaxWait time.Duration
	// MaxWaiting bounds the requests that wait, and with them the memory that
	// they hold. At most PerKey requests of one key wait. 0 means Max, or 100
	// if Max is 0.
	MaxWaiting int

	// RetryAfter is sent to refused clients, in seconds rounded up. 0 means one
	// second.
	RetryAfter time.Duration
	// Name identifies the limit in the problem of a refusal. It is printable
	// ASCII. Empty means "in-flight". The limit per key has the same name with
	// the suffix "-per-key".
	Name string
	// Problem is the problem type of a refusal, with a status from 400 to 599,
	// such as problem.TemporaryReducedCapacity of the draft on RateLimit
	// fields. Nil means 503 Service Unavailable.
	Problem *problem.Type
	// Advertise reports in RateLimit-Policy how many requests may be in flight
	// and in RateLimit how many more are possible
	// (draft-ietf-httpapi-ratelimit-headers-11).
	Advertise bool

	// Responder writes the refusal. Nil means the Responder of the
	// middleware.Normalize around the limit, or without one the defaults of
	// package respond.
	Responder *respond.Responder
}

// InFlightWith is [InFlight] with settings. It panics if one is invalid.
func InFlightWith(o InFlightOptions) func(http.Handler) http.Handler {
	f := newInFlight(o)
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("ratelimit: InFlight: the handler is nil")
		}
		return &inFlightHandler{f, next}
	}
}

// inFlightHandler is a handler behind a concurrency limit.
type inFlightHandler struct {
	limit *inFlight
	next  http.Handler
}

func (h *inFlightHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.limit.serve(w, r, h.next)
}

// Handler lets middleware.Timeout find the route, as that of limitedHandler does.
func (h *inFlightHandler) Handler(r *http.Request) (http.Handler, string) {
	return handlerOf(h.next, r)
}

// perKeySuffix follows the name of the limit in the name of the limit per key.
const perKeySuffix = "-per-key"

// check panics if a setting is invalid. It returns o with its defaults.
func (o InFlightOptions) check() InFlightOptions {
	bad := func(format string, args ...any) { panic("ratelimit: InFlight: " + fmt.Sprintf(format, args...)) }
	switch {
	case o.Max < 0 || o.Max == 0 && o.Limit == nil:
		bad("Max = %d: at least 1 is required", o.Max)
	case o.Key != nil && (o.PerKey < 1 || o.Max > 0 && o.PerKey > o.Max):
		bad("PerKey = %d: 1 to Max = %d is required", o.PerKey, o.Max)
	case o.Key == nil && o.PerKey != 0:
		bad("PerKey = %d without a Key", o.PerKey)
	case o.Reserved < 0 || o.Max > 0 && o.Reserved >= o.Max:
		bad("Reserved = %d: less than Max = %d is required", o.Reserved, o.Max)
	case o.Reserved > 0 && o.Priority == nil:
		bad("Reserved = %d without a Priority", o.Reserved)
	case o.MaxWait < 0 || o.MaxWaiting < 0 || o.RetryAfter < 0:
		bad("MaxWait = %v, MaxWaiting = %d, RetryAfter = %v: 0 or more is required", o.MaxWait, o.MaxWaiting, o.RetryAfter)
	case o.Problem != nil && (o.Problem.Status < 400 || o.Problem.Status > 599):
		bad("Problem has the status %d: 400 to 599 is required", o.Problem.Status)
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

// inFlight is a concurrency limit.
type inFlight struct {
	InFlightOptions
	slots                slots
	quoted, quotedPerKey string // the names as Structured Fields strings

	// The responses if there is no slot, or none for the key.
	noSlot, noSlotForKey *problem.Details
}

func newInFlight(o InFlightOptions) *inFlight {
	o = o.check()
	f := &inFlight{InFlightOptions: o, noSlot: o.refusal(o.Name), noSlotForKey: o.refusal(o.Name + perKeySuffix)}
	f.quoted, _ = quote(o.Name)
	f.quotedPerKey, _ = quote(o.Name + perKeySuffix)
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
	v := candidate{}
	if f.Key != nil {
		v.key = f.Key(r)
	}
	if f.Priority != nil {
		v.priority = f.Priority(r)
	}
	limit := f.limit()
	left, result := f.slots.enter(r.Context(), v, limit)
	if result == admitted {
		defer f.leave(v.key, limit)
	}
	if f.Advertise {
		f.setHeader(w.Header(), v.key, limit, left)
		exchange.KeepLimits(w)
	}
	if result != admitted {
		f.refuse(w, r, result)
		return
	}
	if f.Advertise {
		keepLimits(next, w, r, nil)
		return
	}
	next.ServeHTTP(w, r)
}

// leave frees a slot, even if Limit panics. Then the limit stays as it was.
func (f *inFlight) leave(key string, limit int) {
	defer func() { f.slots.leave(key, limit) }()
	limit = f.limit()
}

// limit returns the number of slots that there are now.
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

func (f *inFlight) refuse(w http.ResponseWriter, r *http.Request, why entryResult) {
	d := f.noSlot
	if why == fullForKey {
		d = f.noSlotForKey
	}
	if f.Responder != nil {
		f.Responder.Problem(w, r, d)
		return
	}
	respond.Problem(w, r, d)
}

func (f *inFlight) setHeader(h http.Header, key string, limit int, left remaining) {
	policy, state := appendConcurrencyPolicy(nil, f.quoted, limit), appendConcurrencyState(nil, f.quoted, left.total)
	if f.Key != nil {
		policy = appendConcurrencyPolicy(append(policy, ','), f.quotedPerKey, f.PerKey)
	}
	if key != "" {
		state = appendConcurrencyState(append(state, ','), f.quotedPerKey, left.key)
	}
	addField(h, policyField, []string{string(policy)})
	addField(h, stateField, []string{string(state)})
}
