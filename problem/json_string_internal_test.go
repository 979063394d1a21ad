package problem

import (
	"encoding/json"
	"testing"
)

// FuzzStringMeansWhatEncodingJSONMeans has encoding/json as its oracle: both encodings
// decode to the same string.
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
