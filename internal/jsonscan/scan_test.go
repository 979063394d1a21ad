package jsonscan_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

func TestStringReportsUnpairedSurrogates(t *testing.T) {
	for text, broken := range map[string]bool{
		`"a"`: false, `"\ud83d\ude00"`: false, `"\ud83d"`: true, `"\ude00"`: true, `"\ude00\ud83d"`: true, `"\ud83dx"`: true, `"\ud83dxude00"`: true, `"\ud83d\bde00"`: true,
		`"\ud83d\n"`: true, `"\ud83d\u0041"`: true, `"\ud83d\ud83d\ude00"`: true, `"\ufffd"`: false, `"\u0000"`: false, `"\ud83d\u"`: true,
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

// FuzzScanner has encoding/json as its oracle: both accept the same texts and
// decode the same strings.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,true,false,null,"\u0061\\"],"":{}}`, `[]`, ` 1 `, `"\ud800"`, `01`, `{"a":1,}`, `[1 2]`, "\"\x00\"", `nul`, `trux`, `faLse`, `nulL`, `"\u0000"`,
		`"\b\f\n\r\t\/\"\\"`, `"\u0061"`, `"\u00A0\u00F0\u00aF\u00fA"`, `"\ud83d\ude00"`, `"\ud83dxude00"`, `"\ud83d\bde00"`, `"\ud83d\u00`, `"a`,
		`"\u00G0"`, `"\u00/0"`, `"\u00:0"`, `"\u00@0"`, "\"\\u00`0\"", `"\u00g0"`, `"\u00`, `{:1}`, `{"a"1}`, `{"a"`, `[-]`, `{"a":-}`, `-`, ` [ 1 , { } , [ ] ] `,
		"{ \"a\" : 1 ,\t\"b\"\r: [ ]\n}", `1.`, `1.e1`, `1e`, `1e+`, `-0`, `+1`, `.1`, `1E-2`, `{"a":1 "b":2}`, `[1`, `[1,`, `{"a":1`, `{"a":1,`, "\"\t\"", `"\`} {
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

// refused is a text and what a scanner reports about it.
type refused struct {
	text  string
	depth int
	fault string
	at    int
}

func TestScannerReportsFaultAndPosition(t *testing.T) {
	for _, row := range []refused{
		{`{}`, 0, jsonscan.TooDeep, 1}, {`[]`, 0, jsonscan.TooDeep, 1}, {`[[]]`, 1, jsonscan.TooDeep, 2}, {`{"a":{}}`, 1, jsonscan.TooDeep, 6}, {`[{}]`, 1, jsonscan.TooDeep, 2},
		{`{"a"1}`, 9, "no colon after a name", 4}, {`{:1}`, 9, "not a string", 1}, {`{"a":1 2}`, 9, "no comma or closing brace after a member", 7}, {`[1 2]`, 9, "no comma or closing bracket after an element", 3},
		{`[1`, 9, "no comma or closing bracket after an element", 2}, {`{"a":1`, 9, "no comma or closing brace after a member", 6}, {`"a`, 9, "no closing quote", 2}, {"\"\x1f\"", 9, "control character in a string", 1},
		{`tru`, 9, "not a value", 0}, {`trux`, 9, "not a value", 0}, {`falsy`, 9, "not a value", 0}, {`nulL`, 9, "not a value", 0}, {`-`, 9, "no digit in a number", 1}, {`1.`, 9, "no digit after a decimal point", 2}, {`1e`, 9, "no digit in an exponent", 2},
		{`"\u00`, 9, "invalid escape in a string", 2}, {``, 9, "not a value", 0},
	} {
		for _, space := range []int{0, 8} { // behind the text, which is not read
			whole := append([]byte(row.text), `ull\u0061"}]`[:space]...)
			s := jsonscan.Scanner{Text: whole[:len(row.text)], Depth: row.depth}
			assert.False(t, s.Value(), row.text)
			assert.Equal(t, row, refused{row.text, row.depth, s.Fault, s.Pos})
		}
	}
}

// Members and Elements accept what Value accepts.
func TestMembersAndElementsAgreeWithValue(t *testing.T) {
	value := func(s *jsonscan.Scanner) bool {
		switch s.Peek() {
		case '{':
			return s.Members(func(jsonscan.Span) bool { return s.Value() })
		case '[':
			return s.Elements(func(int) bool { return s.Value() })
		}
		return s.Value()
	}
	for _, row := range []refused{
		{`{}`, 0, jsonscan.TooDeep, 1}, {`[]`, 0, jsonscan.TooDeep, 1}, {`[1 2]`, 9, "no comma or closing bracket after an element", 3}, {`[1`, 9, "no comma or closing bracket after an element", 2},
		{`[-]`, 9, "no digit in a number", 2}, {`{"a":-}`, 9, "no digit in a number", 6}, {`{"a":1`, 9, "no comma or closing brace after a member", 6}, {`{"a"`, 9, "no colon after a name", 4},
	} {
		s := jsonscan.Scanner{Text: []byte(row.text), Depth: row.depth}
		assert.False(t, value(&s), row.text)
		assert.Equal(t, row, refused{row.text, row.depth, s.Fault, s.Pos})
	}
	for _, text := range []string{`{}`, `[]`, ` { } `, ` [ ] `, ` [ 1 , 2 ] `, "{ \"a\" : 1\t,\n\"b\" : 2\r} ", `[[],[],{}]`, `{"a":{},"b":[]}`} {
		s := jsonscan.Scanner{Text: []byte(text), Depth: 2}
		s.Space()
		assert.True(t, value(&s) && s.End(), text)
		assert.Equal(t, 2, s.Depth, "%s: all are closed", text)
	}
	for _, text := range []string{`[]`, `"a"`, ``, `}`} {
		s := jsonscan.Scanner{Text: []byte(text), Depth: 2}
		assert.False(t, s.Members(func(jsonscan.Span) bool { return true }), text)
		assert.Equal(t, refused{text, 2, "not an object", 0}, refused{text, s.Depth, s.Fault, s.Pos})
	}
	for _, text := range []string{`{}`, `"a"`, ``, `]`} {
		s := jsonscan.Scanner{Text: []byte(text), Depth: 2}
		assert.False(t, s.Elements(func(int) bool { return true }), text)
		assert.Equal(t, refused{text, 2, "not an array", 0}, refused{text, s.Depth, s.Fault, s.Pos})
	}
}

func TestUnquotedIsAlwaysUTF8(t *testing.T) {
	for text, want := range map[string]string{
		"\x80": "\ufffd", "a\xffb": "a\ufffdb", "\xed\xa0\x80": "\ufffd\ufffd\ufffd", `\u0000`: "\x00", `\ud83d`: "\ufffd", `\ud83d\bde00`: "\ufffd\bde00", `\ud83dxude00`: "\ufffdxude00",
		`\ud83d\ude00`: "\U0001f600", `\ude00\ud83d`: "\ufffd\ufffd", `\ud83d\u0041`: "\ufffdA", "\x7f\u0080": "\x7f\u0080",
	} {
		assert.Equal(t, want, string(jsonscan.AppendUnquoted(nil, []byte(text)[:len(text):len(text)])), "%q", text)
	}
}
