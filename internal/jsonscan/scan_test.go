package jsonscan_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

func TestStringKnowsHalfASurrogatePair(t *testing.T) {
	for text, broken := range map[string]bool{
		`"a"`: false, `"\ud83d\ude00"`: false, `"\ud83d"`: true, `"\ude00"`: true, `"\ude00\ud83d"`: true, `"\ud83dx"`: true,
		`"\ud83d\n"`: true, `"\ud83d\u0041"`: true, `"\ud83d\ud83d\ude00"`: true, `"\ufffd"`: false, `"\ud83d\u"`: true,
	} {
		s := jsonscan.Scanner{Text: []byte(text)}
		p, ok := s.String()
		if text == `"\ud83d\u"` {
			assert.False(t, ok, text)
			continue
		}
		require.True(t, ok, text)
		assert.Equal(t, broken, p.Broken, text)
	}
}

// FuzzScanner has encoding/json as its oracle: both accept the same texts, and
// strings mean the same.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,true,false,null,"\u0061\\"],"":{}}`, `[]`, ` 1 `, `"\ud800"`, `01`, `{"a":1,}`, `[1 2]`, "\"\x00\"", `nul`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := jsonscan.Scanner{Text: text, Depth: 10_000}
		s.Space()
		quoted := s.Peek() == '"'
		ok := s.Value() && s.End()
		if ok != json.Valid(text) {
			t.Fatalf("%q: %v, encoding/json: %v (%s at %d)", text, ok, !ok, s.Fault, s.Pos)
		}
		if ok != (s.Fault == "") {
			t.Fatalf("%q: %v with the fault %q", text, ok, s.Fault)
		}
		if !ok || !quoted || !utf8.Valid(text) {
			return
		}
		s = jsonscan.Scanner{Text: text}
		s.Space()
		p, _ := s.String()
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if got := string(jsonscan.AppendUnquoted(nil, s.Bytes(p))); got != want {
			t.Errorf("%q means %q, encoding/json: %q", text, got, want)
		}
	})
}
