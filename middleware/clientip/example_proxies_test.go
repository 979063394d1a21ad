package clientip_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

// A Kubernetes ingress: trust the pods of the ingress, not the whole cluster,
// or every pod can choose the address of the client.
func ExampleForwarded_kubernetesIngress() {
	source := clientip.Forwarded(netip.MustParsePrefix("10.244.3.0/28"))

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.244.3.5:41234"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	fmt.Println("from the ingress:", source(r))

	r.RemoteAddr = "10.244.7.21:41234"
	fmt.Println("from another pod:", source(r))
	// Output:
	// from the ingress: 203.0.113.9
	// from another pod: 10.244.7.21
}

// A proxy on a Unix domain socket has no address; the permissions of the
// socket's file say who may connect.
func ExampleProxies_unixSocket() {
	source := clientip.Proxies{UnixSocket: true}.Forwarded(clientip.XForwardedFor)

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "@"
	r.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.9")
	fmt.Println(source(r))
	// Output: 203.0.113.9
}

// A load balancer that appends two entries, the client and an address of its
// own that changes.
func ExampleProxies_hops() {
	source := clientip.Proxies{
		Hops:    2,
		Trusted: clientip.Private(), // from where the balancer connects
	}.Forwarded(clientip.XForwardedFor)

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.1.4:41234"
	r.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.9, 198.51.100.77")
	fmt.Println(source(r))

	r.Header.Set("X-Forwarded-For", "203.0.113.9") // not what the balancer sends
	fmt.Println(source(r).IsValid())
	// Output:
	// 203.0.113.9
	// false
}

// Proxies that write the field of RFC 7239. What a proxy obfuscates stays
// unknown; what stands before it might be forged.
func ExampleProxies_rfc7239() {
	source := clientip.Proxies{
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.1.0/24")},
	}.Forwarded(clientip.RFC7239)

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.1.4:41234"
	for _, field := range []string{
		`for="[2001:db8:1::9]:4711";proto=https;by=_edge`,
		`for=192.0.2.66, for=203.0.113.9;host="a,b", for=10.0.1.5`,
		`for=192.0.2.66;by=", for=203.0.113.9`, // the client left a quotation mark open
		`for=192.0.2.66, for=_hidden`,
	} {
		r.Header.Set("Forwarded", field)
		fmt.Println(source(r))
	}
	// Output:
	// 2001:db8:1::9
	// 203.0.113.9
	// 203.0.113.9
	// invalid IP
}
