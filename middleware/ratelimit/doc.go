// Package ratelimit limits how many requests a client may send, and how many are
// in flight at once, and reports accurate RateLimit and Retry-After fields.
//
// Start with [New] and one [Policy]:
//
//	h = ratelimit.New(ratelimit.Policy{
//		Quota: ratelimit.PerMinute(100),
//		Key:   ratelimit.ByIP(clientip.Direct),
//	})(h)
//
// [NewLimiter] makes the same with [Options]: a [Store] that a fleet shares, a
// hook for metrics, a response of one's own. [Limiter.Check] decides without
// writing a response. [InFlight] limits concurrency.
//
// Every response reports in RateLimit-Policy and RateLimit what is granted and
// what is left (draft-ietf-httpapi-ratelimit-headers-11). A request over the
// limit gets 429, and one beyond the capacity that all clients share 503, each
// with a Retry-After that is neither early nor needlessly late, and with a
// problem document whose extension "violated-policies" names the policies. A
// request that can never succeed gets 403 and no Retry-After. To let scripts of
// other origins read these fields, give [HeaderNames] to the CORS layer, and put
// that outside of the limiter, so that preflights are not counted.
//
// Units come back evenly, as in a token bucket: the decisions are those of
// golang.org/x/time/rate. Several policies are decided at one instant, all or
// none: a request that one of them refuses costs nothing, whatever the client
// does while it has to wait.
//
// Limiters are made once and have all state. A router may call the middleware
// for each route or each request.
//
// The package does not queue requests over a rate, and it does not find out who
// sends them: that is for package clientip, or for your own authentication.
package ratelimit
