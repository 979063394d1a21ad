package clientip_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

func Example() {
	// One reverse proxy of your own, at 10.0.0.7.
	source := clientip.Forwarded(netip.MustParsePrefix("10.0.0.7/32"))

	h := source.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("client:", clientip.FromContext(r.Context()))
	}))

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.7:41234"
	r.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.9") // the client forged the first
	h.ServeHTTP(httptest.NewRecorder(), r)

	r.RemoteAddr = "198.51.100.3:41234" // a client that bypasses the proxy
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// client: 203.0.113.9
	// client: 198.51.100.3
}

// No proxy: fields have no influence.
func ExampleDirect() {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "203.0.113.9:41234"
	r.Header.Set("X-Forwarded-For", "192.0.2.66")

	fmt.Println(clientip.Direct(r))
	// Output: 203.0.113.9
}

// The address is a key only together with a prefix: an IPv6 client usually
// has a whole /64 to choose from.
func ExampleDirect_key() {
	key := func(r *http.Request) string {
		addr := clientip.Direct(r)
		if addr.Is6() {
			prefix, _ := addr.Prefix(64)
			return prefix.String()
		}
		return addr.String()
	}

	for _, remoteAddr := range []string{"[2001:db8::1]:80", "[2001:db8::2]:80", "[::ffff:192.0.2.1]:80"} {
		fmt.Println(key(&http.Request{RemoteAddr: remoteAddr}))
	}
	// Output:
	// 2001:db8::/64
	// 2001:db8::/64
	// 192.0.2.1
}

// A test of a handler needs no proxy.
func ExampleNewContext() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("hello,", clientip.FromContext(r.Context()))
	})

	r := httptest.NewRequest("GET", "/", nil)
	ctx := clientip.NewContext(r.Context(), netip.MustParseAddr("203.0.113.9"))
	h.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
	// Output: hello, 203.0.113.9
}
