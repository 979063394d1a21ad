package clientip_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"slices"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

// A CDN that connects to the server itself and overwrites a field of its own.
func ExampleHeader() {
	cdn := []netip.Prefix{ // as the CDN publishes them
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("2001:db8:cd::/48"),
	}
	source := clientip.Header("CF-Connecting-IP", cdn...)

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "198.51.100.20:41234"
	r.Header.Set("CF-Connecting-IP", "2001:db8:1::9")
	fmt.Println(source(r))

	r.Header.Add("CF-Connecting-IP", "192.0.2.66") // which one is the CDN's?
	fmt.Println(source(r).IsValid())

	r.RemoteAddr = "203.0.113.9:41234" // not the CDN
	fmt.Println(source(r))
	// Output:
	// 2001:db8:1::9
	// false
	// 203.0.113.9
}

// A CDN, then a load balancer: the chain shows who went around the CDN, and
// the CDN's own field would not.
func ExampleForwarded_cdnAndLoadBalancer() {
	balancer := netip.MustParsePrefix("10.0.1.0/24")
	cdn := []netip.Prefix{
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("2001:db8:cd::/48"),
	}
	source := clientip.Forwarded(slices.Concat([]netip.Prefix{balancer}, cdn)...)

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.1.4:41234"
	r.Header.Set("X-Forwarded-For", "203.0.113.9, 198.51.100.20")
	fmt.Println("through the CDN:", source(r))

	r.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.200")
	fmt.Println("around the CDN:", source(r))
	// Output:
	// through the CDN: 203.0.113.9
	// around the CDN: 203.0.113.200
}
