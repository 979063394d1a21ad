package ratelimit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// localShare grants the share of one replica while the store cannot be reached,
// and charges the store afterwards.
type localShare struct {
	replicas int
	start    time.Time

	// used keeps the buckets of the share, and owed what of the charges to them
	// the store does not know. They are two memories, since a share stays used
	// when the store knows of it: otherwise each return of the store would renew
	// it.
	used, owed *Memory
	owing      atomic.Int64 // the time since start until which owed may hold anything

	mu       sync.Mutex
	settling map[bucketID]struct{} // the buckets whose debts are being charged to the store
}

// bucketID identifies a bucket.
type bucketID struct {
	policy, key string
	quota       Quota
}

func (b *Bucket) id() bucketID { return bucketID{b.Policy, b.Key, b.Quota.full()} }

func newLocalShare(replicas int, start time.Time) *localShare {
	return &localShare{
		replicas: replicas, start: start,
		used: NewMemory(DefaultMaxKeys), owed: NewMemory(DefaultMaxKeys),
		settling: make(map[bucketID]struct{}),
	}
}

// of returns what one replica grants of q. The rate is divided exactly, by a
// longer time: 5 per minute for 10 replicas are 5 in ten minutes for each.
func (s *localShare) of(q Quota) Quota {
	n := min(time.Duration(s.replicas), maxFill)
	return Quota{N: q.N, Per: min(q.Per, maxFill/n) * n, Burst: max(1, q.Capacity()/s.replicas)}
}

// take charges buckets to the share, and gives them its quotas.
func (s *localShare) take(ctx context.Context, buckets []Bucket) {
	for i := range buckets {
		b := &buckets[i]
		capacity := b.Quota.Capacity()
		b.Quota = s.of(b.Quota)
		if b.Cost <= capacity { // the store could grant it, so it empties the share at most
			b.Cost = min(b.Cost, b.Quota.Burst)
		}
	}
	_ = s.used.Take(ctx, buckets) // it fails for no valid quota
	if slices.ContainsFunc(buckets, func(b Bucket) bool { return b.Short && b.Mode == Enforce }) {
		return
	}
	charges := make([]Bucket, 0, 4)
	for _, b := range buckets {
		if !b.Short && b.Cost != 0 {
			b.Mode = Force
			charges = append(charges, b)
		}
	}
	s.owe(ctx, charges)
}

// owe adds charges to what is owed to the store.
func (s *localShare) owe(ctx context.Context, charges []Bucket) {
	if len(charges) == 0 {
		return
	}
	_ = s.owed.Take(ctx, charges)
	now := time.Since(s.start)
	for i := range charges {
		until := int64(now + charges[i].Debt)
		for have := s.owing.Load(); have < until && !s.owing.CompareAndSwap(have, until); have = s.owing.Load() {
		}
	}
}

// owes reports whether anything may be owed at the time now.
func (s *localShare) owes(now time.Duration) bool { return s.owing.Load() > int64(now) }

// owedUnits returns the units of a debt, rounded up.
func owedUnits(b *Bucket) int {
	return int(mulDivUp(uint64(max(0, b.Debt)), uint64(b.Quota.N), uint64(b.Quota.Per)))
}

// errSettling is why a request is decided locally although the store is back.
var errSettling = errors.New("ratelimit: the store is being charged for an outage")

// settle charges to the store what the buckets owe. While one request does that
// for a bucket, others that arrive before the store has charged it are decided
// locally. The units stay owed until the store has confirmed the charge.
func (s *localShare) settle(ctx context.Context, store Store, buckets []Bucket) error {
	owed := make([]Bucket, 0, 4)
	for _, b := range buckets {
		owed = append(owed, Bucket{Policy: b.Policy, Key: b.Key, Quota: s.of(b.Quota)})
	}
	if !s.claim(owed) {
		return errSettling
	}
	defer s.release(owed)
	_ = s.owed.Take(ctx, owed) // a Cost of 0 reads the debts
	charges := make([]Bucket, 0, 4)
	for i := range owed {
		b := &owed[i]
		if b.Debt <= 0 {
			continue
		}
		units := owedUnits(b)
		b.Cost = -units
		charges = append(charges, Bucket{Policy: b.Policy, Key: b.Key, Quota: buckets[i].Quota, Cost: units, Mode: Force})
	}
	if len(charges) == 0 {
		return nil
	}
	if err := store.Take(ctx, charges); err != nil {
		return err
	}
	return s.owed.Take(ctx, owed)
}

// claim reserves buckets for the caller to settle, all or none.
func (s *localShare) claim(buckets []Bucket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range buckets {
		if _, taken := s.settling[b.id()]; taken {
			return false
		}
	}
	for _, b := range buckets {
		s.settling[b.id()] = struct{}{}
	}
	return true
}

func (s *localShare) release(buckets []Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range buckets {
		delete(s.settling, b.id())
	}
}

// correct corrects what was charged to the share. It returns the buckets whose
// units the store has to return, since it was charged for them meanwhile.
func (s *localShare) correct(ctx context.Context, buckets []Bucket) (charged []Bucket) {
	var shares, charges []Bucket
	for _, b := range buckets {
		share := b
		share.Quota = s.of(b.Quota)
		shares = append(shares, share)
		if b.Cost < 0 {
			owed := []Bucket{{Policy: b.Policy, Key: b.Key, Quota: share.Quota}}
			_ = s.owed.Take(ctx, owed)
			share.Cost = -min(-b.Cost, owedUnits(&owed[0]))
			if b.Cost -= share.Cost; b.Cost < 0 {
				charged = append(charged, b)
			}
		}
		if share.Cost != 0 {
			charges = append(charges, share)
		}
	}
	_ = s.used.Take(ctx, shares)
	s.owe(ctx, charges)
	return charged
}
