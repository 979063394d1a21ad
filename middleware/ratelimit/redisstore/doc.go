// Package redisstore lets a fleet of servers share its rate limits through
// Redis.
//
// Start with [New], and give the store to a limiter:
//
//	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", ContextTimeoutEnabled: true})
//	limit := ratelimit.NewLimiter(ratelimit.Options{Policies: policies, Store: redisstore.New(client), Replicas: 3})
//	h = limit.Wrap(h)
//
// A request asks Redis once, for all its policies, and a script decides them
// at one instant, by the clock of Redis. Decisions and header fields are those
// of the memory store, to the microsecond. The package is not a general client
// and no cache, and it does not set Redis up.
//
// # Servers
//
// Redis 5 or later, alone, behind Sentinel or as a Cluster; all three are
// tested with 7.0. The client is yours, and so are its TLS, its credentials
// and its pool. Whatever timeouts and retries it has, a call takes no longer
// than [Options].Timeout, and is sent once: if the reply is lost, the request
// may have been charged, but not twice. With ContextTimeoutEnabled the client
// keeps the time by itself; without it, which is go-redis' default, each call
// costs a goroutine.
//
// In a cluster all buckets of one key are in one slot. For a request with
// several keys, such as an address and a user, their servers are asked at the
// same time. If one refuses, the others are told to give the units back, in a
// second round trip, and until then no other request has them.
//
// # When Redis is slow or gone
//
// A call fails after [DefaultTimeout], or what Options say. What happens then
// is for Outage and Replicas of [ratelimit.Options] to say: by default each
// replica grants its share of the quotas from its own memory, and one request
// a second finds out whether Redis is back. Only that one, and those under way
// when Redis goes, wait for the Timeout; when it is back and is told what was
// charged meanwhile, for twice the Timeout at worst. OnDecision has the error.
//
// Each server of a Cluster or a Ring fails by itself ([Store.Part]): the keys of
// the others are still decided by Redis. A slot that moves to another server
// is not an outage: its buckets are decided where each of them is.
//
// An error that Redis replies with, as while its memory is full or it loads its
// data, is not an outage either ([ratelimit.ErrReply]): the request is decided
// as in one, and the next request asks again. What means that the server
// cannot be written to or does not know the user (READONLY, NOAUTH, WRONGPASS)
// is one, since the client then closes the connection.
//
// After a failover behind one address, connections in the pool may lead to the
// old server. Where it says that it is read-only, the same call goes on with
// further connections. Where nothing comes back, all idle connections of the
// pool are tested with a PING at once, so that the next probe finds none of
// them. For that time others cannot use them.
//
// # Refused keys
//
// A refusal is remembered until its wait is over, for a second at a time: a
// client that does not stop asking costs one call a second, or none. Units
// that come back through the same Store count at once. Those that another
// replica gives back, or that somebody makes by deleting a key, count within
// the second. The memory takes 3 MB at most.
//
// # What Redis keeps
//
// A key for each bucket that is not full, until it is full: for Burst / N * Per
// of its quota, and up to twice that after ratelimit.Spend. It takes about 210
// bytes, with its share of Redis' tables, and looks like this: a hash of whose
// bucket it is, the quota, with its Burst if that is not N, and the policy.
//
//	ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s:login
//
// The hash bounds the length and keeps API keys out of dumps. It is not a secret:
// an IPv4 address can be found by trying all. [Store.Key] computes the name;
// deleting the key fills the bucket.
//
// To lose all keys is to fill all buckets, nothing worse, so persistence is a
// matter of taste, and a replica that takes over forgets no more than what had
// not reached it. Where memory is bounded, let the eviction policy be
// volatile-ttl, which drops first what is nearest to full, or give the limits
// an instance of their own. With noeviction, the limiter decides
// as in an outage while the memory is full.
//
// Where the clock of Redis is set back, nothing comes back for that long, and
// no bucket is stuck; where it is set forward, units come back early.
//
// # Permissions
//
// An ACL user needs no more than this, and +cluster|slots for a cluster:
//
//	~ratelimit:* +evalsha +eval +time +mget +set +del
package redisstore
