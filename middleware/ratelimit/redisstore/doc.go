// Package redisstore shares rate limits between servers through Redis.
//
// Start with [New], and pass the store to a limiter:
//
//	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", ContextTimeoutEnabled: true})
//	limit := ratelimit.NewLimiter(ratelimit.Options{Policies: policies, Store: redisstore.New(client), Replicas: 3})
//	h = limit.Wrap(h)
//
// A request takes one round trip for all of its policies. A script decides them at
// one instant, by the clock of Redis. Decisions and header fields are those of
// ratelimit.Memory, to the microsecond. The package is not a general Redis client
// or a cache, and it does not configure Redis.
//
// # Servers
//
// Redis must be version 5 or later. It may be a single server, a Sentinel group or
// a Cluster; all three are tested with 7.0. You create and configure the client.
// Whatever its timeouts and retries are, a call takes no longer than
// [Options].Timeout, and is sent once: if the reply is lost, the request may have
// been charged, but not twice. Set ContextTimeoutEnabled: otherwise, by default,
// go-redis does not observe deadlines, and each call costs a goroutine.
//
// In a cluster all buckets of one key are in one slot. If a request has several
// keys, such as an address and a user, their servers are called concurrently. If
// one refuses, a second round trip returns the units to the others, and until then
// no other request can use them.
//
// # When Redis is slow or down
//
// A call fails after [DefaultTimeout], or after the Timeout of Options. Then the
// fields Outage and Replicas of [ratelimit.Options] decide what happens. By default
// each replica grants its share of the quotas from its own memory, and one request
// per second probes Redis. Only that one, and those in flight when Redis goes down,
// wait for the Timeout. The first request after an outage also charges Redis for
// it, and takes twice the Timeout at most. OnDecision receives the error.
//
// Each server of a Cluster or a Ring fails separately ([Store.Part]): Redis still
// decides the keys of the others. A slot that moves to another server is not an
// outage: each of its buckets is decided on the server where it is.
//
// An error reply, such as while Redis loads its data or is out of memory, is not an
// outage either ([ratelimit.ErrReply]): the request is decided as in one, and the
// next request calls Redis again. READONLY, NOAUTH and WRONGPASS are an outage,
// since the client closes the connection then.
//
// After a failover behind one address, connections of the pool may lead to the old
// server. If that replies that it is read-only, the same call tries further
// connections. If it does not reply, all idle connections of the pool are tested
// with a PING at once, so that the next probe uses a working one. During that time
// other requests cannot use them.
//
// # Refused keys
//
// A refusal is remembered until its wait is over, for a second at most: a client
// that keeps sending requests costs at most one call per second. Units that this
// Store returns count at once. Units that another replica returns, or that come
// from deleting a key, count within a second. This takes at most 3 MB.
//
// # What Redis keeps
//
// Redis has a key for each bucket that is not full, until it is full: for
// Burst / N * Per of its quota, and up to twice that after ratelimit.Spend. It takes
// about 210 bytes, including Redis' tables. The name consists of a hash of the
// bucket's key, the quota (with its Burst if that is not N) and the policy:
//
//	ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s:login
//
// The hash bounds the length and keeps API keys out of dumps. It is not a secret:
// an IPv4 address can be found by trying all of them. [Store.Key] returns the name.
// Deleting the key fills the bucket.
//
// Losing all keys only fills all buckets, so persistence is optional, and a replica
// that takes over loses only what had not reached it. If memory is bounded, use the
// eviction policy volatile-ttl, which first removes the buckets nearest to full, or
// a separate instance for the limits. With noeviction, the limiter decides as in an
// outage while the memory is full.
//
// If the clock of Redis is set back, no units come back for that time, and no bucket
// stays empty. If it is set forward, units come back early.
//
// # Permissions
//
// An ACL user needs only these, and +cluster|slots for a cluster:
//
//	~ratelimit:* +evalsha +eval +time +mget +set +del
package redisstore
