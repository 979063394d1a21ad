package clientip_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

// A proxy was put in front of a server that is not configured for it.
func ExampleSelfCheck() {
	source := clientip.SelfCheck(clientip.Direct, func(s clientip.Suspicion) {
		fmt.Println(s.Mistake)
		fmt.Println("peer:", s.Peer, "field:", s.Field)
	})

	for i := range 500 {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.7:41234"
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i%200))
		source(r)
	}
	// Output:
	// forwarding fields arrive from a peer that is not trusted: if it is your proxy, add its prefix
	// peer: 10.0.0.7 field: X-Forwarded-For
}
