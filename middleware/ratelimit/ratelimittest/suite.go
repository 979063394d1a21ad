// Package ratelimittest tests implementations of ratelimit.Store.
//
// Start with [Run], in a test of the implementation. It checks a store against the
// documentation of the interface and against exact arithmetic.
//
// It does not test what a store does when its server fails. The limiter handles
// that, as long as Take returns an error in time.
package ratelimittest

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// Run tests the stores that open returns, each of which must be empty. The store must
// read the Go clock and not wait for a network; use [Suite] for other stores.
func Run(t *testing.T, open func(t *testing.T) ratelimit.Store) {
	Suite{Open: open}.Run(t)
}

// Suite is [Run] with settings. Open is required.
type Suite struct {
	// Open returns an empty store, one for each test.
	Open func(t *testing.T) ratelimit.Store

	// Advance moves the clock of all open stores, which must stand still
	// otherwise. Nil means that they read the Go clock: then every test runs in
	// a bubble of testing/synctest.
	Advance func(time.Duration)

	// Grain is a tick of the store's clock. 0 means a nanosecond.
	Grain time.Duration
}

// Run runs the tests, as subtests of t.
func (s Suite) Run(t *testing.T) {
	if s.Grain == 0 {
		s.Grain = time.Nanosecond
	}
	for _, c := range []struct {
		name string
		test func(*trial)
	}{
		{"BucketIsFullAtFirst", bucketIsFullAtFirst},
		{"NoBucketsAreNoError", noBucketsAreNoError},
		{"RefusalCostsNothing", refusalCostsNothing},
		{"UnitsComeBackEvenly", unitsComeBackEvenly},
		{"AllOrNone", allOrNone},
		{"ShadowAffectsNoOthers", shadowAffectsNoOthers},
		{"ForceOwes", forceOwes},
		{"RefundEndsAtFull", refundEndsAtFull},
		{"ReadingTakesNothing", readingTakesNothing},
		{"BucketsAreSeparate", bucketsAreSeparate},
		{"KeysHoldAnyBytes", keysHoldAnyBytes},
		{"ManyAtOnceGetNoMore", manyAtOnceGetNoMore},
		{"AgreesWithExactArithmetic", agreesWithExactArithmetic},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s.Advance != nil {
				c.test(&trial{t, s.Open(t), s.Advance, s.Grain})
				return
			}
			synctest.Test(t, func(t *testing.T) {
				c.test(&trial{t, s.Open(t), time.Sleep, s.Grain})
			})
		})
	}
}

// trial is one test of one store.
type trial struct {
	*testing.T
	store   ratelimit.Store
	advance func(time.Duration)
	grain   time.Duration
}

func (t *trial) take(buckets ...ratelimit.Bucket) []ratelimit.Bucket {
	t.Helper()
	if err := t.store.Take(t.Context(), buckets); err != nil {
		t.Fatalf("Take: %v", err)
	}
	return buckets
}

// check takes one bucket and checks the result.
func (t *trial) check(b ratelimit.Bucket, short bool, debt time.Duration) {
	t.Helper()
	got := t.take(b)[0]
	if got.Short != short {
		t.Fatalf("%d of %q, %+v: short is %t, want %t", b.Cost, b.Key, b.Quota, got.Short, short)
	}
	if (got.Debt - debt).Abs() > t.grain {
		t.Fatalf("%d of %q, %+v: debt is %v, want %v", b.Cost, b.Key, b.Quota, got.Debt, debt)
	}
}

// of returns a bucket of 10 units, one of which comes back each second.
func of(key string, cost int) ratelimit.Bucket {
	return ratelimit.Bucket{Policy: "policy", Key: key, Quota: ratelimit.Quota{N: 1, Per: time.Second, Burst: 10}, Cost: cost}
}

func bucketIsFullAtFirst(t *trial) {
	for i := range 10 {
		t.check(of("k", 1), false, time.Duration(i+1)*time.Second)
	}
	t.check(of("k", 1), true, 10*time.Second)
	t.check(of("all at once", 10), false, 10*time.Second)
	t.check(of("more than it holds", 11), true, 0)
}

func noBucketsAreNoError(t *trial) { t.take() }

func refusalCostsNothing(t *trial) {
	t.check(of("k", 10), false, 10*time.Second)
	for range 1000 {
		t.check(of("k", 3), true, 10*time.Second)
	}
	t.advance(3 * time.Second)
	t.check(of("k", 3), false, 10*time.Second)
}

func unitsComeBackEvenly(t *trial) {
	for _, q := range []ratelimit.Quota{
		{N: 1, Per: 3 * time.Second, Burst: 1},
		{N: 7, Per: time.Minute, Burst: 7},
		{N: 1000, Per: time.Second, Burst: 3},
		{N: 1, Per: 24 * time.Hour, Burst: 2},
	} {
		b := ratelimit.Bucket{Policy: "policy", Key: "k", Quota: q, Cost: q.Burst}
		t.take(b)
		b.Cost = 1
		unit := (q.Per + time.Duration(q.N) - 1) / time.Duration(q.N) // rounded up
		for range 3 {
			t.advance(unit - 100*time.Microsecond)
			if !t.take(b)[0].Short {
				t.Fatalf("%+v: a unit came back 100µs too early", q)
			}
			t.advance(100 * time.Microsecond)
			if t.take(b)[0].Short {
				t.Fatalf("%+v: no unit came back in %v", q, unit)
			}
		}
		t.advance(time.Duration(q.Burst+5) * unit)
		b.Cost = q.Burst
		if t.take(b)[0].Short {
			t.Fatalf("%+v: the bucket is not full again", q)
		}
		b.Cost = 1
		if !t.take(b)[0].Short {
			t.Fatalf("%+v: the bucket holds more than its capacity", q)
		}
	}
}

func allOrNone(t *trial) {
	t.check(of("empty", 10), false, 10*time.Second)
	first, last := of("first", 1), of("last", 1)
	last.Policy = "another policy"
	got := t.take(first, of("empty", 1), last)
	for i, short := range []bool{false, true, false} {
		if got[i].Short != short {
			t.Errorf("bucket %d: short is %t, want %t", i, got[i].Short, short)
		}
	}
	t.check(of("first", 0), false, 0)
	last.Cost = 0
	t.check(last, false, 0)
	got = t.take(of("first", 2), of("other", 3))
	for i, debt := range []time.Duration{2 * time.Second, 3 * time.Second} {
		if got[i].Short || (got[i].Debt-debt).Abs() > t.grain {
			t.Errorf("bucket %d: %+v, want a debt of %v", i, got[i], debt)
		}
	}
}

func shadowAffectsNoOthers(t *trial) {
	shadow := func(cost int) ratelimit.Bucket {
		b := of("shadow", cost)
		b.Mode = ratelimit.Shadow
		return b
	}
	got := t.take(shadow(9), of("real", 1))
	if got[0].Short || got[1].Short || (got[0].Debt-9*time.Second).Abs() > t.grain {
		t.Errorf("a shadow that has enough: %+v", got)
	}
	got = t.take(shadow(2), of("real", 1))
	if !got[0].Short || got[1].Short {
		t.Errorf("a shadow that is short: short is %t, %t, want true, false", got[0].Short, got[1].Short)
	}
	t.check(of("shadow", 0), false, 9*time.Second)
	t.check(of("real", 0), false, 2*time.Second)
	t.check(of("real", 8), false, 10*time.Second)
	t.take(shadow(1), of("real", 1))
	t.check(of("shadow", 0), false, 9*time.Second) // refused by the other one
}

func forceOwes(t *trial) {
	force := func(cost int) ratelimit.Bucket {
		b := of("k", cost)
		b.Mode = ratelimit.Force
		return b
	}
	t.check(force(3), false, 3*time.Second)
	t.check(force(12), false, 15*time.Second)
	t.check(of("k", 1), true, 15*time.Second)
	t.check(force(1<<30), false, 20*time.Second)
	t.check(force(1), false, 20*time.Second)
	t.advance(11 * time.Second)
	t.check(of("k", 1), false, 10*time.Second)

	t.check(of("empty", 10), false, 10*time.Second)
	t.take(force(5), of("empty", 1))
	t.check(of("k", 0), false, 10*time.Second) // refused by the other one
}

func refundEndsAtFull(t *trial) {
	t.check(of("k", 5), false, 5*time.Second)
	t.check(of("k", -2), false, 3*time.Second)
	t.check(of("k", -100), false, 0)
	t.check(of("k", 11), true, 0)
	t.check(of("k", 10), false, 10*time.Second)
	t.check(of("never seen", -5), false, 0)
	t.check(of("never seen", 10), false, 10*time.Second)
	owing := of("owing", 15)
	owing.Mode = ratelimit.Force
	t.check(owing, false, 15*time.Second)
	owing.Cost = -2
	t.check(owing, false, 13*time.Second) // still below zero
	got := t.take(of("k", 1), of("never seen", -5))
	if !got[0].Short || got[1].Short {
		t.Errorf("a refund beside a refusal: short is %t, %t, want true, false", got[0].Short, got[1].Short)
	}
	t.check(of("never seen", 0), false, 10*time.Second) // none of all
}

func readingTakesNothing(t *trial) {
	for range 20 {
		t.check(of("k", 0), false, 0)
	}
	t.check(of("k", 10), false, 10*time.Second)
	t.check(of("k", 0), false, 10*time.Second)
}

func bucketsAreSeparate(t *trial) {
	t.check(of("k", 10), false, 10*time.Second)
	b := of("k", 10)
	b.Policy = "another"
	t.check(b, false, 10*time.Second)
	b = of("k", 10)
	b.Quota.Per = 2 * time.Second
	t.check(b, false, 20*time.Second)
	b = of("k", 10)
	b.Quota.N = 2
	t.check(b, false, 5*time.Second)
	b = of("k", 10)
	b.Quota.Burst = 20
	t.check(b, false, 10*time.Second)
	t.check(of("k", 0), false, 10*time.Second)

	b = ratelimit.Bucket{Policy: "p", Key: "k", Quota: ratelimit.PerMinute(60), Cost: 1}
	t.check(b, false, time.Second)
	b.Quota.Burst = 60
	t.check(b, false, 2*time.Second) // the burst is N if it is not spelled out
}

func keysHoldAnyBytes(t *trial) {
	keys := []string{"", " ", "\x00", "\x00\x00", "a:b", "a|b", "{a}", "{}", "%", "\r\n", "\xff\xfe", "ключ", "*", "2001:db8::/64", strings.Repeat("x", 127) + "1", strings.Repeat("x", 127) + "2"}
	for _, policy := range []string{"p", "p:a", `"`, "p{a}"} {
		for _, k := range keys {
			b := of(k, 10)
			b.Policy = policy
			t.check(b, false, 10*time.Second)
		}
	}
	b := of("b", 0) // not the key "a:b" of the policy "p"
	b.Policy = "p:a"
	t.check(b, false, 0)
}

func manyAtOnceGetNoMore(t *trial) {
	var granted atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 5 {
				buckets := []ratelimit.Bucket{of("k", 1), of("own "+strconv.Itoa(i), 1)}
				if i%3 == 0 { // the order of buckets does not matter
					buckets[0], buckets[1] = buckets[1], buckets[0]
				}
				if err := t.store.Take(t.Context(), buckets); err != nil {
					t.Errorf("Take: %v", err)
				}
				if !buckets[0].Short && !buckets[1].Short {
					granted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if granted.Load() != 10 {
		t.Errorf("%d of 10 units were granted", granted.Load())
	}
}

// The oracle keeps the debt of a bucket as a fraction of nanoseconds. Only
// where a bucket lacks less than a tick may the store decide as it likes: a
// tick of its clock, or what float64 cannot represent of a bucket that takes a year
// to fill.
func agreesWithExactArithmetic(t *trial) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		q := quota(rnd)
		b := ratelimit.Bucket{Policy: "policy " + strconv.Itoa(n), Key: "k", Quota: q}
		exact := newExactBucket(t, q)
		for range 250 {
			b.Cost = 1 + rnd.IntN(max(1, q.Burst/3))
			if rnd.IntN(10) == 0 {
				b.Cost = -rnd.IntN(q.Burst + 1)
			}
			refused := exact.take(b)
			if rnd.IntN(3) == 0 {
				d, _ := span(q, min(q.Burst, 5)).Float64()
				exact.pass(time.Duration(rnd.Float64() * d))
			}
			if refused {
				exact.takeInTime(b)
			}
		}
	}
}

// exactBucket is the bucket of a store, and its debt in exact arithmetic.
type exactBucket struct {
	*trial
	quota ratelimit.Quota
	fill  *big.Rat // nanoseconds in which an empty bucket fills
	debt  *big.Rat // nanoseconds until it is full
	tick  time.Duration
}

func newExactBucket(t *trial, q ratelimit.Quota) *exactBucket {
	fill := span(q, q.Burst)
	ns, _ := fill.Float64()
	return &exactBucket{t, q, fill, new(big.Rat), max(t.grain, time.Duration(ns)>>50+1)}
}

// pass lets a time pass.
func (e *exactBucket) pass(d time.Duration) {
	e.advance(d)
	e.owe(new(big.Rat).Neg(nanoseconds(d)))
}

// owe adds to the debt.
func (e *exactBucket) owe(ns *big.Rat) {
	if e.debt.Add(e.debt, ns).Sign() < 0 {
		e.debt.SetInt64(0)
	}
}

// wait returns the nanoseconds until the bucket has the units.
func (e *exactBucket) wait(units int) *big.Rat {
	wait := new(big.Rat).Add(e.debt, span(e.quota, units))
	return wait.Sub(wait, e.fill)
}

// take takes the cost of b, and reports whether the store refused it.
func (e *exactBucket) take(b ratelimit.Bucket) (refused bool) {
	got, lack := e.trial.take(b)[0], e.wait(b.Cost)
	if short := b.Cost > 0 && lack.Sign() > 0; short != got.Short && lack.Cmp(nanoseconds(e.tick)) > 0 || got.Short && !short {
		e.Fatalf("%+v lacks %s ns for %d: short is %t", e.quota, lack.FloatString(3), b.Cost, got.Short)
	}
	if !got.Short {
		e.owe(span(e.quota, b.Cost))
	}
	debt, _ := e.debt.Float64()
	if off := debt - float64(got.Debt); off > 0.6+2*float64(e.tick) || -off > 0.6+2*float64(e.tick) {
		e.Fatalf("%+v: debt is %v, want %s ns", e.quota, got.Debt, e.debt.FloatString(3))
	}
	return got.Short
}

// takeInTime takes the cost of b after exactly the time that follows from the debt.
func (e *exactBucket) takeInTime(b ratelimit.Bucket) {
	if ns, _ := e.wait(b.Cost).Float64(); ns > 0 {
		e.pass(time.Duration(ns) + e.tick)
	}
	if e.trial.take(b)[0].Short {
		e.Fatalf("%+v: %d units are not there in time", e.quota, b.Cost)
	}
	e.owe(span(e.quota, b.Cost))
}

// quota returns any quota that a developer may write, with its Burst.
func quota(rnd *rand.Rand) ratelimit.Quota {
	pers := []time.Duration{time.Second, 7 * time.Second, time.Minute, time.Hour, 24 * time.Hour}
	q := ratelimit.Quota{N: 1 + rnd.IntN(1<<rnd.IntN(12)), Per: pers[rnd.IntN(len(pers))]}
	q.Burst = q.N
	if rnd.IntN(2) == 0 {
		q.Burst = 1 + rnd.IntN(1<<rnd.IntN(12))
	}
	return q
}

// span returns the nanoseconds in which n units come back.
func span(q ratelimit.Quota, n int) *big.Rat {
	return new(big.Rat).Mul(big.NewRat(int64(n), int64(q.N)), nanoseconds(q.Per))
}

func nanoseconds(d time.Duration) *big.Rat { return new(big.Rat).SetInt64(int64(d)) }
