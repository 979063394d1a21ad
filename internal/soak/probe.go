package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// patientClient uses its limit up, waits for as long as Retry-After says, and is
// served then.
func (w *world) patientClient(c *client) {
	lines := w.lines([]*server{c.server()})
	defer closeAll(lines)
	served := false // is what the next response has to be
	for w.goesOn() {
		q := c.request("HTTP/1.1")
		q.wantJSON(c.rand, "/limited/memory")
		q.kind = "waits as Retry-After says"
		q.with(keyHeader, c.name)
		if !served {
			q.status = []int{200, 429}
		}
		res := lines[0].do(q)
		if res == nil {
			return
		}
		wait := time.Duration(0)
		if res.status == http.StatusTooManyRequests {
			seconds, _ := strconv.Atoi(res.header.Get("Retry-After"))
			wait = time.Duration(seconds) * time.Second
		}
		served = wait > 0
		w.pause(wait)
	}
}

// probe checks that everything works again when no client sends anything.
func (w *world) probe() {
	for i, s := range w.servers {
		c := w.newClient(fmt.Sprintf("probe.%d", i), uint64(1000+i))
		for _, limit := range []string{"local", "open", "closed", "cost", "login", "fleet", "fleet-closed", "fleet-open"} {
			w.probeLimit(c, s, w.services[i], limit)
		}
		w.probeSlots(c, s)
	}
}

// probeLimit expects Redis to decide again within a few seconds.
func (w *world) probeLimit(c *client, s *server, service *service, limit string) {
	for began := time.Now(); ; {
		if res := w.get(c, s, "/limited/"+limit, 200, 401, 429, 500, 503); res.cut() {
			return
		}
		if service.isShared(limit) {
			return
		}
		if time.Since(began) > patience {
			w.figures.violate("%s: the limit %q is without Redis, which is back", s.name, limit)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// probeSlots expects that the only request in flight is the probe.
func (w *world) probeSlots(c *client, s *server) {
	want := fmt.Sprintf(`"in-flight";r=%d`, slots-1)
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) { // handlers of clients that left may still run
		res := w.get(c, s, "/inflight?ms=0", 200)
		got := strings.Join(res.header.Values("RateLimit"), ",")
		if strings.Contains(got, want) {
			return
		}
		if time.Since(began) > patience {
			w.figures.violate("%s: a slot is left: RateLimit is %s, want %s", s.name, got, want)
			return
		}
	}
}

// get sends one request on a connection of its own.
func (w *world) get(c *client, s *server, path string, status ...int) *response {
	open := w.connect(s)
	if open == nil {
		return &response{err: fmt.Errorf("%s does not listen", s.name)}
	}
	defer open.Close()
	q := c.request("HTTP/1.1")
	q.get(path, status...)
	q.kind, q.close = "probe", true
	q.with(keyHeader, "probe"+strconv.Itoa(c.sent))
	res := new(response)
	w.exchangeInto(s, open, q, res)
	return res
}

// expectExpiry expects each key in Redis to have an end, and then to be gone.
func (w *world) expectExpiry() {
	for i, r := range w.redis {
		err := r.do(func(ctx context.Context, client *redis.Client) error {
			if err := w.expectEnds(ctx, client); err != nil {
				return err
			}
			for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
				n, err := client.DBSize(ctx).Result()
				if n == 0 || err != nil {
					return err
				}
				if time.Since(began) > patience {
					w.figures.violate("Redis %d keeps %d keys", i+1, n)
					return nil
				}
			}
		})
		if err != nil {
			w.figures.violate("Redis %d: %v", i+1, err)
		}
	}
}

// expectEnds looks at the time that each key has left. After ratelimit.Spend, or
// an outage, it may be twice that of the quota. It deletes those that would take
// long.
func (w *world) expectEnds(ctx context.Context, client *redis.Client) error {
	for cursor := uint64(0); ; {
		names, next, err := client.Scan(ctx, cursor, "*", 1000).Result()
		if err != nil {
			return err
		}
		left, sizes := make([]*redis.DurationCmd, len(names)), make([]*redis.IntCmd, len(names))
		_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, name := range names {
				left[i], sizes[i] = p.PTTL(ctx, name), p.MemoryUsage(ctx, name)
			}
			return nil
		})
		if err != nil && err != redis.Nil { // of a key that is gone
			return err
		}
		for i, name := range names {
			w.expectEndOf(name, left[i].Val())
			w.figures.bound("bytes of a key in Redis", int(sizes[i].Val()), redisBytes, name)
			if left[i].Val() > 2*time.Second {
				client.Unlink(ctx, name)
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// redisBytes is what a key in Redis takes at most.
const redisBytes = 210

// expectEndOf looks at the time that is left of a key, whose name has the quota
// behind the hash.
func (w *world) expectEndOf(name string, left time.Duration) {
	w.figures.add("keys", "in Redis at the end of the traffic")
	_, quota, _ := strings.Cut(name, "}:")
	parts := strings.FieldsFunc(quota, func(r rune) bool { return r == '/' || r == ':' })
	per := time.Duration(0)
	if len(parts) > 1 {
		per, _ = time.ParseDuration(parts[1])
	}
	if left == -1 || left > 2*per+time.Millisecond {
		w.figures.violate("the key %s of Redis has %v left", name, left)
	}
}
