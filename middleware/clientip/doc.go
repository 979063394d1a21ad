// Package clientip finds the address of the client that sent a request, through
// the proxies in front of the server.
//
// Start with [Direct] if there is no proxy, and with [Forwarded] if there is one.
// Each is a [Source], a function for rate limits and logs:
//
//	ratelimit.ByIP(clientip.Direct)
//	ratelimit.ByIP(clientip.Forwarded(netip.MustParsePrefix("10.0.0.0/24")))
//
// The package does not guess. A header field counts only if a trusted peer sent it,
// and it is read from the end that the proxies wrote. Where that is ambiguous, the
// result is the zero Addr, which means unknown. No source returns the first address
// of a list, or tries several header fields in turn, since a client chooses the
// result of both.
//
// # Which source for which deployment
//
//	no proxy, or one that speaks the PROXY protocol
//	    Direct
//	one reverse proxy of your own
//	    Forwarded(its address), or Header("X-Real-IP", its address) if it
//	    overwrites that field
//	a CDN with a header field of its own, which connects to the server directly
//	    Header("CF-Connecting-IP", the CDN's published prefixes...)
//	a CDN, then a load balancer
//	    Forwarded(prefixes of the balancer and of the CDN...); not Header, since
//	    the balancer also passes that field on from clients that bypass the CDN
//	Kubernetes ingress
//	    Forwarded(prefixes of the ingress pods...), and let the network keep
//	    client addresses (externalTrafficPolicy: Local, or PROXY protocol)
//	a proxy on a Unix domain socket
//	    Proxies{UnixSocket: true}.Forwarded(XForwardedFor)
//	a known number of proxies at addresses that change
//	    Proxies{Hops: 2, Trusted: their network}.Forwarded(XForwardedFor)
//	proxies that write the Forwarded field of RFC 7239
//	    Proxies{Trusted: their prefixes}.Forwarded(RFC7239)
//
// The prefixes of a CDN serve all of its customers, and any of them can send you
// requests with any header fields. Make the CDN authenticate itself as well, such
// as with a client certificate.
//
// # Before going live
//
// Serve the result at some path. Then request it from a machine whose address you
// know, through the whole chain and with forged header fields:
//
//	curl -H 'X-Forwarded-For: 192.0.2.1' -H 'Forwarded: for=192.0.2.1' https://www.example.com/whoami
//
// The response must be the address of that machine. Repeat this with the header
// field of your CDN, over IPv4 and IPv6, and around each proxy that can be
// bypassed. Then let [SelfCheck] watch real traffic: it reports the usual mistakes.
package clientip
