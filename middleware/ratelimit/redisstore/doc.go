// Package redisstore lets a fleet of servers share its rate limits through
// Redis.
//
// Start with [New], and give the store to a limiter:
//
//	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
//	h = ratelimit.Limiter{
//		Policies: policies,
//		Store:    redisstore.New(client),
//		Replicas: 3,
//	}.Wrap(h)
//
// A request asks Redis once, for all its policies, and a script decides them
// at one instant by the clock of Redis. Decisions and header fields are those
// of the memory store, within a microsecond.
//
// # Servers
//
// Redis 5 or later, alone, behind Sentinel or as a Cluster; the tests run all
// three with Redis 7.0. The client is yours, so are its TLS, its credentials
// and its pool, and whatever it was told, a call takes at most
// [Options].Timeout: set none of its timeouts or retries for this package. A
// call is sent once. If its answer is lost, the request may have been charged,
// never twice.
//
// In a cluster the buckets of one key are in one slot. A request with several
// keys, such as an address and a user, asks their servers at the same time; if
// one refuses, the others get a second call that gives the units back, and
// until then they are missing for others.
//
// # When Redis is slow or gone
//
// A call fails after the Timeout, [DefaultTimeout] unless told otherwise. What
// happens then is for [ratelimit.Limiter] to say, in Outage and Replicas: by
// default each replica grants its share of the quotas from its memory, and one
// request a second asks Redis again. No request pays more than the Timeout,
// or twice that when Redis is back and is told what was charged meanwhile.
// The limiter's OnVerdict sees the error in [ratelimit.Decision]. A cluster
// that lacks one of its servers fails for a part of the keys, and the limiter
// then switches back and forth.
//
// # Refused keys
//
// A refusal is remembered, so that a client who does not stop asking costs one
// call a second, at most. It ends to the microsecond when its wait does, and
// at once if units come back through the same Store. Those that another
// replica gives back, or whoever deletes a key, are noticed within a second.
// That takes 3 MB at most.
//
// # What Redis keeps
//
// A key for each bucket that is not full, with a time to live until it is:
// at most [ratelimit.Quota].Burst / N * Per, or twice that after [ratelimit.Spend].
// Keys look like
//
//	ratelimit:{N_z_JL9iA1srCAIK_Ai0_g}:100/1m0s:login
//
// with a hash of the address or user, the quota, its Burst if that is not N,
// and the policy. [Store.Key] computes them; to delete a key is to fill the
// bucket. Each takes about 200 bytes of memory. The hash has no secret: who
// can read Redis can find out by trying whether an IPv4 address is there.
//
// Losing the keys fills all buckets, nothing worse: persistence is not needed,
// and after a failover the replica lacks at most what was not yet replicated.
// Give the limits an instance of their own, or the eviction policy
// volatile-ttl, which drops first what is nearest to full. With noeviction a
// full Redis is an outage.
//
// A clock that is set back costs nobody anything, since no time passes until
// then; set forward, it fills buckets early. Quotas of different length cannot
// mix, since another quota is another key.
//
// # Permissions
//
// An ACL user needs these; a cluster's client also +cluster|slots,
// +cluster|shards and +command, and what your own options ask for:
//
//	~ratelimit:* +evalsha +eval +time +mget +set +del
package redisstore
