package main

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// fault is something that breaks, and works again when run returns.
type fault struct {
	name string
	run  func(*world, *client) error
}

var faults = []fault{
	{"Redis killed", (*world).killRedis},
	{"Redis stopped", (*world).stopRedis},
	{"Redis re-pointed, old connections cut", func(w *world, c *client) error { return w.repoint(c, (*forwarder).end) }},
	{"Redis re-pointed, old connections silent", func(w *world, c *client) error { return w.repoint(c, (*forwarder).silence) }},
	{"Redis read-only", (*world).demote},
	{"Redis full", (*world).fill},
	{"upstream server cut off", func(w *world, c *client) error { return w.upstream.restart(c.upTo(300)) }},
	{"maintenance", (*world).maintain},
}

// upTo returns a time of at most so many milliseconds.
func (c *client) upTo(ms int) time.Duration { return time.Duration(c.rand.IntN(ms)) * time.Millisecond }

// breakThings breaks one thing after the other, each as often as the others.
func (w *world) breakThings(c *client) error {
	between := int(min(3*time.Second, w.length/time.Duration(len(faults))) / time.Millisecond)
	for w.goesOn() {
		for _, i := range c.rand.Perm(len(faults)) {
			w.pause(100*time.Millisecond + c.upTo(between))
			if !w.goesOn() {
				break
			}
			if err := faults[i].run(w, c); err != nil {
				return err
			}
			w.figures.add("faults", faults[i].name)
		}
	}
	return nil
}

// killRedis kills the server as a crash would, and starts it again without its
// keys.
func (w *world) killRedis(c *client) error {
	over := w.lose()
	return w.countOutage(c, "killed", func() error {
		w.redis[0].kill()
		return nil
	}, func() error {
		defer over()
		return w.redis[0].start()
	})
}

// stopRedis stops the process for a while: its connections stay open and nothing
// comes back.
func (w *world) stopRedis(c *client) error {
	return w.countOutage(c, "stopped", w.redis[0].stop, w.redis[0].goOn)
}

// repoint sends the clients of Redis to the other one, and back. It calls old for
// each connection that there is.
func (w *world) repoint(c *client, old func(*forwarder, *flow)) error {
	defer w.lose()()
	w.front.point(w.redis[1].addr, old)
	w.pause(200*time.Millisecond + c.upTo(800))
	w.front.point(w.redis[0].addr, old)
	return nil
}

// demote makes Redis the replica of the other one for a while, with the keys of
// that.
func (w *world) demote(c *client) error {
	defer w.lose()()
	return w.redis[0].do(func(ctx context.Context, r *redis.Client) error {
		err := r.ReplicaOf(ctx, w.redis[1].host(), w.redis[1].port()).Err()
		w.pause(100*time.Millisecond + c.upTo(600))
		return errors.Join(err, r.ReplicaOf(ctx, "NO", "ONE").Err())
	})
}

// fill leaves Redis without memory for a while.
func (w *world) fill(c *client) error {
	return w.redis[0].do(func(ctx context.Context, r *redis.Client) error {
		err := r.ConfigSet(ctx, "maxmemory", "1").Err()
		w.pause(100*time.Millisecond + c.upTo(400))
		return errors.Join(err, r.ConfigSet(ctx, "maxmemory", "0").Err())
	})
}

func (w *world) maintain(c *client) error {
	w.weather.maintenance.begin()
	for _, s := range w.services {
		s.maintenance.Start(time.Now().Add(time.Minute))
	}
	w.pause(c.upTo(300))
	for _, s := range w.services {
		s.maintenance.Stop()
	}
	w.weather.maintenance.end()
	return nil
}

// restartServers shuts one server down after the other, gracefully.
func (w *world) restartServers(c *client) error {
	for i := 0; w.goesOn(); i++ {
		w.pause(500*time.Millisecond + c.upTo(3000))
		if !w.goesOn() {
			break
		}
		if err := w.servers[i%len(w.servers)].restart(c.upTo(100)); err != nil {
			return err
		}
		w.figures.add("faults", "graceful shutdown and restart")
	}
	return nil
}
