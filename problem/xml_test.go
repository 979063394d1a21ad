package problem_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

const (
	xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<problem xmlns="urn:ietf:rfc:7807">`
	xmlTail = `</problem>`
)

// appended returns what AppendXML appends inside the root element.
func appended(t *testing.T, d *problem.Details) (string, error) {
	t.Helper()
	b, err := d.AppendXML([]byte("before "))
	doc, ok := strings.CutPrefix(string(b), "before ")
	require.True(t, ok, "what was there stays")
	require.NoError(t, xml.Unmarshal([]byte(doc), new(problem.Details)), "always a whole document: %s", doc)
	inner, ok := strings.CutPrefix(doc, xmlHead)
	require.True(t, ok, "%s", doc)
	inner, ok = strings.CutSuffix(inner, xmlTail)
	require.True(t, ok, "%s", doc)
	return inner, err
}

func TestXMLWritesStandardElementsInOrder(t *testing.T) {
	for _, row := range []struct {
		why  string
		give problem.Details
		want string
	}{
		{"the type is always there", problem.Details{}, `<type>about:blank</type>`},
		{"all of them", problem.Details{Type: "https://example.com/a?b&c", Title: "T", Status: 404, Detail: "D", Instance: "/i"},
			`<type>https://example.com/a?b&amp;c</type><title>T</title><status>404</status><detail>D</detail><instance>/i</instance>`},
		{"a number that is no status is left out", problem.Details{Status: 42}, `<type>about:blank</type>`},
		{"markup is escaped", problem.Details{Detail: `<![CDATA[ & ]]> "q" 'a'`}, `<type>about:blank</type><detail>&lt;![CDATA[ &amp; ]]&gt; "q" 'a'</detail>`},
		{"characters that XML lacks are replaced", problem.Details{Detail: "\x00\x08\x0b\x1f\ufffe\uffff\xff\xed\xa0\x80"},
			`<type>about:blank</type><detail>` + strings.Repeat("\ufffd", 10) + `</detail>`},
		{"white space survives line end handling", problem.Details{Detail: "\t a\r\nb\n"}, "<type>about:blank</type><detail>\t a&#xD;\nb\n</detail>"},
	} {
		got, err := appended(t, &row.give)
		assert.NoError(t, err, row.why)
		assert.Equal(t, row.want, got, row.why)
	}
}

func TestXMLWritesExtensionsLikeTheirJSON(t *testing.T) {
	for _, row := range []struct {
		why  string
		give any
		want string
	}{
		{"string", "a<b", `<x>a&lt;b</x>`},
		{"number", 30, `<x>30</x>`},
		{"no digit is lost", json.RawMessage(`9007199254740993.000000000000000000001e400`), `<x>9007199254740993.000000000000000000001e400</x>`},
		{"boolean", true, `<x>true</x>`},
		{"null", nil, `<x></x>`},
		{"empty", map[string]any{}, `<x></x>`},
		{"empty array", []int{}, `<x></x>`},
		{"array", []any{1, "b", nil}, `<x><i>1</i><i>b</i><i></i></x>`},
		{"array of arrays", [][]int{{1}, {2, 3}}, `<x><i><i>1</i></i><i><i>2</i><i>3</i></i></x>`},
		{"struct", problem.FieldError{Detail: "d", Pointer: "#/a"}, `<x><detail>d</detail><pointer>#/a</pointer></x>`},
		{"order is kept, also of repeated names", json.RawMessage(`{"b":1, "a":{"c":[]}, "b":2}`), `<x><b>1</b><a><c></c></a><b>2</b></x>`},
		{"i beside others is a member", json.RawMessage(`{"i":1,"j":2}`), `<x><i>1</i><j>2</j></x>`},
	} {
		got, err := appended(t, &problem.Details{Extensions: map[string]any{"x": row.give}})
		assert.NoError(t, err, row.why)
		assert.Equal(t, `<type>about:blank</type>`+row.want, got, row.why)
	}
}

func TestXMLReportsWhatItLeavesOut(t *testing.T) {
	for _, row := range []struct {
		why, name string
		value     any
	}{
		{"standard member", "status", 1},
		{"no name", "", 1},
		{"space", "bad name", 1},
		{"begins with a digit", "0", 1},
		{"begins with a hyphen", "-a", 1},
		{"a colon makes a prefix", "a:b", 1},
		{"markup", "a><b", 1},
		{"markup behind a letter that is not ASCII", "é/><b", 1},
		{"invalid UTF-8", "a\xff", 1},
		{"letter that is not one in XML", "a\u00d7", 1},
		{"cannot be encoded", "x", math.Inf(1)},
		{"panics", "x", panics{}},
		{"member without an XML name", "x", map[string]int{"ok": 1, "17": 2}},
		{"deep inside", "x", json.RawMessage(`[{"a":[{"":1}]}]`)},
		{"would be read as an array", "x", map[string]int{"i": 1}},
		{"also repeated, and deep inside", "x", json.RawMessage(`[[{"i":1,"i":2}]]`)},
		{"invalid JSON", "x", json.RawMessage(`{"a":`)},
	} {
		d := &problem.Details{Extensions: map[string]any{row.name: row.value, "kept": "yes"}}
		got, err := appended(t, d)
		assert.Equal(t, `<type>about:blank</type><kept>yes</kept>`, got, row.why)
		var left *problem.ExtensionError
		if assert.True(t, errors.As(err, &left), row.why) {
			assert.Equal(t, row.name, left.Name, row.why)
		}
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }

func TestXMLWritesNamesOfOtherAlphabets(t *testing.T) {
	got, err := appended(t, &problem.Details{Extensions: map[string]any{"größe": 1, "_大小-2.x": 2, "violated-policies": 3}})
	assert.NoError(t, err)
	assert.Equal(t, `<type>about:blank</type><_大小-2.x>2</_大小-2.x><größe>1</größe><violated-policies>3</violated-policies>`, got)
}

func TestXMLMarshalsAsPartOfAnotherDocument(t *testing.T) {
	b, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"batch"`
		Failed  []*problem.Details
	}{Failed: []*problem.Details{problem.New(404, problem.Extension("bad name", 1))}})
	require.NoError(t, err)
	assert.Contains(t, string(b), `<batch><problem xmlns="urn:ietf:rfc:7807"><type>about:blank</type><title>Not Found</title>`)

	var back struct {
		Failed []problem.Details `xml:"urn:ietf:rfc:7807 problem"`
	}
	require.NoError(t, xml.Unmarshal(b, &back))
	require.Len(t, back.Failed, 1)
	assert.Equal(t, 404, back.Failed[0].Status)
}

// The two examples of RFC 9457 are not quite the same: where the JSON has relative URIs, the
// XML has absolute ones with another host.
func TestXMLAndJSONOfTheRFCAreEquivalent(t *testing.T) {
	fromJSON := problem.Details{
		Type:     "https://example.com/probs/out-of-credit",
		Title:    "You do not have enough credit.",
		Detail:   "Your current balance is 30, but that costs 50.",
		Instance: "https://example.net/account/12345/msgs/abc",
		Extensions: map[string]any{
			"balance":  json.RawMessage(`30`),
			"accounts": json.RawMessage(`["https://example.net/account/12345","https://example.net/account/67890"]`),
		},
	}
	printed, err := os.ReadFile("testdata/rfc9457/rfc9457-b-1.xml")
	require.NoError(t, err)

	var fromXML problem.Details
	require.NoError(t, xml.Unmarshal(printed, &fromXML))
	assert.JSONEq(t, `"30"`, string(fromXML.Extensions["balance"].(json.RawMessage)), "XML has no numbers")
	for _, d := range []*problem.Details{&fromJSON, &fromXML} {
		b, err := d.AppendXML(nil)
		require.NoError(t, err)
		assert.Equal(t, elements(t, string(printed)), elements(t, string(b)))
	}

	fromXML.Extensions["balance"] = json.RawMessage(`30`)
	want, _ := fromJSON.AppendJSON(nil)
	got, _ := fromXML.AppendJSON(nil)
	assert.JSONEq(t, string(want), string(got))
}

// elements returns each leaf of a document with its path, in the order of the document,
// except that extensions are sorted by name.
func elements(t *testing.T, doc string) map[string][]string {
	t.Helper()
	dec, path, leaves := xml.NewDecoder(strings.NewReader(doc)), "", map[string][]string{}
	text, leaf := "", false
	for {
		tok, err := dec.Token()
		if tok == nil {
			return leaves
		}
		require.NoError(t, err)
		switch tok := tok.(type) {
		case xml.StartElement:
			assert.Equal(t, "urn:ietf:rfc:7807", tok.Name.Space)
			path, text, leaf = path+"/"+tok.Name.Local, "", true
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			if leaf {
				leaves[path] = append(leaves[path], text)
			}
			path, leaf = path[:strings.LastIndexByte(path, '/')], false
		}
	}
}

func BenchmarkAppendXML(b *testing.B) {
	d := problem.New(403, problem.Instance("/account/12345/msgs/abc"), problem.Extension("balance", 30), problem.Extension("accounts", []string{"/account/12345", "/account/67890"}))
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = d.AppendXML(buf[:0])
	}
}
