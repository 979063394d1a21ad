package problem

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inProblem returns elements inside a root element.
func inProblem(elements string) string {
	return `<problem xmlns="urn:ietf:rfc:7807">` + elements + `</problem>`
}

func TestXMLReadsStandardElements(t *testing.T) {
	for _, row := range []struct {
		why, elements string
		want          Details
	}{
		{"nothing", ``, Details{}},
		{"any order", `<detail>D</detail><status>404</status><instance>/i</instance><title>T</title><type>/t</type>`,
			Details{Type: "/t", Title: "T", Status: 404, Detail: "D", Instance: "/i"}},
		{"white space between elements", "\n  <title>T</title>\n\t<status>\n404 </status>\n", Details{Title: "T", Status: 404}},
		{"white space is part of a text, not of a URI or a number", `<title> T </title><type> /t </type><instance> /i </instance><status> +0404 </status>`,
			Details{Title: " T ", Type: "/t", Instance: "/i", Status: 404}},
		{"character data of every kind", `<title>a<!-- no --><![CDATA[<b>]]>&amp;&#x21;</title>`, Details{Title: "a<b>&!"}},
		{"wrong type is absent", `<title><b>T</b></title><detail><i>D</i></detail><type><i/></type>`, Details{}},
		{"the last usable one counts", `<title>A</title><title>B</title><title><c/></title><status>404</status><status>x</status>`, Details{Title: "B", Status: 404}},
		{"no status", `<status>404.0</status>`, Details{}},
		{"no status", `<status>4.04e2</status>`, Details{}},
		{"no status", `<status>-404</status>`, Details{}},
		{"no status", `<status>99</status>`, Details{}},
		{"no status", `<status>600</status>`, Details{}},
		{"no status", `<status>++404</status>`, Details{}},
		{"no status", `<status>184467440737095516160404</status>`, Details{}},
		{"no status", `<status/>`, Details{}},
		{"another namespace", `<title xmlns="">no</title><o:title xmlns:o="urn:o">no<o:x/></o:title><title>T<o:b xmlns:o="urn:o">no</o:b></title>`, Details{Title: "T"}},
		{"a prefix for ours", `<p:title xmlns:p="urn:ietf:rfc:7807">T</p:title>`, Details{Title: "T"}},
		{"attributes say nothing", `<title type="a">T</title>`, Details{Title: "T"}},
	} {
		var got Details
		require.NoError(t, xml.Unmarshal([]byte(inProblem(row.elements)), &got), row.why)
		row.want.stated, row.want.remote, row.want.fromXML = row.want.Status, true, true
		assert.Equal(t, row.want, got, row.why)
		got = Details{}
		require.NoError(t, got.decodeXML([]byte("<?xml version='1.0'?>\n<?x y?><!-- c -->"+inProblem(row.elements)+"\n<!-- c -->\n")), row.why)
		assert.Equal(t, row.want, got, row.why)
	}
}

func TestXMLReadsExtensionsAsJSON(t *testing.T) {
	for _, row := range []struct{ why, element, want string }{
		{"text", `<x>a "b"</x>`, `"a \"b\""`},
		{"empty", `<x/>`, `""`},
		{"only white space", "<x> \n </x>", `" \n "`},
		{"no number", `<x>30</x>`, `"30"`},
		{"no boolean", `<x>true</x>`, `"true"`},
		{"array", `<x> <i>1</i> <i/> </x>`, `["1",""]`},
		{"array of one", `<x><i>1</i></x>`, `["1"]`},
		{"array of arrays", `<x><i><i>1</i></i><i><i>2</i><i>3</i></i></x>`, `[["1"],["2","3"]]`},
		{"array of objects", `<x><i><a>1</a></i><i><b><i>2</i></b><c/></i></x>`, `[{"a":"1"},{"b":["2"],"c":""}]`},
		{"object", `<x><b>1</b> <a><c>2</c></a></x>`, `{"b":"1","a":{"c":"2"}}`},
		{"i beside others is a member", `<x><i>1</i><j>2</j></x>`, `{"i":"1","j":"2"}`},
		{"repeated names are kept", `<x><a>1</a><a>2</a></x>`, `{"a":"1","a":"2"}`},
		{"standard names mean nothing inside", `<x><status>1</status></x>`, `{"status":"1"}`},
		{"text beside elements", `<x>no<a>1</a>no</x>`, `{"a":"1"}`},
		{"elements of another namespace", `<x><n xmlns="urn:o"><a xmlns="urn:ietf:rfc:7807"/></n><i>1</i><i xmlns="">2</i></x>`, `["1"]`},
	} {
		var d Details
		require.NoError(t, xml.Unmarshal([]byte(inProblem(row.element)), &d), row.why)
		assert.Equal(t, map[string]any{"x": json.RawMessage(row.want)}, d.Extensions, row.why)
	}
}

func TestXMLThatIsRefusedChangesNothing(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	for _, row := range []struct {
		why, doc string
		within   bool // also when encoding/xml leads the way
	}{
		{"empty", ``, true},
		{"no namespace", `<problem><title>T</title></problem>`, true},
		{"another namespace", `<problem xmlns="urn:ietf:rfc:9457"/>`, true},
		{"another root", `<HTTPError xmlns="urn:ietf:rfc:7807"/>`, true},
		{"names are case-sensitive", `<Problem xmlns="urn:ietf:rfc:7807"/>`, true},
		{"cut off", `<problem xmlns="urn:ietf:rfc:7807"><title>T</title>`, true},
		{"cut off in a value", `<problem xmlns="urn:ietf:rfc:7807"><x><y>`, true},
		{"tags cross", inProblem(`<a><b></a></b>`), true},
		{"unknown entity", inProblem(`<title>&nbsp;</title>`), true},
		{"entity that expands", `<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + inProblem(`<title>&b;</title>`), true},
		{"external entity", `<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + inProblem(`<title>&x;</title>`), true},
		{"document type", `<!DOCTYPE problem>` + inProblem(``), false},
		{"declaration inside", inProblem(`<!ENTITY a "b">`), true},
		{"declaration inside a value", inProblem(`<x><!ENTITY a "b"></x>`), true},
		{"character that XML lacks", inProblem("<title>\x01</title>"), true},
		{"reference to one", inProblem(`<title>&#1;</title>`), true},
		{"invalid UTF-8", inProblem("<title>\xff</title>"), true},
		{"another encoding", `<?xml version="1.0" encoding="UTF-16"?>` + inProblem(``), true},
		{"prefix without a name", inProblem(`<a:/>`), true},
		{"name without a prefix", inProblem(`<x><:a/></x>`), true},
		{"too deep", inProblem(deep(64)), true},
		{"far too deep", inProblem(deep(100_000)), true},
		{"too large", inProblem(strings.Repeat("<x/>", MaxSize/4)), true},
		{"too large in one text", inProblem("<x>" + strings.Repeat(" ", MaxSize) + "</x>"), true},
		{"second root", inProblem(``) + inProblem(``), false},
		{"text after the root", inProblem(``) + `x`, false},
		{"text before the root", `x` + inProblem(``), false},
	} {
		want := Details{Type: "before", Extensions: map[string]any{"x": 1}}
		got := want
		assert.ErrorIs(t, got.decodeXML([]byte(row.doc)), ErrMalformed, row.why)
		if row.within {
			assert.Error(t, xml.Unmarshal([]byte(row.doc), &got), row.why)
		}
		assert.Equal(t, want, got, row.why)
	}
	var d Details
	assert.NoError(t, d.decodeXML([]byte(inProblem(deep(63)))), "64 levels, the root included")
}

func TestXMLReadingKeepsHeaderAndCause(t *testing.T) {
	cause := errors.New("cause")
	d := New(404, Header("Retry-After", "1"), Cause(cause), Extension("x", 1))
	require.NoError(t, xml.Unmarshal([]byte(inProblem(`<y>1</y>`)), d))
	assert.Equal(t, &Details{
		Extensions: map[string]any{"y": json.RawMessage(`"1"`)},
		Header:     d.Header, cause: cause, remote: true, fromXML: true,
	}, d)
	assert.Equal(t, "1", d.Header.Get("Retry-After"))
}

func TestXMLReadingUsesLinearMemory(t *testing.T) {
	for name, doc := range map[string]string{
		"elements":   inProblem("<x>" + strings.Repeat("<i/>", 50_000) + "</x>"),
		"lists":      inProblem("<x>" + strings.Repeat("<a><i/></a>", 20_000) + "</x>"),
		"pieces":     inProblem("<x>" + strings.Repeat("a<!---->", 20_000) + "</x>"),
		"extensions": inProblem(strings.Join(slices.Collect(numbered(20_000)), "")),
		"attributes": inProblem("<x " + strings.Repeat(`a="" `, 40_000) + "/>"),
		"namespaces": inProblem(strings.Repeat(`<x xmlns:a="b">`, 60) + strings.Repeat("</x>", 60)),
		"a name":     inProblem("<" + strings.Repeat("x", 200_000) + "/>"),
		"references": inProblem("<x>" + strings.Repeat("&#34;", 40_000) + "</x>"),
		"foreign":    inProblem(`<x xmlns="urn:o">` + strings.Repeat("<y>", 30_000) + strings.Repeat("</y>", 30_000) + "</x>"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, new(Details).decodeXML([]byte(doc)), name)
		runtime.ReadMemStats(&after)
		assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/uint64(len(doc)), uint64(100), "%s: bytes allocated for each that was read", name)
	}
}

func numbered(n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield("<x" + strconv.Itoa(i) + "/>") {
				return
			}
		}
	}
}

// nest has fields of many types that an extension can be decoded into.
type nest struct {
	A map[string]nest
	B *bool
	I []nest
	X int
	Y [][]float64
}

// FuzzXMLReadsBackWhatItWrote has the decoder as the oracle of the encoder: a problem that
// was decoded is the same after encoding and decoding it again, except for extensions that
// the encoder reports. Each extension is valid JSON.
func FuzzXMLReadsBackWhatItWrote(f *testing.F) {
	for _, s := range []string{
		inProblem(`<type>/t</type><title>a&amp;b</title><status>404</status><x><i>1</i><i><a/></i></x>`),
		inProblem(`<x>a&lt;/x&gt;&lt;y&gt;</x>`),
		inProblem("<x>\r\n&#13;&#x10FFFF;\"\\</x><y><a>1</a><a>2</a><i/></y>"),
		inProblem(`<p:a xmlns:p="urn:ietf:rfc:7807"><b xmlns="">1</b></p:a><größe/>`),
		`<?xml version="1.0" encoding="utf-8"?><!-- c -->` + inProblem(`<![CDATA[x]]><i>1</i>`),
		`<!DOCTYPE x [<!ENTITY a "b">]>` + inProblem(`<x>&a;</x>`),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var first Details
		if first.decodeXML(doc) != nil {
			return
		}
		for name, v := range first.Extensions {
			if raw := v.(json.RawMessage); !json.Valid(raw) || len(raw) > 6*len(doc) {
				t.Fatalf("%q is no JSON in proportion to %q: %q", name, doc, raw)
			} else if as := typed(raw, reflect.TypeFor[*nest]()); !json.Valid(as) {
				t.Fatalf("%q of %q is no JSON for a Go value: %q", name, doc, as)
			}
		}
		again, err := first.AppendXML(nil)
		if err != nil {
			t.Fatalf("read from XML, but cannot be written as XML: %v\n%q", err, doc)
		}
		var second Details
		if err := second.decodeXML(again); err != nil {
			t.Fatalf("%v\n%q\nwritten from %q", err, again, doc)
		}
		first.Type, first.Instance = uriText(first.typeURI()), uriText(first.Instance) // a URI is made valid when it is written
		if !maps.EqualFunc(first.Extensions, second.Extensions, func(a, b any) bool {
			return string(a.(json.RawMessage)) == string(b.(json.RawMessage))
		}) {
			t.Fatalf("%q\n became %q\n%s", first.Extensions, second.Extensions, again)
		}
		first.Extensions, second.Extensions = nil, nil
		assert.Equal(t, first, second)
	})
}
