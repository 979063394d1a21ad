package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const fileSize = 300_000

// world is one round: all servers and clients, from their beginning to their
// end.
type world struct {
	figures  *figures
	ledger   *ledger
	weather  weather
	seed     uint64
	redis    [2]*redisServer
	front    *forwarder // to one of them
	upstream *upstream
	services []*service
	servers  []*server
	length   time.Duration // of the traffic
	lossMu   sync.Mutex    // guards losses
	losses   []loss        // of keys in Redis
	over     atomic.Bool
	end      chan struct{}
}

// newWorld starts the servers. What they write goes to dir.
func newWorld(f *figures, seed uint64, dir string) (*world, error) {
	w := &world{figures: f, ledger: newLedger(f), seed: seed, end: make(chan struct{})}
	fileName := filepath.Join(dir, "file.bin")
	err := os.WriteFile(fileName, pattern(fileSize), 0o600)
	for i := range w.redis {
		if err == nil {
			w.redis[i], err = startRedis(dir)
		}
	}
	if err == nil {
		w.front, err = startForwarder(w.redis[0].addr)
	}
	if err == nil {
		w.upstream, err = startUpstream(&w.weather)
	}
	for i, name := range []string{"net/http alone", "inside package listener"} {
		if err != nil {
			break
		}
		service := newService(w.ledger, setting{fileName, w.front.addr, w.upstream.addr, time.Duration(-i), i == 1})
		w.services = append(w.services, service)
		s := &server{name: name, normalize: i == 1, service: service, figures: f}
		if err = s.listen(); err == nil {
			w.servers = append(w.servers, s)
		}
	}
	if err != nil {
		w.close()
	}
	return w, err
}

// close ends what is left, in the order of who needs whom.
func (w *world) close() {
	for _, s := range w.services {
		s.close()
	}
	if w.upstream != nil {
		w.upstream.close()
	}
	if w.front != nil {
		w.front.close()
	}
	for _, r := range w.redis {
		if r != nil {
			r.kill()
		}
	}
}

// client is one of the clients, with random numbers of its own.
type client struct {
	world *world
	name  string
	rand  *rand.Rand
	sent  int
}

func (w *world) newClient(name string, n uint64) *client {
	return &client{world: w, name: name, rand: rand.New(rand.NewPCG(w.seed, n))}
}

// split returns a client for a stream of the connection of c.
func (c *client) split() *client {
	n := c.rand.Uint64()
	return c.world.newClient(fmt.Sprintf("%s.%x", c.name, n), n)
}

// request begins a request, with an id that no other has.
func (c *client) request(proto string) *request {
	c.sent++
	return &request{id: fmt.Sprintf("%s-%d", c.name, c.sent), proto: proto}
}

func (c *client) server() *server { return c.world.servers[c.rand.IntN(len(c.world.servers))] }

// think is what a client does between two requests.
func (c *client) think() { time.Sleep(time.Duration(c.rand.IntN(6)) * time.Millisecond) }

func (w *world) goesOn() bool { return !w.over.Load() }

// pause waits for so long, or until the round is over.
func (w *world) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.end:
	}
}

// note remembers what was broken when a request was sent. c is nil over
// HTTP/2.
func (w *world) note(q *request, c *conn) {
	q.weather, q.sentAt, q.lateAt = &w.weather, time.Now(), w.weather.late.Load()
	q.reused, q.idleSince = true, q.sentAt
	if c != nil {
		q.reused, q.idleSince, q.downAt = c.used, c.idle, c.down
	}
	q.maintenanceAt, q.upstreamAt = w.weather.maintenance.now(), w.weather.upstream.now()
}

// crowd is how many clients there are of each sort.
var crowd = []struct {
	name   string
	number int
	run    func(*world, *client)
}{
	{"orderly1", 6, (*world).orderly1},
	{"orderly2", 2, (*world).orderly2},
	{"old", 1, (*world).oldClient},
	{"pipeliner", 1, (*world).pipeliner},
	{"flooder", 2, (*world).flooder},
	{"deluge", 1, (*world).deluge},
	{"counter", 2, (*world).counter},
	{"patient", 2, (*world).patientClient},
	{"vanisher", 2, (*world).vanisher},
	{"half-closer", 1, (*world).halfCloser},
	{"slow-reader", 2, (*world).slowReader},
	{"staller", 3, (*world).staller},
	{"slow-writer", 2, (*world).slowWriter},
	{"half-opener", 1, (*world).halfOpener},
	{"talker", 1, (*world).talker},
	{"upgrader", 1, (*world).upgrader},
	{"tunneler", 3, (*world).tunneler},
	{"rude2", 1, (*world).rude2},
}

// live serves for so long, and returns when nothing is under way.
func (w *world) live(ctx context.Context, d time.Duration) error {
	w.length = d
	var clients, followers, breakers sync.WaitGroup
	n := uint64(0)
	start := func(group *sync.WaitGroup, name string, run func(*world, *client)) {
		n++
		c := w.newClient(fmt.Sprintf("%s.%d", name, n), n)
		group.Go(func() { run(w, c) })
	}
	for _, sort := range crowd {
		for range sort.number {
			start(&clients, sort.name, sort.run)
		}
	}
	clients.Go(w.watch)
	for range 3 { // which end when the servers do
		start(&followers, "listener", (*world).listenerTo)
	}
	var failed [2]error
	breakers.Go(func() { failed[0] = w.breakThings(w.newClient("breaker", n+1)) })
	breakers.Go(func() { failed[1] = w.restartServers(w.newClient("restarter", n+2)) })

	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	w.over.Store(true)
	close(w.end)
	breakers.Wait()
	clients.Wait()
	w.conclusion(followers.Wait)
	return errors.Join(failed[0], failed[1])
}

// conclusion checks that everything works when the traffic has ended, and ends
// the servers. The clients that follow a stream end with them.
func (w *world) conclusion(followers func()) {
	w.probe()
	w.expectExpiry()
	for _, s := range w.servers {
		s.shutdown()
	}
	followers()
	for _, s := range w.servers {
		w.expectNoConnections(s)
	}
	w.weigh()
	w.close()
	w.ledger.close()
}

// watch notes how long the process was kept from running, as far as a clock that
// should tick all the time shows it.
func (w *world) watch() {
	const step = 10 * time.Millisecond
	for w.goesOn() {
		began := time.Now()
		time.Sleep(step)
		late := time.Since(began) - step
		w.weather.late.Add(int64(late))
		w.figures.longest("pause of the process", late)
	}
}

// expectNoConnections waits until the server has let go of all connections.
func (w *world) expectNoConnections(s *server) {
	for began := time.Now(); len(s.open()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > patience {
			w.figures.violate("%s has connections left: %v", s.name, s.open())
			return
		}
	}
}
