// Package ratelimit limits how many requests a client may send and how many are
// in flight at once, and reports accurate RateLimit and Retry-After fields.
//
// Start with [New] and one [Policy]:
//
//	h = ratelimit.New(ratelimit.Policy{
//		Quota: ratelimit.PerMinute(100),
//		Key:   ratelimit.ByIP(clientip.Direct),
//	})(h)
//
// [NewLimiter] does the same with [Options]: a [Store] that several servers
// share, a hook for metrics, a custom response. [Limiter.Check] decides without
// writing a response. [InFlight] limits concurrency.
//
// Every response carries RateLimit-Policy and RateLimit, which report the quota
// and what is left of it (draft-ietf-httpapi-ratelimit-headers-11). A request
// over the limit gets a 429, and one beyond the capacity that all clients share
// gets a 503. Both are problem documents whose extension "violated-policies"
// names the policies, with a Retry-After that is neither early nor needlessly
// late. A request that can never succeed gets a 403 without Retry-After.
//
// To let scripts from other origins read these header fields, pass [HeaderNames]
// to the CORS middleware. Put that outside the limiter, so that preflight
// requests are not counted.
//
// A quota is a token bucket: units come back evenly, and the decisions are those
// of golang.org/x/time/rate. Several policies are decided together, all or none:
// a request that one of them refuses is charged to none of them, so a client
// that retries too early does not have to wait longer.
//
// A limiter holds all of its state, so make it once. A router may call the
// middleware once per route or once per request.
//
// The package does not queue requests over a rate, and it does not identify
// clients: use package clientip, or your own authentication.
package ratelimit
