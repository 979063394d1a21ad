// Package clientip tells who is asking: the address of the client, behind
// whichever proxies stand in front of the server.
//
// Start with [Direct] if there is no proxy, and with [Forwarded] if there is
// one. Each is a [Source], a function that rate limits and logs call:
//
//	ratelimit.ByIP(clientip.Direct)
//	ratelimit.ByIP(clientip.Forwarded(netip.MustParsePrefix("10.0.0.0/24")))
//
// It refuses to guess. A field is believed only if a trusted peer sent it, it
// is read from the end that the proxies wrote, and wherever that leaves a
// doubt the answer is the zero Addr: unknown, never the peer's word. There is
// no source that takes the first address of a list or tries fields in turn,
// since a client chooses the answer of both.
//
// # Which source for which deployment
//
//	no proxy, or one that speaks the PROXY protocol
//	    Direct
//	one reverse proxy of your own
//	    Forwarded(its address), or Header("X-Real-IP", its address) if it
//	    overwrites that field
//	a CDN with a field of its own, which connects to the server itself
//	    Header("CF-Connecting-IP", the CDN's published prefixes...)
//	a CDN, then a load balancer
//	    Forwarded(prefixes of the balancer and of the CDN...); not Header: the
//	    balancer passes the CDN's field on from those who go around the CDN
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
// The prefixes of a CDN belong to all of its customers: one of them can send
// you requests with any fields. Let the CDN authenticate itself as well, with
// a client certificate for instance.
//
// # Before going live
//
// Show the answer at some path, then ask from a machine whose address you
// know, through the whole chain and with a forged field:
//
//	curl -H 'X-Forwarded-For: 192.0.2.1' -H 'Forwarded: for=192.0.2.1' https://www.example.com/whoami
//
// The answer must be the address of that machine. Do the same with the field
// of your CDN, over IPv4 and IPv6, and past each proxy that can be bypassed.
// Then let [SelfCheck] watch real traffic: it reports the usual mistakes.
package clientip
