package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// FailMode is what a limiter does while its Store, or the part of it that
// keeps the buckets of a request, cannot be asked. The limiter tries again
// once a second, with one of the requests that arrive; that one alone waits
// for the store.
type FailMode uint8

const (
	// FailLocal decides in the memory of this replica, which grants
	// 1/Replicas of each quota, and of a capacity at least 1: that much and
	// no more, however often the store fails and comes back. What was charged
	// here is charged to the store when it is back, so that there is no
	// burst. It is the zero value.
	FailLocal FailMode = iota
	// FailOpen lets every request pass, without RateLimit fields.
	FailOpen
	// FailClosed refuses every request with 503 and a Retry-After.
	FailClosed
)

const (
	// probeEvery is the time between two requests that ask a part of a store
	// which has failed.
	probeEvery = time.Second
	// patience is how long a store may keep a request waiting whose client
	// leaves, before that counts as a failure of the store. A client that
	// leaves sooner proves nothing: it must not be able to cause an outage.
	patience = 100 * time.Millisecond
)

// outage is a Store with a circuit breaker for each of its parts, and with
// what stands in for it.
type outage struct {
	store    Store
	part     func(Bucket) string
	mode     FailMode
	replicas int
	start    time.Time

	failing atomic.Int32 // how many parts are down; the usual 0 needs no lock
	mu      sync.Mutex
	down    map[string]*failure
	telling map[bucketID]struct{} // the buckets whose debts the store is being told

	// local has the shares of this replica, and owed what of the charges to
	// them the store has not been told. Two memories, since a share stays used
	// when the store knows of it: else each return of the store would renew it.
	local, owed *Memory
	owing       atomic.Int64 // until then, since start, owed may hold anything
}

// failure is a part of a store that could not be asked.
type failure struct {
	err   error
	probe time.Duration // since start: when to ask again
}

// bucketID is what tells one bucket from another.
type bucketID struct {
	policy, key string
	quota       Quota
}

func newOutage(s Store, mode FailMode, replicas int) *outage {
	if mode > FailClosed {
		panic(fmt.Sprintf("ratelimit: Outage = %d: FailLocal, FailOpen and FailClosed are possible", mode))
	}
	if replicas < 0 {
		panic(fmt.Sprintf("ratelimit: Replicas = %d: 0 (for 1) or more is required", replicas))
	}
	o := &outage{
		store: s, part: func(Bucket) string { return "" }, mode: mode, replicas: max(1, replicas), start: time.Now(),
		down: make(map[string]*failure), telling: make(map[bucketID]struct{}),
	}
	if p, ok := s.(Parted); ok {
		o.part = p.Part
	}
	if mode == FailLocal {
		o.local, o.owed = NewMemory(DefaultMaxKeys), NewMemory(DefaultMaxKeys)
	}
	return o
}

// take decides a, by the store or without it.
func (o *outage) take(ctx context.Context, a *attempt) {
	gone := false
	a.err, gone = o.ask(ctx, a.buckets)
	switch {
	case a.err == nil:
	case gone:
		a.undecided, a.allowed = true, false // no client reads the response, and no work should be done
	case o.mode == FailLocal:
		a.local = true
		o.takeLocal(ctx, a.buckets)
	default:
		a.undecided, a.allowed = true, o.mode == FailOpen
		if !a.allowed {
			a.wait = o.untilProbe(a.buckets)
		}
	}
}

// ask asks the store, unless a part that it needs is down and this request is
// not the one to try. gone reports that it failed since the client has left.
func (o *outage) ask(ctx context.Context, buckets []Bucket) (err error, gone bool) {
	began := o.now()
	parts, err := o.admit(buckets, began)
	if err != nil {
		return err, false
	}
	if o.owing.Load() > int64(began) {
		err = o.settle(ctx, buckets)
		if err == errTelling {
			return err, false
		}
	}
	if err == nil {
		err = o.store.Take(ctx, buckets)
	}
	failed := failedParts(err)
	switch {
	case err == nil:
		o.recover(parts)
	case failed == nil && errors.Is(err, ErrReply):
		o.recover(parts) // it can be asked; it is not down
	case ctx.Err() != nil && o.now()-began < patience:
		gone = true
	default:
		o.fail(err, failed, buckets)
	}
	return err, gone
}

// admit returns an error if a part that the buckets need is down and it is not
// the time to try. Otherwise it returns the parts that are down, and no other
// request tries them for a while.
func (o *outage) admit(buckets []Bucket, now time.Duration) (parts []string, err error) {
	if o.failing.Load() == 0 {
		return nil, nil
	}
	needed := o.parts(buckets)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, part := range needed {
		if f := o.down[part]; f != nil {
			if now < f.probe {
				return nil, f.err
			}
			parts = append(parts, part)
		}
	}
	for _, part := range parts {
		o.down[part].probe = now + probeEvery
	}
	return parts, nil
}

// parts returns the names of the parts that keep the buckets, and that of the
// whole.
func (o *outage) parts(buckets []Bucket) []string {
	names := []string{""}
	for _, b := range buckets {
		if p := o.part(b); !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	return names
}

// recover notes that parts which were down are not.
func (o *outage) recover(parts []string) {
	if parts == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, part := range parts {
		delete(o.down, part)
	}
	o.failing.Store(int32(len(o.down)))
}

// maxParts bounds the parts that are known to be down.
const maxParts = 1024

// fail notes which parts could not be asked: those with the names, or without
// any, all that the buckets need.
func (o *outage) fail(err error, names []string, buckets []Bucket) {
	if names == nil {
		if names = o.parts(buckets); len(names) > 1 {
			names = names[1:] // not the whole
		}
	}
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range names {
		if len(o.down) >= maxParts && o.down[name] == nil { // of servers that were, perhaps
			clear(o.down)
		}
		o.down[name] = &failure{err, now + probeEvery}
	}
	o.failing.Store(int32(len(o.down)))
}

// untilProbe is the time until the buckets' parts are asked again.
func (o *outage) untilProbe(buckets []Bucket) time.Duration {
	names, now := o.parts(buckets), o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	wait := time.Duration(0)
	for _, name := range names {
		if f := o.down[name]; f != nil {
			wait = max(wait, f.probe-now)
		}
	}
	return wait
}

// takeLocal charges the buckets here, to this replica's share of the quotas.
func (o *outage) takeLocal(ctx context.Context, buckets []Bucket) {
	for i := range buckets {
		b := &buckets[i]
		capacity := b.Quota.Capacity()
		b.Quota = o.share(b.Quota)
		if b.Cost <= capacity { // it could pass before, so it empties the share at most
			b.Cost = min(b.Cost, b.Quota.Burst)
		}
	}
	o.chargeLocal(ctx, buckets)
}

// chargeLocal charges buckets whose quotas are shares, and notes what the store
// has to be told.
func (o *outage) chargeLocal(ctx context.Context, buckets []Bucket) {
	_ = o.local.Take(ctx, buckets) // it fails for no valid quota
	if slices.ContainsFunc(buckets, func(b Bucket) bool { return b.Short && b.Mode == Enforce }) {
		return
	}
	notes := make([]Bucket, 0, 4)
	for _, b := range buckets {
		if !b.Short && b.Cost != 0 {
			b.Mode = Force
			notes = append(notes, b)
		}
	}
	o.note(ctx, notes)
}

// note adds charges to what is owed.
func (o *outage) note(ctx context.Context, notes []Bucket) {
	if len(notes) == 0 {
		return
	}
	_ = o.owed.Take(ctx, notes)
	now := o.now()
	for i := range notes {
		until := int64(now + notes[i].Debt)
		for have := o.owing.Load(); have < until && !o.owing.CompareAndSwap(have, until); have = o.owing.Load() {
		}
	}
}

// share is what one replica grants of q. The rate is divided exactly, in its
// time: 5 per minute for 10 replicas are 5 in ten minutes for each.
func (o *outage) share(q Quota) Quota {
	per := maxFill
	if q.Per <= maxFill/time.Duration(o.replicas) {
		per = q.Per * time.Duration(o.replicas)
	}
	return Quota{N: q.N, Per: per, Burst: max(1, q.Capacity()/o.replicas)}
}

// errTelling is why a request is decided locally although the store is back.
var errTelling = errors.New("ratelimit: the store is being told what was charged in an outage")

// settle charges to the store what the buckets were charged here. While one
// request does that for a bucket, others that come too soon to find it charged
// are decided here. Until the store has confirmed it, it is owed.
func (o *outage) settle(ctx context.Context, buckets []Bucket) error {
	owed := make([]Bucket, 0, 4)
	for _, b := range buckets {
		owed = append(owed, Bucket{Policy: b.Policy, Key: b.Key, Quota: o.share(b.Quota)})
	}
	claimed := o.claim(owed)
	if !claimed {
		return errTelling
	}
	defer o.release(owed)
	_ = o.owed.Take(ctx, owed) // a Cost of 0 reads the debts
	told := make([]Bucket, 0, 4)
	for i := range owed {
		b := &owed[i]
		if b.Debt <= 0 {
			continue
		}
		units := int(mulDiv(uint64(b.Debt), uint64(b.Quota.N), uint64(b.Quota.Per), true))
		b.Cost = -units
		told = append(told, Bucket{Policy: b.Policy, Key: b.Key, Quota: buckets[i].Quota, Cost: units, Mode: Force})
	}
	if len(told) == 0 {
		return nil
	}
	if err := o.store.Take(ctx, told); err != nil {
		return err
	}
	return o.owed.Take(ctx, owed)
}

// claim reserves buckets for the caller to settle, all or none.
func (o *outage) claim(buckets []Bucket) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range buckets {
		if _, taken := o.telling[b.id()]; taken {
			return false
		}
	}
	for _, b := range buckets {
		o.telling[b.id()] = struct{}{}
	}
	return true
}

func (o *outage) release(buckets []Bucket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range buckets {
		delete(o.telling, b.id())
	}
}

func (b *Bucket) id() bucketID { return bucketID{b.Policy, b.Key, b.Quota.full()} }

// correctLocal corrects what was charged here. It returns what has to be given
// back by the store, since that was told of the charge meanwhile.
func (o *outage) correctLocal(ctx context.Context, buckets []Bucket) (told []Bucket) {
	var shares, notes []Bucket
	for _, b := range buckets {
		share := b
		share.Quota = o.share(b.Quota)
		shares = append(shares, share)
		if b.Cost < 0 {
			owed := []Bucket{{Policy: b.Policy, Key: b.Key, Quota: share.Quota}}
			_ = o.owed.Take(ctx, owed)
			units := int(mulDiv(uint64(max(0, owed[0].Debt)), uint64(share.Quota.N), uint64(share.Quota.Per), true))
			share.Cost = -min(-b.Cost, units)
			if b.Cost -= share.Cost; b.Cost < 0 {
				told = append(told, b)
			}
		}
		if share.Cost != 0 {
			notes = append(notes, share)
		}
	}
	_ = o.local.Take(ctx, shares)
	o.note(ctx, notes)
	return told
}

// correct charges buckets afterwards, where they were charged before. The quotas
// are those of the policies.
func (o *outage) correct(ctx context.Context, buckets []Bucket, local bool) error {
	if local {
		if buckets = o.correctLocal(ctx, buckets); len(buckets) == 0 {
			return nil
		}
	}
	err, _ := o.ask(ctx, buckets)
	if err != nil && o.mode == FailLocal && !local {
		o.takeLocal(ctx, buckets)
	}
	return err
}

func (o *outage) now() time.Duration { return time.Since(o.start) }
