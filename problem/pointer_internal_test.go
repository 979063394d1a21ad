package problem

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// FuzzPointerLeadsBackToItsPath has RFC 6901, sections 3 to 6, in reverse as its oracle:
// decode the fragment, split at slashes, unescape ~1, then ~0.
func FuzzPointerLeadsBackToItsPath(f *testing.F) {
	for _, s := range []string{"", "a", "a/b", "c%d", "e^f", "g|h", `i\j`, `k"l`, " ", "m~n", "~1", "~01", "é", "\xff", "#", "%2F", "-"} {
		f.Add(s, "b", 3)
	}
	f.Fuzz(func(t *testing.T, a, b string, i int) {
		got := Pointer(a, b, i)
		fragment, ok := strings.CutPrefix(got, "#/")
		if !ok {
			t.Fatalf("Pointer(%q, %q, %d) = %q", a, b, i, got)
		}
		if got != string(appendURI(nil, got)[1:len(appendURI(nil, got))-1]) || strings.Contains(fragment, "#") {
			t.Errorf("Pointer(%q, %q, %d) = %q, which is no URI reference", a, b, i, got)
		}
		decoded, err := url.PathUnescape(fragment)
		if err != nil {
			t.Fatalf("Pointer(%q, %q, %d) = %q: %v", a, b, i, got, err)
		}
		path := strings.Split(decoded, "/")
		for n := range path {
			path[n] = strings.ReplaceAll(strings.ReplaceAll(path[n], "~1", "/"), "~0", "~")
		}
		if want := []string{a, b, fmt.Sprint(i)}; fmt.Sprintf("%q", path) != fmt.Sprintf("%q", want) {
			t.Errorf("Pointer(%q, %q, %d) = %q, which leads to %q", a, b, i, got, path)
		}
	})
}

// FuzzPointerFromNamespaceEnds checks that the result for any path is a JSON Pointer.
func FuzzPointerFromNamespaceEnds(f *testing.F) {
	for _, s := range []string{"", ".", "A.b[0].c", "A[", "A]", "[0][1]", "A.m[a.b].c", "A.b[0]c", "A..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := PointerFromNamespace(s)
		if got != "#" && !strings.HasPrefix(got, "#/") || !validReference(got) {
			t.Errorf("PointerFromNamespace(%q) = %q", s, got)
		}
	})
}
