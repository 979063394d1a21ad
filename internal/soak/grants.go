package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// replicas is how many services share the limits in Redis.
const replicas = 2

// fleetQuota is that of the limits whose grants are counted. Its units come back
// slowly, so that a burst which should not be there shows.
var fleetQuota = ratelimit.Quota{N: 40, Per: time.Minute, Burst: 40}

// units returns how many units of fleetQuota come back in a time.
func units(d time.Duration) float64 {
	return float64(fleetQuota.N) * float64(d) / float64(fleetQuota.Per)
}

// account counts what a key is granted, by nothing but the responses that its
// clients get. It is safe for concurrent use.
type account struct {
	limit, key string
	began      time.Time

	mu       sync.Mutex
	granted  int
	refused  []*server // those that have responded 429
	lost     int       // requests without a response
	rejected int       // requests with another error
}

func (c *client) newAccount(limit string) *account {
	return &account{limit: limit, key: fmt.Sprintf("%s.%x", limit, c.rand.Uint64()), began: time.Now()}
}

// spend sends a request for the key of an account. It reports whether there was
// a response.
func (a *account) spend(c *client, l *line) bool {
	q := c.request("HTTP/1.1")
	q.wantJSON(c.rand, "/limited/"+a.limit)
	q.kind, q.status = "counted, "+a.limit, []int{200, 429}
	if a.limit == "fleet-closed" {
		q.status = append(q.status, 503)
	}
	q.with(keyHeader, a.key)
	q.with("X-Forwarded-For", address(c.rand))
	res := l.do(q)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case res == nil || res.cut():
		a.lost++
		return res != nil
	case res.status == http.StatusOK:
		a.granted++
	case res.status != http.StatusTooManyRequests:
		a.rejected++
	case !slices.Contains(a.refused, l.server):
		a.refused = append(a.refused, l.server)
	}
	return true
}

// isRefusedBy reports whether a server has refused the key.
func (a *account) isRefusedBy(s *server) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.refused, s)
}

// settle expects no more grants than quota and share permit, in so many lives of
// the key in Redis. In each it begins with a full bucket.
func (w *world) settle(a *account) {
	now := time.Now()
	lives, life := w.lives(a.began, now), float64(fleetQuota.Burst)+units(now.Sub(a.began))
	row, bound := fmt.Sprintf("%s, keys with %d lives in Redis", a.limit, lives), float64(lives)*life
	switch a.limit {
	case "flooded":
		row, bound = "flooded, keys in memory", life
	case "fleet": // the shares of all replicas
		bound += life
	}
	w.figures.bound(row, a.granted, int(bound), a.key)
}

// counter uses one key after the other up, through both servers, whatever breaks
// meanwhile.
func (w *world) counter(c *client) {
	lines := w.lines(w.servers)
	defer closeAll(lines)
	for w.goesOn() {
		a := c.newAccount([]string{"fleet", "fleet", "fleet-closed"}[c.rand.IntN(3)])
		for until := time.Now().Add(time.Second + c.upTo(5000)); time.Now().Before(until) && w.goesOn(); c.think() {
			if !a.spend(c, lines[c.rand.IntN(len(lines))]) {
				return
			}
		}
		w.settle(a)
	}
}

// loss is a time in which Redis lost its keys, or other keys took their place.
type loss struct{ began, ended time.Time }

// lose notes that the lives of all keys end, until the function that it returns
// is called.
func (w *world) lose() (over func()) {
	w.lossMu.Lock()
	defer w.lossMu.Unlock()
	n := len(w.losses)
	w.losses = append(w.losses, loss{began: time.Now()})
	return func() {
		w.lossMu.Lock()
		defer w.lossMu.Unlock()
		w.losses[n].ended = time.Now()
	}
}

// lives returns how many lives a key may have had in Redis in a time.
func (w *world) lives(from, to time.Time) int {
	w.lossMu.Lock()
	defer w.lossMu.Unlock()
	n := 1
	for _, l := range w.losses {
		if l.began.Before(to) && (l.ended.IsZero() || l.ended.After(from)) {
			n++
		}
	}
	return n
}
