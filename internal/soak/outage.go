package main

import (
	"fmt"
	"sync"
	"time"
)

const (
	// retryAfter is when each limiter has tried again after an outage: it does so
	// once a second.
	retryAfter = 1200 * time.Millisecond
	// longestOutage ends an outage in which a busy machine has not used a share
	// up, and what is counted after it.
	longestOutage = 8 * time.Second
)

// trial is a key that is used for the first time in an outage of Redis, when no
// request can reach it.
type trial struct {
	*account
	name     string
	servers  []*server
	inOutage int           // what was granted then
	lasted   time.Duration // the outage, for the key
}

// newTrials returns one for each way to decide without Redis, and for one and
// for all replicas.
func (w *world) newTrials(c *client) []*trial {
	one := []*server{c.server()}
	return []*trial{
		{account: c.newAccount("fleet"), name: "one replica", servers: one},
		{account: c.newAccount("fleet"), name: "all replicas", servers: w.servers},
		{account: c.newAccount("fleet-closed"), name: "all replicas, FailClosed", servers: w.servers},
		{account: c.newAccount("fleet-open"), name: "all replicas, FailOpen", servers: w.servers},
	}
}

// countOutage counts what is granted in an outage and after it. begin returns
// when Redis decides nothing any more, and end makes it decide again, with the
// keys that it had or without any.
func (w *world) countOutage(c *client, name string, begin, end func() error) error {
	if err := begin(); err != nil {
		return err
	}
	trials := w.newTrials(c)
	began := time.Now()
	w.tryAll(c, trials, func(c *client, t *trial, l *line) {
		for n := 0; w.goesOn() && time.Since(began) < longestOutage && !t.isEnough(l.server, n); n++ {
			t.spend(c, l)
		}
	})
	for _, t := range trials {
		t.inOutage, t.lasted = t.granted, time.Since(t.began)
		w.judgeOutage(name, t)
	}
	if err := end(); err != nil {
		return err
	}
	ended := time.Now()
	w.tryAll(c, trials, func(c *client, t *trial, l *line) {
		for n := 0; w.goesOn() && time.Since(ended) < longestOutage && n < fleetQuota.Burst; {
			t.spend(c, l)
			if time.Since(ended) > retryAfter {
				n++
			}
		}
	})
	for _, t := range trials {
		w.judgeReturn(name, t)
	}
	return nil
}

// isEnough reports whether a server has shown in n requests what it grants in an
// outage.
func (t *trial) isEnough(s *server, n int) bool {
	if t.limit == "fleet" {
		return t.isRefusedBy(s)
	}
	return n == 10
}

// tryAll calls f for each trial and each of its servers, all at once.
func (w *world) tryAll(c *client, trials []*trial, f func(*client, *trial, *line)) {
	var all sync.WaitGroup
	for _, t := range trials {
		for _, l := range w.lines(t.servers) {
			c := c.split()
			all.Go(func() {
				defer l.close()
				f(c, t, l)
			})
		}
	}
	all.Wait()
}

// judgeOutage expects that each replica has granted its share, no more and no
// less.
func (w *world) judgeOutage(outage string, t *trial) {
	row := fmt.Sprintf("Redis %s, in the outage, %s", outage, t.name)
	share := fleetQuota.Burst / replicas * len(t.servers)
	switch t.limit {
	case "fleet":
		bound := float64(share) + units(t.lasted)*float64(len(t.servers))/replicas
		w.figures.bound(row, t.granted, int(bound), t.key)
		if t.granted < share && t.isUsedUp() && t.lost+t.rejected == 0 {
			w.figures.violate("%s: the key %s was granted %d, and the share is %d", row, t.key, t.granted, share)
		}
	case "fleet-closed":
		w.figures.bound(row, t.granted, 0, t.key)
	case "fleet-open":
		w.figures.bound(row+", refused", len(t.refused), 0, t.key)
	}
}

// isUsedUp reports whether each replica has granted its share.
func (t *trial) isUsedUp() bool { return len(t.refused) == len(t.servers) }

// judgeReturn expects that what was granted in the outage is charged when Redis
// is back. Of several replicas the first may take what Redis has before the
// others charge theirs.
func (w *world) judgeReturn(outage string, t *trial) {
	row := fmt.Sprintf("Redis %s, in the outage and after it, %s", outage, t.name)
	back, n := units(time.Since(t.began)), float64(len(t.servers))
	bound := float64(fleetQuota.Burst) + back
	switch {
	case t.limit == "fleet-open":
		return // it charges nothing
	case t.limit == "fleet" && !t.isUsedUp():
		w.settle(t.account)
		return
	case t.limit == "fleet":
		bound += back*n/replicas + (n-1)*float64(fleetQuota.Burst)/replicas
	}
	w.figures.bound(row, t.granted, int(bound), t.key)
}
