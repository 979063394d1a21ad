package problem

import (
	"encoding/json"
	"net/url"
	"testing"
)

// FuzzStringMeansWhatEncodingJSONMeans has encoding/json for an oracle: both
// texts are read back to the same string.
func FuzzStringMeansWhatEncodingJSONMeans(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é\u2028\U0001f600\ufffd", "\xff\xc3", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got, want string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatalf("appendString(%q) = %q: %v", s, appendString(nil, s), err)
		}
		if _ = json.Unmarshal(text, &want); got != want {
			t.Errorf("appendString(%q) means %q, want %q", s, got, want)
		}
	})
}

// FuzzURIHasOnlyTheCharactersOfOne has net/url for an oracle: what is written
// needs no further encoding, and nothing that was valid has changed.
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
