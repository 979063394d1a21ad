package clientip_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/middleware/clientip"
)

func TestFromContextWithoutAnAddressIsUnknown(t *testing.T) {
	assert.False(t, clientip.FromContext(t.Context()).IsValid())
	addr := netip.MustParseAddr("192.0.2.1")
	assert.Equal(t, addr, clientip.FromContext(clientip.NewContext(t.Context(), addr)))
	assert.False(t, clientip.FromContext(clientip.NewContext(clientip.NewContext(t.Context(), addr), netip.Addr{})).IsValid(), "unknown replaces what was known")
}

func TestWrapKeepsTheAddressOfARewrittenRequest(t *testing.T) {
	h := whoami(clientip.Direct)
	rewriting := clientip.Source(clientip.Direct).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "192.0.2.66"
		fmt.Fprint(w, clientip.FromContext(r.Context()), " ")
		h.ServeHTTP(w, r)
	}))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "127.0.0.1:80"
	rewriting.ServeHTTP(w, r)
	assert.Equal(t, "127.0.0.1 invalid IP", w.Body.String())
}
