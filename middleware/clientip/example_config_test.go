package clientip_test

import (
	"fmt"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

// One setting decides: the same binary runs with and without proxies.
func ExampleParsePrefixes() {
	choose := func(trustedProxies string) (clientip.Source, error) {
		if trustedProxies == "" {
			return clientip.Direct, nil
		}
		prefixes, err := clientip.ParsePrefixes(trustedProxies)
		if err != nil {
			return nil, fmt.Errorf("TRUSTED_PROXIES: %w", err)
		}
		return clientip.Forwarded(prefixes...), nil
	}

	for _, setting := range []string{"", "10.0.1.0/24, 2001:db8:cd::/48", "10.0.1.4/24"} {
		_, err := choose(setting)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// TRUSTED_PROXIES: prefix "10.0.1.4/24" has bits set beyond its length: write "10.0.1.0/24", or "10.0.1.4/32" for the one address
}
