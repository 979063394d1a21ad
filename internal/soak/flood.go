package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/respond"
)

// flooder sends requests with ever new keys.
func (w *world) flooder(c *client) {
	for w.goesOn() {
		w.flood(c)
		w.pause(20 * time.Millisecond)
	}
}

// flood pipelines hundreds of requests with new keys.
func (w *world) flood(c *client) {
	s := c.server()
	open := w.connect(s)
	if open == nil {
		return
	}
	defer open.Close()
	var all []*request
	for range 300 {
		q := c.request("HTTP/1.1, pipelined")
		q.wantJSON(c.rand, []string{"/json", "/limited/memory", "/limited/memory", "/limited/local"}[c.rand.IntN(4)])
		q.kind, q.status = "flood of keys", []int{200, 429, 503}
		q.with(keyHeader, strconv.FormatUint(c.rand.Uint64(), 36))
		q.with("X-Forwarded-For", address(c.rand))
		w.figures.add("keys", "different ones")
		all = append(all, q)
	}
	w.pipeline(s, open, all)
}

const (
	// floodedKeys is how many buckets the flooded limit in memory keeps.
	floodedKeys = 100_000
	// bytesForAKey is what a bucket in memory takes at most, and denialBytes what
	// a store in Redis takes to remember whom it has refused.
	bytesForAKey = 48
	denialBytes  = 3 << 20
	// pageBytes is what its 64 shards take besides, since memory of that size comes
	// in pages of 8 KiB, of which a long flood takes another one.
	pageBytes = 64 * 12 << 10
	// looseBytes is what else the process may let go of while a limit is weighed.
	looseBytes = 64 << 10
)

// fleetLimit is a limit whose grants are counted.
type fleetLimit struct {
	limiter atomic.Pointer[ratelimit.Limiter] // until it is weighed
}

func (f *fleetLimit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.limiter.Load().Wrap(http.HandlerFunc(serveJSON)).ServeHTTP(w, r)
}

// flood decides n keys that begin with the same letters, as a service does that
// charges each item of a batch. It responds with how many were granted.
func (f *fleetLimit) flood(w http.ResponseWriter, r *http.Request) error {
	granted := 0
	for i := range number(r, "n") {
		item := (&http.Request{Header: http.Header{keyHeader: {r.Header.Get(keyHeader) + strconv.Itoa(i)}}}).WithContext(r.Context())
		if d, _ := f.limiter.Load().Check(item); d.Allowed {
			granted++
		}
	}
	respond.JSON(w, http.StatusOK, payload{N: granted})
	return nil
}

// deluge floods a limit with keys by the hundred thousand, each of which is
// granted one request. A key that was used up before is not granted more.
func (w *world) deluge(c *client) {
	for n := 0; w.goesOn(); n++ {
		lines := w.lines(w.servers[n/2%len(w.servers):][:1])
		limit, times, keys := "flooded", 150, 1000 // more than it keeps
		if n%2 == 1 {
			limit, times, keys = "fleet", 40, 250
		}
		a := c.newAccount(limit)
		for range times {
			for w.goesOn() && !a.isRefusedBy(lines[0].server) {
				a.spend(c, lines[0])
			}
			if !w.goesOn() {
				break
			}
			w.floodOnce(c, lines[0], limit, keys)
			a.spend(c, lines[0])
		}
		w.settle(a)
		closeAll(lines)
	}
}

func (w *world) floodOnce(c *client, l *line, limit string, keys int) {
	q := c.request("HTTP/1.1")
	q.get(fmt.Sprintf("/flood/%s?n=%d", limit, keys), 200)
	q.kind = "flood of keys in a batch"
	q.checkBody = wantPayload(payload{N: keys})
	q.with(keyHeader, strconv.FormatUint(c.rand.Uint64(), 36)+".")
	q.with("X-Forwarded-For", address(c.rand))
	if res := l.do(q); res != nil && res.status == http.StatusOK {
		w.figures.addMany("keys", "different ones in batches, "+limit, keys)
	}
}

// weigh expects that the flooded limits have taken no more memory than they are
// allowed to. Nothing may run meanwhile.
func (w *world) weigh() {
	for i, s := range w.services {
		for name, bound := range map[string]int{
			"flooded": floodedKeys*bytesForAKey + pageBytes,
			"fleet":   2*ratelimit.DefaultMaxKeys*bytesForAKey + denialBytes,
		} {
			before, _ := liveHeap()
			s.fleet[name].limiter.Store(nil)
			after, _ := liveHeap()
			w.figures.bound("bytes of the limit "+name, int(before)-int(after), bound+looseBytes, w.servers[i].name)
		}
	}
}
