// Package ratelimit bounds how often a client may ask, and tells it the truth
// about that.
//
// Start with [New] and one [Policy]:
//
//	h = ratelimit.New(ratelimit.Policy{
//		Quota: ratelimit.PerMinute(100),
//		Key:   ratelimit.ByIP(clientip.Direct),
//	})(h)
//
// A [Limiter] is the same with settings: a [Store] that a fleet shares, a hook
// for metrics, an answer of one's own. [Checker.Check] decides without
// answering.
//
// Every answer says in RateLimit-Policy and RateLimit what is granted and what
// is left (draft-ietf-httpapi-ratelimit-headers-11). A request over the limit
// gets 429 and one beyond the capacity that all clients share 503, each with a
// Retry-After that is neither early nor needlessly late, and as a problem
// document that names the violated policies.
//
// Units come back evenly, as in a token bucket. Several policies are decided
// at one instant, all or none: a request that one of them refuses costs
// nothing, whatever the client does while it has to wait.
//
// The package does not queue requests, and it does not find out who asks: that
// is for package clientip, or for your own authentication.
package ratelimit
