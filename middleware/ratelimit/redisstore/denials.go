package redisstore

import (
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

const (
	// trusted is how long a decision of Redis is used again. Units that another
	// replica returned, or that come from deleting a key, are noticed after that
	// time at the latest.
	trusted = time.Second
	// maxDenials bounds the buckets in each of the two maps.
	maxDenials = 8192
)

// denials remembers the buckets of refused calls, so that a client that keeps
// sending requests costs no round trip. It decides only what is certain: the debt
// of a bucket falls with the time and not faster, unless units are returned, and
// then it forgets the bucket.
//
// The zero value is ready to use. It takes at most about 3 MB.
type denials struct {
	mu         sync.Mutex
	young, old map[string]state // when young is full, or trusted has passed, it becomes old
	turned     time.Duration    // when that happened last
}

// state is what Redis replied about a bucket, as of some time from sent to received.
type state struct {
	debt           time.Duration
	sent, received time.Duration
	returned       bool // units were returned: a reply to a call sent before received is outdated
}

// decide decides the buckets if it knows all of them and is certain that one of
// them refuses the call. It reports whether it does.
func (d *denials) decide(keys []key, buckets []ratelimit.Bucket, now time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.young)+len(d.old) == 0 {
		return false
	}
	refused := false
	for i, b := range buckets {
		s, known := d.find(keys[i])
		if !known || s.returned || now-s.received > trusted || b.Cost < 0 || b.Mode == ratelimit.Force {
			return false
		}
		refused = refused || b.Mode == ratelimit.Enforce && s.short(b, now)
	}
	if !refused {
		return false
	}
	for i := range buckets {
		b := &buckets[i]
		s, _ := d.find(keys[i])
		b.Short = s.short(*b, now)
		b.Debt = max(0, s.debt-(now-s.received))
	}
	return true
}

// short reports whether b certainly holds less than its cost.
func (s state) short(b ratelimit.Bucket, now time.Duration) bool {
	if b.Cost <= 0 {
		return false
	}
	debt := s.debt - (now - s.sent) // at least
	unit := float64(b.Quota.Per) / float64(b.Quota.N)
	lack := float64(debt) - float64(b.Quota.Capacity()-b.Cost)*unit
	return b.Cost > b.Quota.Capacity() || lack > float64(2*time.Microsecond) // more than the ticks of Redis' clock
}

// note remembers decisions of Redis.
func (d *denials) note(keys []key, buckets []ratelimit.Bucket, sent, received time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	refused := false
	for _, b := range buckets {
		refused = refused || isRefusal(b)
	}
	for i, b := range buckets {
		was, known := d.find(keys[i])
		returned := b.Cost < 0 && !refused
		switch {
		case returned:
		case !refused && !known:
			continue
		case was.returned && was.received > sent:
			continue // Redis may have decided before the units were returned
		}
		d.put(keys[i], state{b.Debt, sent, received, returned})
	}
}

func (d *denials) find(k key) (state, bool) {
	s, ok := d.young[k.name]
	if !ok {
		s, ok = d.old[k.name]
	}
	return s, ok
}

func (d *denials) put(k key, s state) {
	if d.young == nil || len(d.young) >= maxDenials || s.received-d.turned > trusted {
		d.old, d.young = d.young, d.old
		clear(d.young)
		if d.young == nil {
			d.young = make(map[string]state)
		}
		d.turned = s.received
	}
	d.young[k.name] = s
}
