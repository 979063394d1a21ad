package problem_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

// readXML decodes the elements of a problem.
func readXML(t *testing.T, elements string) *problem.Details {
	t.Helper()
	d := new(problem.Details)
	require.NoError(t, xml.Unmarshal([]byte(`<problem xmlns="urn:ietf:rfc:7807">`+elements+`</problem>`), d))
	return d
}

type limits struct {
	window
	Most  int      `json:"most"`
	Hard  bool     `json:"is-hard"`
	Names []string `json:"names"`
	Next  *limits
}

type window struct{ Per time.Duration }

func TestExtensionOfXMLHasTheTypeOfItsTarget(t *testing.T) {
	for _, tt := range []struct {
		why, element string
		want         any
	}{
		{"a number", `<x>30</x>`, 30},
		{"every digit", `<x>9223372036854775807</x>`, int64(9223372036854775807)},
		{"not negative", `<x>30</x>`, uint16(30)},
		{"a fraction", `<x>-1.5e3</x>`, -1500.0},
		{"a type of one's own", `<x>1000000000</x>`, time.Second},
		{"space around it", "<x>\n 30 </x>", 30},
		{"a boolean", `<x>true</x>`, true},
		{"the other", `<x>false</x>`, false},
		{"a text that looks like a number", `<x>007</x>`, "007"},
		{"a text that looks like a boolean", `<x> true</x>`, " true"},
		{"whatever it is", `<x>30</x>`, any("30")},
		{"a number as it stands", `<x>1e400</x>`, json.Number("1e400")},
		{"a list", `<x><i>1</i><i>2</i></x>`, []int{1, 2}},
		{"a list of fixed length", `<x><i>1</i><i>2</i></x>`, [2]float64{1, 2}},
		{"lists of lists", `<x><i><i>1</i></i><i></i><i><i>2</i><i>3</i></i></x>`, [][]int{{1}, nil, {2, 3}}},
		{"a map", `<x><a>1</a><b>2</b></x>`, map[string]int{"a": 1, "b": 2}},
		{"an object", `<x><most>3</most><is-hard>true</is-hard><names><i>1</i></names></x>`, limits{Most: 3, Hard: true, Names: []string{"1"}}},
		{"names in another letter case", `<x><MOST>3</MOST><per>5</per></x>`, limits{Most: 3, window: window{5}}},
		{"objects in objects", `<x><Next><most>4</most><Next/></Next></x>`, limits{Next: &limits{Most: 4}}},
		{"unknown members", `<x><a>1</a><b><c/></b><most>3</most></x>`, limits{Most: 3}},
		{"an empty list", `<x/>`, []int(nil)},
		{"an empty map", `<x></x>`, map[string]int(nil)},
		{"an empty object", "<x> </x>", limits{}},
		{"an empty text", `<x/>`, ""},
		{"a time decodes itself", `<x>2026-03-01T12:00:00Z</x>`, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	} {
		d := readXML(t, tt.element)
		for _, d := range []*problem.Details{d, d.With(problem.Detail("varied"))} {
			got := reflect.New(reflect.TypeOf(tt.want))
			if assert.NoError(t, d.Extension("x", got.Interface()), tt.why) {
				assert.Equal(t, tt.want, got.Elem().Interface(), tt.why)
			}
		}
	}
	some := new(int)
	require.NoError(t, readXML(t, `<x/>`).Extension("x", &some))
	assert.Nil(t, some, "a pointer to nothing")
	require.NoError(t, readXML(t, `<x>7</x>`).Extension("x", &some))
	assert.Equal(t, 7, *some, "a pointer to a number")
	var text *string
	require.NoError(t, readXML(t, `<x> </x>`).Extension("x", &text))
	assert.Equal(t, " ", *text, "a text may be empty")
}

func TestExtensionOfXMLThatDoesNotFitIsAnError(t *testing.T) {
	for _, tt := range []struct {
		why, element string
		dst          any
	}{
		{"no number", `<x>thirty</x>`, new(int)},
		{"nothing is no number", `<x/>`, new(int)},
		{"a number that JSON does not have", `<x>+30</x>`, new(int)},
		{"nor this", `<x>030</x>`, new(int)},
		{"nor this", `<x>NaN</x>`, new(float64)},
		{"two numbers", `<x>1 2</x>`, new(int)},
		{"more than one value", `<x>1,"y":2</x>`, new(int)},
		{"a fraction", `<x>1.5</x>`, new(int)},
		{"too large", `<x>300</x>`, new(int8)},
		{"negative", `<x>-1</x>`, new(uint)},
		{"no boolean", `<x>1</x>`, new(bool)},
		{"another letter case", `<x>True</x>`, new(bool)},
		{"a list", `<x><i>1</i></x>`, new(int)},
		{"no list", `<x>1</x>`, new([]int)},
		{"one that does not fit", `<x><i>1</i><i>b</i></x>`, new([]int)},
		{"no pointer", `<x>1</x>`, 17},
		{"nowhere", `<x>1</x>`, nil},
		{"what decodes itself gets the string", `<x>1</x>`, new(big.Int)},
	} {
		err := readXML(t, tt.element).Extension("x", tt.dst)
		e, ok := errors.AsType[*problem.ExtensionError](err)
		if assert.True(t, ok, "%s: %v", tt.why, err) {
			assert.Equal(t, "x", e.Name, tt.why)
		}
	}
}

func TestExtensionOfJSONIsNotTakenForAnotherType(t *testing.T) {
	assert.Error(t, read(t, `{"x":"30"}`).Extension("x", new(int)), "JSON distinguishes numbers from strings")
	d := readXML(t, `<x>30</x>`)
	require.NoError(t, d.UnmarshalJSON([]byte(`{"x":"30"}`)))
	assert.Error(t, d.Extension("x", new(int)), "what was read last counts")
	d = readXML(t, `<x>30</x>`).With(problem.Extension("x", "30"))
	assert.Error(t, d.Extension("x", new(int)), "a string that was put in is a string")
}

func TestExtensionReadsTheSameByXMLAsByJSON(t *testing.T) {
	type quota struct {
		Left    int            `json:"left"`
		Burst   []float64      `json:"burst"`
		Blocked bool           `json:"blocked"`
		ByDay   map[string]int `json:"byDay"`
	}
	want := quota{7, []float64{1, 2.5}, true, map[string]int{"monday": 3}}
	server := problem.QuotaExceeded.New(problem.Extension("quota", want))
	for _, accept := range []string{problem.MediaType, problem.MediaTypeXML} {
		body, err := server.AppendJSON(nil)
		if accept == problem.MediaTypeXML {
			body, err = server.AppendXML(nil)
		}
		require.NoError(t, err)
		var got quota
		require.NoError(t, check(t, fetch(t, "GET", "/", sends(429, accept, string(body)))).Extension("quota", &got), accept)
		assert.Equal(t, want, got, accept)
	}
}

func TestExtensionAddedAfterXMLMayBeAnyJSON(t *testing.T) {
	d := readXML(t, `<x>1</x>`)
	for raw, want := range map[string][]int{
		" [ 1 , \"2\"\n] ":           {1, 2},
		"[1":                         nil,
		"[1,]":                       nil,
		"":                           nil,
		strings.Repeat("[", 100_000): nil,
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000): nil,
	} {
		d.Extensions["x"] = json.RawMessage(raw)
		var got []int
		err := d.Extension("x", &got)
		assert.Equal(t, want == nil, err != nil, "%.20q: %v", raw, err)
		if want != nil {
			assert.Equal(t, want, got, "%.20q", raw)
		}
	}
}

func TestExtensionOfXMLUsesLinearMemory(t *testing.T) {
	d := readXML(t, "<x>"+strings.Repeat("<i>1</i>", 20_000)+"</x>")
	var all []int
	require.NoError(t, d.Extension("x", &all))
	assert.Len(t, all, 20_000)
}

func TestExtensionOfXMLKnowsValuesInStrings(t *testing.T) {
	type quoted struct {
		A int     `json:"a,string"`
		B *bool   `json:"b,string"`
		C *string `json:"c,string"`
		D float64 `json:"D,string"`
		E *int    `json:"e,string"`
	}
	yes, text := true, "x y"
	want := quoted{5, &yes, &text, 1.5, nil}
	d := problem.New(400, problem.Extension("q", want))
	doc, err := d.AppendXML(nil)
	require.NoError(t, err)
	wire := new(problem.Details)
	require.NoError(t, xml.Unmarshal(doc, wire))
	for _, d := range []*problem.Details{d, wire} {
		var got quoted
		require.NoError(t, d.Extension("q", &got), "%s", doc)
		assert.Equal(t, want, got)
	}
}

// encoding/xml reads an element that is called xmlns as one without a namespace.
func TestXMLHasNoElementCalledXmlns(t *testing.T) {
	for _, v := range []problem.Option{problem.Extension("xmlns", "v"), problem.Extension("deep", map[string]any{"a": []any{map[string]int{"xmlns": 1}}})} {
		doc, err := problem.New(400, v, problem.Extension("other", "x")).AppendXML(nil)
		assert.ErrorContains(t, err, "xmlns")
		d := new(problem.Details)
		require.NoError(t, xml.Unmarshal(doc, d))
		assert.Len(t, d.Extensions, 1, "%s", doc)
	}
}
