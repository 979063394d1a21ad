package ratelimit

import "time"

// due is a bucket and a time, since the store's start, before which it is not
// full.
type due struct {
	at   time.Duration
	hash uint64 // of the bucket
}

// dueHeap is a binary heap with the earliest time at index 0. (The one of
// container/heap would allocate for each entry.)
type dueHeap []due

func (h *dueHeap) push(d due) {
	*h = append(*h, d)
	h.up(len(*h) - 1)
}

func (h *dueHeap) remove(i int) {
	last := len(*h) - 1
	(*h)[i] = (*h)[last]
	*h = (*h)[:last]
	if i < last {
		h.down(i)
		h.up(i)
	}
}

// index is the place of an entry that is there.
func (h dueHeap) index(d due) int {
	i := 0
	for h[i] != d {
		i++
	}
	return i
}

func (h dueHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= h[i].at {
			return
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
}

func (h dueHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].at < h[child].at {
			child++
		}
		if h[i].at <= h[child].at {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
