package problem

import (
	"encoding/json"
	"testing"
)

// FuzzDecodeAcceptsWhatEncodingJSONAccepts has encoding/json as its oracle: both
// accept the same objects, and decode the same strings and members.
func FuzzDecodeAcceptsWhatEncodingJSONAccepts(f *testing.F) {
	for _, s := range []string{
		`{}`, ` { } `, `{"type":"a"}`, `{"type":"\ud83d\ude00\ud83d\u0041\udc00\n"}`, `{"t\u0079pe":"x","type":1}`,
		`{"status":4.04e2,"x":[1,{"a":[]}],"y":-0.1E+9}`, "{\"a\xff\":\"\xff\"}", `{"a":1,"a":2}`, `[]`, `null`, `{"a":01}`,
		`{"a":1,}`, `{"a" :tru}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\"\x01\"}", `{"a":1}x`, `{"":-}`, `{"a":1.}`, `{"a":1e}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Details
		err := d.UnmarshalJSON(b)
		var members map[string]json.RawMessage
		if want := json.Unmarshal(b, &members); (want == nil && members != nil) != (err == nil) {
			if tooDeep(b) {
				return
			}
			t.Fatalf("UnmarshalJSON(%q) = %v, encoding/json: %v", b, err, want)
		}
		if err != nil {
			return
		}
		for name, got := range map[string]string{"type": d.Type, "title": d.Title, "detail": d.Detail, "instance": d.Instance} {
			var want string
			if raw, ok := members[name]; ok && json.Unmarshal(raw, &want) == nil && raw[0] == '"' && want != got {
				t.Errorf("%s of %q = %q, want %q", name, b, got, want)
			}
		}
		for name, raw := range members {
			if reserved(name) {
				continue
			}
			if got, ok := d.Extensions[name].(json.RawMessage); !ok || string(got) != string(raw) {
				t.Errorf("extension %q of %q = %q, want %q", name, b, got, raw)
			}
			delete(d.Extensions, name)
		}
		if len(d.Extensions) > 0 {
			t.Errorf("extensions of %q that are no members: %q", b, d.Extensions)
		}
	})
}

// tooDeep reports whether b may exceed MaxDepth. It counts all brackets.
func tooDeep(b []byte) bool {
	open := 0
	for _, c := range b {
		if c == '[' || c == '{' {
			open++
		}
	}
	return open > MaxDepth
}
