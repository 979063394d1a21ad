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
	s := c.server()
	served := false // is what the next response has to be
	open := (*conn)(nil)
	for w.goesOn() {
		if open == nil {
			if open = w.connect(s); open == nil {
				return
			}
		}
		q := c.request("HTTP/1.1")
		q.wantJSON(c.rand, "/limited/memory")
		q.kind = "waits as Retry-After says"
		q.with(keyHeader, c.name)
		if !served {
			q.status = []int{200, 429}
		}
		wait := time.Duration(0)
		res := new(response)
		if !w.exchangeInto(s, open, q, res) {
			_ = open.Close()
			open = nil
		}
		if res.status == http.StatusTooManyRequests {
			seconds, _ := strconv.Atoi(res.header.Get("Retry-After"))
			wait = time.Duration(seconds) * time.Second
		}
		served = wait > 0
		w.pause(wait)
	}
	if open != nil {
		_ = open.Close()
	}
}

// probe looks whether all is in order again when no client sends anything.
func (w *world) probe() {
	for i, s := range w.servers {
		c := w.newClient(fmt.Sprintf("probe.%d", i), uint64(1000+i))
		for _, limit := range []string{"local", "open", "closed", "cost", "login"} {
			w.probeLimit(c, s, w.services[i], limit)
		}
		w.probeSlots(c, s)
	}
}

// probeLimit expects Redis to decide again within a few seconds.
func (w *world) probeLimit(c *client, s *server, service *service, limit string) {
	for began := time.Now(); ; {
		if res := w.ask(c, s, "/limited/"+limit, 200, 401, 429, 500, 503); res.cut() {
			return
		}
		if service.isShared(limit) {
			return
		}
		if time.Since(began) > 10*time.Second {
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
		res := w.ask(c, s, "/inflight?ms=0", 200)
		got := strings.Join(res.header.Values("RateLimit"), ",")
		if strings.Contains(got, want) {
			return
		}
		if time.Since(began) > 5*time.Second {
			w.figures.violate("%s: a slot is left: RateLimit is %s, want %s", s.name, got, want)
			return
		}
	}
}

// ask sends one request on a connection of its own.
func (w *world) ask(c *client, s *server, path string, status ...int) *response {
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
		err := r.tell(func(ctx context.Context, client *redis.Client) error {
			if err := w.expectEnds(ctx, client); err != nil {
				return err
			}
			for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
				n, err := client.DBSize(ctx).Result()
				if n == 0 || err != nil {
					return err
				}
				if time.Since(began) > 10*time.Second {
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

// expectEnds looks at the time that each key has left. After ratelimit.Spend it
// may be twice that of the quota.
func (w *world) expectEnds(ctx context.Context, client *redis.Client) error {
	keys := client.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		ttl, err := client.PTTL(ctx, keys.Val()).Result()
		if err != nil {
			return err
		}
		w.figures.add("keys", "in Redis at the end of the traffic")
		if ttl == -1 || ttl > 2*time.Second+time.Millisecond {
			w.figures.violate("the key %s of Redis has %v left", keys.Val(), ttl)
		}
	}
	return keys.Err()
}
