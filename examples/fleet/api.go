package main

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/rejoinder-go/rejoinder/respond"
)

// api is one instance. It serves the time, as often as the limit allows.
type api struct {
	number int
	outage atomic.Bool // Redis does not respond
}

func newAPI(number, perMinute int, client redis.UniversalClient) http.Handler {
	a := &api{number: number}
	limit := ratelimit.Options{
		Policies: []ratelimit.Policy{{
			Quota: ratelimit.PerMinute(perMinute),
			Key:   ratelimit.ByIP(clientip.Direct),
		}},
		Store:      redisstore.New(client),
		Replicas:   instances,
		OnDecision: a.watch,
	}
	mux := http.NewServeMux()
	mux.Handle("GET /time", ratelimit.NewLimiter(limit).Wrap(http.HandlerFunc(a.time)))
	mux.HandleFunc("GET /status", a.status)
	return middleware.Chain(middleware.RequestID, middleware.Normalize)(mux)
}

func (a *api) time(w http.ResponseWriter, _ *http.Request) {
	respond.JSON(w, http.StatusOK, map[string]any{"instance": a.number, "time": time.Now().UTC()})
}

// status is not limited, since it is for the operator.
func (a *api) status(w http.ResponseWriter, _ *http.Request) {
	decides := "Redis"
	if a.outage.Load() {
		decides = "this instance, on its share"
	}
	respond.JSON(w, http.StatusOK, map[string]any{"instance": a.number, "decides": decides})
}

// watch logs when Redis stops to respond, and when it responds again.
func (a *api) watch(_ *http.Request, d ratelimit.Decision) {
	outage := d.Err != nil
	if a.outage.Swap(outage) == outage {
		return
	}
	if outage {
		slog.Warn("Redis does not respond; this instance grants its share of the quota", "instance", a.number, "error", d.Err)
	} else {
		slog.Info("Redis responds again", "instance", a.number)
	}
}
