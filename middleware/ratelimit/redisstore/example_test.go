package redisstore_test

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
)

// Three replicas share one limit. While Redis does not reply, each of them
// grants a third of it, and says so in the log.
func Example() {
	client := redis.NewClient(&redis.Options{
		Addr:                  "127.0.0.1:6379",
		ContextTimeoutEnabled: true,
	})
	defer client.Close()

	limit := ratelimit.Options{
		Policies: []ratelimit.Policy{{
			Quota: ratelimit.PerMinute(100),
			Key:   ratelimit.ByIP(clientip.Direct),
		}},
		Store:    redisstore.New(client),
		Replicas: 3,
		OnDecision: func(_ *http.Request, d ratelimit.Decision) {
			if d.Err != nil {
				log.Print(d.Err)
			}
		},
	}
	http.Handle("/", ratelimit.NewLimiter(limit).Wrap(http.NotFoundHandler()))
}

// A limit that must not be exceeded, whatever happens: without Redis, all
// requests get a 503.
func ExampleOptions() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:            "limits",
		SentinelAddrs:         []string{"127.0.0.1:26379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()

	store := redisstore.Options{
		Prefix:  "shop:",
		Timeout: 50 * time.Millisecond,
	}.New(client)
	limit := ratelimit.Options{
		Policies: []ratelimit.Policy{{Quota: ratelimit.PerHour(10), Key: ratelimit.Everyone}},
		Store:    store,
		Outage:   ratelimit.FailClosed,
	}
	http.Handle("/vouchers", ratelimit.NewLimiter(limit).Wrap(http.NotFoundHandler()))
}

// Delete the key to let a client in again, as in
// client.Del(ctx, store.Key(bucket)).
func ExampleStore_Key() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer client.Close()
	store := redisstore.New(client)
	fmt.Println(store.Key(ratelimit.Bucket{
		Policy: "login",
		Key:    "192.0.2.1",
		Quota:  ratelimit.PerMinute(100),
	}))
	// Output: ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s:login
}
