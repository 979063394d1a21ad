package problem

import (
	"net/url"
	"testing"
)

// FuzzResolveAgreesWithNetURL has net/url for an oracle.
func FuzzResolveAgreesWithNetURL(f *testing.F) {
	for _, ref := range []string{"", "/", "/a", "//a", "/a//b", "/a/./b", "/a/..", "/.a", "/a.", "/a:b", "a:b", ":", "#", "?a", "/%", "/é", "/a?b#c", "../a", "/..."} {
		f.Add(ref, "https", "example.com:8080")
	}
	f.Fuzz(func(t *testing.T, ref, scheme, host string) {
		base, err := url.Parse(scheme + "://" + host + "/x/y?z")
		if err != nil || base.Host == "" || base.User != nil || base.Path == "" {
			return
		}
		want := ref
		if u, err := url.Parse(ref); err == nil && u.Scheme == "" && ref != "" {
			want = base.ResolveReference(u).String()
		}
		if got := resolve(base, ref); got != want {
			t.Errorf("resolve(%q, %q) = %q, want %q", base, ref, got, want)
		}
	})
}
