package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// watch runs n requests through a self-check and returns what it reports.
func watch(n int, source Source, next func(i int) *http.Request) (reports []Suspicion) {
	checked := SelfCheck(source, func(m Suspicion) { reports = append(reports, m) })
	for i := range n {
		r := next(i)
		if got, want := checked(r), source(r); got != want {
			panic(fmt.Sprint("the self-check changed the address ", want, " to ", got))
		}
	}
	return reports
}

// mistakesOf returns the mistakes in the order of the reports.
func mistakesOf(reports []Suspicion) (k []Mistake) {
	for _, m := range reports {
		k = append(k, m.Mistake)
	}
	return k
}

// visitor is a public address, another one for each i.
func visitor(i int) string { return fmt.Sprintf("192.0.%d.%d", i/256%256, i%256) }

func TestSelfCheckReportsTheUsualMistakesOnce(t *testing.T) {
	trusting := Forwarded(prefixes("10.0.0.0/8")...)
	for _, row := range []struct {
		source Source
		next   func(i int) *http.Request
		want   []Mistake
		reason string
	}{
		{Direct, func(i int) *http.Request { return request(visitor(i) + ":80") }, nil, "no proxy, no mistake"},
		{trusting, func(i int) *http.Request { return request(proxy, "X-Forwarded-For", visitor(i)) }, nil, "a proxy, no mistake"},
		{Direct, func(i int) *http.Request { return request(proxy, "X-Forwarded-For", visitor(i)) }, []Mistake{UntrustedProxy, SingleClient}, "a proxy that is not configured"},
		{Direct, func(i int) *http.Request { return request(visitor(i%3)+":80", "Cf-Connecting-Ip", visitor(i)) }, []Mistake{UntrustedProxy}, "a CDN that is not configured"},
		{trusting, func(i int) *http.Request { return request(visitor(i%3)+":80", "X-Forwarded-For", visitor(i)) }, []Mistake{UntrustedProxy}, "the proxy moved to other addresses"},
		{trusting, func(i int) *http.Request { return request(proxy) }, []Mistake{MissingField}, "the proxy sets no field"},
		{trusting, func(i int) *http.Request { return request(proxy, "Forwarded", "for="+visitor(i)) }, []Mistake{UnusableField}, "it sets another one"},
		{trusting, func(i int) *http.Request { return request(proxy, "X-Forwarded-For", "unknown") }, []Mistake{UnusableField}, "it does not say"},
		{Proxies{Trusted: prefixes("10.0.0.0/8")}.Forwarded(RFC7239), func(i int) *http.Request {
			return request(proxy, "Forwarded", fmt.Sprintf("for=[2001:db8::%x]", i+1))
		}, []Mistake{UnusableField}, "IPv6 without quotation marks"},
		{Proxies{Trusted: prefixes("10.0.0.0/8")}.Forwarded(RFC7239), func(i int) *http.Request {
			return request(proxy, "Forwarded", fmt.Sprintf(`for="[2001:db8::%x]"`, i+1))
		}, nil, "and with them"},
		{trusting, func(i int) *http.Request { return request("@", "X-Forwarded-For", visitor(i)) }, []Mistake{NamelessPeer}, "a Unix domain socket that is not configured"},
		{Direct, func(i int) *http.Request { return request(visitor(i)) }, []Mistake{NamelessPeer}, "RemoteAddr was overwritten"},
		{trusting, func(i int) *http.Request {
			return request(proxy, "X-Forwarded-For", fmt.Sprintf("192.168.0.%d", i%3+1))
		}, []Mistake{InternalClient}, "the network hides clients from the ingress"},
		{Direct, func(i int) *http.Request { return request(fmt.Sprintf("100.64.0.%d:80", i%3+1)) }, []Mistake{InternalClient}, "a carrier-grade or cluster network"},
		{Direct, func(i int) *http.Request { return request(fmt.Sprintf("127.0.0.%d:80", i%3+1)) }, []Mistake{InternalClient}, "a proxy on the same machine that sends no field"},
		{Direct, func(i int) *http.Request { return request(fmt.Sprintf("[fe80::%d]:80", i%3+1)) }, []Mistake{InternalClient}, "link-local"},
		{Direct, func(i int) *http.Request { return request("192.0.2.1:80") }, []Mistake{SingleClient}, "a proxy that sends no field"},
		// below the threshold
		{Direct, func(i int) *http.Request {
			if i%2 == 0 {
				return request(visitor(i)+":80", "X-Forwarded-For", "203.0.113.66")
			}
			return request(visitor(i) + ":80")
		}, nil, "half of the clients send a field of their own"},
		{trusting, func(i int) *http.Request {
			if i%1000 == 0 {
				return request(proxy, "X-Forwarded-For", "192.0.2.2")
			}
			return request(proxy, "X-Forwarded-For", "192.0.2.1")
		}, nil, "now and then there is another client"},
	} {
		got := mistakesOf(watch(5000, row.source, row.next))
		assert.Equal(t, row.want, got, row.reason)
	}
}

func TestSelfCheckReportsAsSoonAsAWindowIsFull(t *testing.T) {
	next := func(int) *http.Request { return request(proxy, "X-Forwarded-For", "203.0.113.66") }
	assert.Empty(t, watch(checkWindow-1, Direct, next))
	assert.Equal(t, []Suspicion{{
		Mistake: UntrustedProxy,
		Peer:    netip.MustParseAddr("10.0.0.1"),
		Client:  netip.MustParseAddr("10.0.0.1"),
		Field:   "X-Forwarded-For",
	}}, watch(checkWindow, Direct, next))
	assert.Equal(t, []Mistake{UntrustedProxy}, mistakesOf(watch(checkStreak-1, Direct, next)))
	assert.Equal(t, []Mistake{UntrustedProxy, SingleClient}, mistakesOf(watch(checkStreak, Direct, next)))
}

func TestSelfCheckFindsAMistakeThatComesLater(t *testing.T) {
	got := watch(1000, Direct, func(i int) *http.Request {
		if i < 500 {
			return request(visitor(i) + ":80")
		}
		return request(visitor(i%3)+":80", "X-Forwarded-For", visitor(i))
	})
	assert.Equal(t, []Mistake{UntrustedProxy}, mistakesOf(got))
}

func TestSelfCheckCountsConcurrentRequestsOnce(t *testing.T) {
	var mu sync.Mutex
	var reports []Suspicion
	checked := SelfCheck(Direct, func(m Suspicion) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, m)
	})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 500 {
				checked(request(proxy, "X-Forwarded-For", "203.0.113.66"))
			}
		})
	}
	wg.Wait()
	assert.ElementsMatch(t, []Mistake{UntrustedProxy, SingleClient}, mistakesOf(reports))
}

func TestSuspicionShowsNoTextOfTheClient(t *testing.T) {
	got := watch(checkWindow, Direct, func(int) *http.Request {
		return request("[fe80::1%<script>]:80", "X-Forwarded-For", "<script>", "<script>", "<script>")
	})
	assert.Equal(t, "forwarding fields arrive from a peer that is not trusted: if it is your proxy, add its prefix (peer fe80::1, client fe80::1, field X-Forwarded-For)", got[0].String())
}

func TestEveryMistakeHasItsSentence(t *testing.T) {
	seen := map[string]bool{}
	for k := UntrustedProxy; int(k) < mistakes; k++ {
		assert.NotContains(t, k.String(), "Mistake(")
		assert.False(t, seen[k.String()], "%q stands for two mistakes", k)
		seen[k.String()] = true
	}
	assert.Equal(t, "Mistake(0)", Mistake(0).String())
	assert.Equal(t, fmt.Sprintf("Mistake(%d)", mistakes), Mistake(mistakes).String())
}

func TestForwardingFieldsAreCanonical(t *testing.T) {
	for _, name := range forwardingFields {
		assert.Equal(t, http.CanonicalHeaderKey(name), name)
	}
}
