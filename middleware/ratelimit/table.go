package ratelimit

import "golang.org/x/time/rate"

// table finds the limiters of a shard by the hashes of their buckets. It is a
// hash table with open addressing and linear probing, at most three quarters
// full. Next to a map it saves a cache miss of each decision. The zero table
// is not valid: slots has to have a length that is a power of two.
type table struct {
	slots []slot
	used  int
}

type slot struct {
	hash uint64
	lim  *rate.Limiter // nil if the slot is free
}

// home is where the search for a hash starts. Its lowest bits chose the shard.
func (t *table) home(hash uint64) int { return int(hash/maxShards) & (len(t.slots) - 1) }

// find returns the limiter of a bucket, or nil.
func (t *table) find(hash uint64) *rate.Limiter {
	for i := t.home(hash); ; i = (i + 1) & (len(t.slots) - 1) {
		if s := &t.slots[i]; s.hash == hash || s.lim == nil {
			return s.lim
		}
	}
}

// insert adds a limiter that is not there.
func (t *table) insert(s slot) {
	if t.used >= len(t.slots)/4*3 {
		old := t.slots
		t.slots = make([]slot, 2*len(old))
		for _, s := range old {
			if s.lim != nil {
				t.place(s)
			}
		}
	}
	t.place(s)
	t.used++
}

func (t *table) place(s slot) {
	i := t.home(s.hash)
	for t.slots[i].lim != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = s
}

// remove drops a limiter that is there.
func (t *table) remove(hash uint64) {
	mask := len(t.slots) - 1
	i := t.home(hash)
	for t.slots[i].hash != hash || t.slots[i].lim == nil {
		i = (i + 1) & mask
	}
	t.used--
	// Whoever was pushed past the place moves up, so that no search ends
	// there too early.
	for j := (i + 1) & mask; t.slots[j].lim != nil; j = (j + 1) & mask {
		if (j-t.home(t.slots[j].hash))&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot{}
}
