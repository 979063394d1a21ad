package problem

import (
	"encoding/json"
	"net/url"
	"testing"
)

// FuzzURIHasOnlyTheCharactersOfOne has net/url as its oracle: the result needs no further
// encoding, and a valid reference is unchanged.
func FuzzURIHasOnlyTheCharactersOfOne(f *testing.F) {
	for _, s := range []string{"", "/a b", "http://[::1]/[", "%", "%41%4", "a#b#c", "/é", "//h\xff?", "1:a", "http://a b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendURI(nil, s), &got); err != nil {
			t.Fatalf("appendURI(%q): %v", s, err)
		}
		if again := appendURI(nil, got); string(again) != `"`+got+`"` {
			t.Errorf("appendURI(%q) = %q, and again %q", s, got, again)
		}
		if validReference(s) && got != s {
			t.Errorf("appendURI(%q) = %q, although that was valid", s, got)
		}
		for i := range len(got) {
			if c := got[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}' {
				t.Errorf("appendURI(%q) = %q, with %q", s, got, c)
			}
		}
		if u, err := url.Parse(s); err == nil && u.Opaque == "" && u.Host == "" {
			if v, err := url.Parse(got); err != nil || v.Path != u.Path && validReference(s) {
				t.Errorf("appendURI(%q) = %q, which is %v, %v", s, got, v, err)
			}
		}
	})
}

// FuzzResolveAgreesWithNetURL has net/url as its oracle.
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
