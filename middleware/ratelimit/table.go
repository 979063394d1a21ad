package ratelimit

import "math/bits"

// cell is the state of one bucket: what it held at a time. It has no pointer,
// so the garbage collector never looks at a table of cells.
type cell struct {
	hash  uint64  // of the identity of the bucket; 0 in a free cell
	units float64 // that it held at the time last; what is below zero it owes
	last  int64   // nanoseconds since the start of the Memory
	debt  float64 // nanoseconds from then until the bucket is full
}

func (c *cell) free() bool { return c.hash == 0 }

// set notes what a bucket holds. A time that is older than the cell leaves it
// in its time.
func (c *cell) set(units, debt float64, now int64) {
	c.units, c.debt = units, debt
	if now > c.last {
		c.last = now
	}
}

// full is the time when the bucket is certainly full again, with what float64
// may have lost of a long debt. A bucket that is forgotten later than that was
// full to the last bit.
func (c *cell) full() int64 {
	if c.debt > 1<<61 {
		return 1 << 62
	}
	return c.last + int64(c.debt+c.debt*0x1p-49+0.99)
}

// table finds the cells of a shard by their hashes. It is a hash table with
// linear probing whose cells are in the descending order of their hashes: a
// search ends at the first hash that is not larger, which that of a free cell
// never is, and a table of another size is filled in one pass from the left. Next to a map it saves a cache miss of each decision
// and more than half of the memory.
//
// The zero table is not valid; use newTable.
type table struct {
	cells []cell // more than homes, so that the last places have neighbors too
	homes int    // the number of places where the search for a hash can start
	used  int
	most  int // how many cells may be used before it makes room
}

// The table is at most loadMost full, and loadLeast after it has made room.
const (
	loadMost, loadLeast = 0.8, 0.7
	minHomes            = 16
)

func newTable(keys int) table {
	homes := max(minHomes, int(float64(keys)/loadLeast))
	return table{cells: make([]cell, homes+minHomes), homes: homes, most: int(float64(homes) * loadMost)}
}

// home is where the search for a hash starts. The larger the hash, the further
// to the left.
func (t *table) home(hash uint64) int {
	hi, _ := bits.Mul64(^hash, uint64(t.homes))
	return int(hi)
}

// find returns the place of a hash, or the place where to insert it.
func (t *table) find(hash uint64) (at int, found bool) {
	for at = t.home(hash); at < len(t.cells); at++ {
		if h := t.cells[at].hash; h <= hash {
			return at, h == hash
		}
	}
	return at, false
}

// reuse puts a cell in place of the one at the place that find returned for it,
// if the bucket of that is full again: nobody misses it, and both belong between
// the same neighbors.
func (t *table) reuse(at int, c cell) bool {
	if at == len(t.cells) || t.cells[at].free() || t.cells[at].full() > c.last {
		return false
	}
	t.cells[at] = c
	return true
}

// insert adds a cell at the place that find returned for it.
func (t *table) insert(at int, c cell) {
	free := at
	for free < len(t.cells) && !t.cells[free].free() {
		free++
	}
	if free == len(t.cells) { // hardly ever: the last places are crowded
		t.widen()
	}
	copy(t.cells[at+1:free+1], t.cells[at:free])
	t.cells[at] = c
	t.used++
}

// widen adds a few places at the end. append would add a third of the table,
// and a flood that lasts crowds the last places of each table once.
func (t *table) widen() {
	cells := make([]cell, len(t.cells)+minHomes)
	copy(cells, t.cells)
	t.cells = cells
}

// remove frees the cell at a place. Those that were pushed past it move up, so
// that no search ends there too early.
func (t *table) remove(at int) {
	end := at + 1
	for end < len(t.cells) && !t.cells[end].free() && t.home(t.cells[end].hash) < end {
		end++
	}
	copy(t.cells[at:], t.cells[at+1:end])
	t.cells[end-1] = cell{}
	t.used--
}

// resized returns a table for so many keys with the same cells.
func (t *table) resized(keys int) table {
	next := newTable(keys)
	at := 0
	for i := range t.cells {
		c := &t.cells[i]
		if c.free() {
			continue
		}
		at = max(at, next.home(c.hash))
		if at == len(next.cells) {
			next.widen()
		}
		next.cells[at] = *c
		at++
	}
	next.used = t.used
	return next
}

// sweep removes the cells that are full at the time now, as a free one is.
func (t *table) sweep(now int64) {
	at := 0
	t.used = 0
	for i := range t.cells {
		c := t.cells[i]
		t.cells[i] = cell{}
		if c.full() <= now {
			continue
		}
		at = max(at, t.home(c.hash)) // never to the right of i
		t.cells[at] = c
		at++
		t.used++
	}
}
