package request_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
)

// color decodes itself from one of two words.
type color string

func (c *color) UnmarshalText(text []byte) error {
	if s := string(text); s != "red" && s != "blue" {
		return errors.New("secret: no color")
	}
	*c = color(text)
	return nil
}

// point decodes itself from an object, so the package does not look for faults inside it.
type point struct{ X, Y int }

func (p *point) UnmarshalJSON(b []byte) error {
	var v struct{ X, Y int }
	err := json.Unmarshal(b, &v)
	*p = point(v)
	return err
}

type (
	outer struct {
		Inner inner  `json:"inner"`
		Tag   string `json:"tag"`
	}
	inner struct {
		Tag  string `json:"tag"`
		Tags []int  `json:"tags"`
	}
	// Of two members with the same name at the same depth, encoding/json decodes neither.
	left      struct{ Side, Left int }
	right     struct{ Side, Right int }
	ambiguous struct {
		left
		right
	}
	tagged struct {
		left
		right2
	}
	right2 struct {
		Other int `json:"Side"`
	}
	twice struct {
		*left
		again
	}
	again struct{ left }
)

// zoo has a field of each kind of Go type.
type zoo struct {
	Role    string            `json:"role"`
	Bool    bool              `json:"bool"`
	Int8    int8              `json:"int8"`
	Uint    uint              `json:"uint"`
	Float32 float32           `json:"float32"`
	Float   *float64          `json:"float"`
	Any     any               `json:"any"`
	Raw     json.RawMessage   `json:"raw"`
	Number  json.Number       `json:"number"`
	QInt    int               `json:"qint,string"`
	QUint   *uint8            `json:"quint,string"`
	QBool   bool              `json:"qbool,string"`
	QFloat  float64           `json:"qfloat,string"`
	QText   string            `json:"qtext,string"`
	Bytes   []byte            `json:"bytes"`
	Pair    [2]int            `json:"pair"`
	List    []*inner          `json:"list"`
	Words   map[string]string `json:"words"`
	ByInt   map[int8]bool     `json:"byint"`
	ByUint  map[uint]any      `json:"byuint"`
	ByColor map[color]int     `json:"bycolor"`
	ByTime  map[time.Time]int `json:"bytime"`
	Color   color             `json:"color"`
	Colors  []color           `json:"colors"`
	Point   *point            `json:"point"`
	Place   point             `json:"place"`
	Since   time.Time         `json:"since"`
	Big     *big.Int          `json:"big"`
	Nested  map[string]outer  `json:"nested"`
	Euro    int               `json:"€"`
	//lint:ignore SA5008 encoding/json names it "-"
	Dash     int `json:"-,"`
	Odd      int `json:"a/b~c d"`
	Untagged int
	ambiguous
}

// faults returns the faults in a 422, each as "pointer detail".
func faults(t *testing.T, err error) []string {
	t.Helper()
	d := details(t, err)
	require.Equal(t, 422, d.Status, "%v", err)
	all, _ := d.Extensions["errors"].([]problem.FieldError)
	var got []string
	for _, f := range all {
		got = append(got, f.Pointer+" "+f.Detail)
	}
	return got
}

func TestJSONReportsValuesThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		why, body string
		want      []string
	}{
		{"numbers without a place in the type", `{"float":1e999,"any":-1e999,"float32":1e39,"int8":1e2,"role":7}`, []string{
			"#/float must be a number in the supported range", "#/any must be a number in the supported range",
			"#/float32 must be a number in the supported range", "#/int8 must be a whole number in the supported range",
			"#/role must be a string"}},
		{"deep in anything", `{"any":[{"a":1e400}]}`, []string{"#/any/0/a must be a number in the supported range"}},
		{"a fault inside a type that decodes itself", `{"point":{"X":"secret"},"place":7,"color":"green","colors":["red","mauve"]}`, []string{
			"#/point invalid value", "#/place invalid value", "#/color invalid value", "#/colors/1 invalid value"}},
		{"another kind than the type reads", `{"color":7,"colors":[{},null]}`, []string{"#/color must be a string", "#/colors/0 must be a string"}},
		{"a number in a string", `{"qint":3,"quint":"256","qbool":"True","qfloat":"1e999","qtext":"x"}`, []string{
			"#/qint must be a string that contains a whole number", "#/quint must be a string that contains a non-negative whole number",
			"#/qbool must be a string that contains true or false", "#/qfloat must be a string that contains a number", "#/qtext must be a string that contains a string"}},
		{"no number in a string", `{"qint":"03","quint":" 3","qbool":"null","qfloat":"","qtext":"\"a\"b"}`, []string{
			"#/qint must be a string that contains a whole number", "#/quint must be a string that contains a non-negative whole number",
			"#/qbool must be a string that contains true or false", "#/qfloat must be a string that contains a number", "#/qtext must be a string that contains a string"}},
		{"json.Number", `{"number":"x"}`, []string{"#/number must be a number"}},
		{"json.Number, empty", `{"number":""}`, []string{"#/number must be a number"}},
		{"json.Number, another kind", `{"number":true}`, []string{"#/number must be a number"}},
		{"keys that are whole numbers", `{"byint":{"x":true,"1":true,"01":true,"128":true,"-0":true,"+2":true},"byuint":{"-1":0,"1.0":0}}`, []string{
			"#/byint/x member name must be a whole number in the supported range", "#/byint/01 member name must be a whole number in the supported range",
			"#/byint/128 member name must be a whole number in the supported range", "#/byint/-0 member name must be a whole number in the supported range",
			"#/byint/+2 member name must be a whole number in the supported range",
			"#/byuint/-1 member name must be a non-negative whole number in the supported range",
			"#/byuint/1.0 member name must be a non-negative whole number in the supported range"}},
		{"keys that decode themselves", `{"bycolor":{"red":1,"green":2}}`, []string{"#/bycolor/green invalid member name"}},
		{"two names of one key", `{"bytime":{"2026-01-01T00:00:00Z":1,"2026-01-01T00:00:00.0Z":2}}`, []string{"#/bytime/2026-01-01T00:00:00.0Z duplicate member"}},
		{"a long array", `{"pair":[1,2,3]}`, []string{"#/pair must have 2 elements"}},
		{"a short array", `{"pair":[1]}`, []string{"#/pair must have 2 elements"}},
		{"no member at all", `{"Side":1,"Left":2}`, []string{"#/Side unknown member"}},
		{"half a character", `{"role":"\ud83d","any":["\udc00\ud800"],"words":{"a":"\ud83d\ude00"}}`, []string{
			"#/role must not contain unpaired surrogates", "#/any/0 must not contain unpaired surrogates"}},
		{"half a character in a name", `{"words":{"\ud800":"","\udbff":""}}`, []string{
			"#/words must not have names with unpaired surrogates", "#/words must not have names with unpaired surrogates", "#/words/%EF%BF%BD duplicate member"}},
		{"bytes", `{"bytes":"AA"}`, []string{"#/bytes must be a string in base64"}},
		{"bytes as an array", `{"bytes":[1,256]}`, []string{"#/bytes/1 must be a non-negative whole number in the supported range"}},
		{"places", `{"nested":{"a/b":{"inner":{"tags":[1,"x"]}}},"a/b~c d":"x"}`, []string{
			"#/nested/a~1b/inner/tags/1 must be a whole number", "#/a~1b~0c%20d must be a whole number"}},
		{"repeated in what is unknown", `{"nested":{"x":{"y":{"z":1,"z":2}}}}`, []string{"#/nested/x/y unknown member", "#/nested/x/y/z duplicate member"}},
	} {
		_, err := request.JSON[zoo](post(c.body))
		assert.Equal(t, c.want, faults(t, err), "%s: %s", c.why, c.body)
		assert.NotContains(t, fmt.Sprint(details(t, err).Extensions), "secret", c.why)
	}
}

func TestJSONGivesEachFaultItsCode(t *testing.T) {
	for body, want := range map[string]string{
		`{"ROLE":"x"}`: "unknown", `{"words":{"a":"1","a":"2"}}`: "duplicate", `{"bytime":{"2026-01-01T00:00:00Z":1,"2026-01-01T00:00:00.0Z":2}}`: "duplicate",
		`{"role":7}`: "type", `{"int8":"7"}`: "type", `{"list":{}}`: "type", `{"qint":3}`: "type", `{"qint":"x"}`: "type", `{"number":"x"}`: "type", `{"color":7}`: "type", `[]`: "type",
		`{"int8":1.5}`: "type", `{"int8":1e2}`: "type", `{"uint":1.0}`: "type",
		`{"int8":128}`: "range", `{"uint":-1}`: "range", `{"float":1e999}`: "range", `{"any":-1e999}`: "range", `{"bytes":[256]}`: "range",
		`{"pair":[1]}`: "length", `{"pair":[1,2,3]}`: "length",
		`{"byint":{"x":true}}`: "name", `{"byint":{"01":true}}`: "name", `{"bycolor":{"green":1}}`: "name", `{"words":{"\ud800":""}}`: "name",
		`{"color":"green"}`: "invalid", `{"point":7}`: "invalid", `{"since":"x"}`: "invalid", `{"bytes":"!"}`: "invalid", `{"role":"\ud800"}`: "invalid",
	} {
		_, err := request.JSON[zoo](post(body))
		all, _ := details(t, err).Extensions["errors"].([]problem.FieldError)
		if assert.Len(t, all, 1, body) {
			assert.Equal(t, want, all[0].Code, body)
		}
	}
}

func TestJSONReadsEachKindOfType(t *testing.T) {
	v, err := request.JSON[zoo](post(`{"role":"\ud83d\ude00","bool":true,"int8":-128,"uint":0,"float32":1e38,"float":1e308,"any":{"a":[1e308]},
		"raw":{"b":1e999},"number":"1e999","qint":"-3","quint":"255","qbool":"true","qfloat":"1e3","qtext":"\"x\"","bytes":"AAE=",
		"pair":[1,2],"list":[null,{"tags":[]}],"words":{"":"x"},"byint":{"-128":true,"127":false},"byuint":{"0":null},"bycolor":{"red":1},
		"bytime":{"2026-01-01T00:00:00Z":1},"color":"blue","colors":[],"point":{"X":1},"place":{"Y":2},"since":"2026-01-01T00:00:00Z",
		"big":123456789012345678901234567890,"nested":{"a":{"inner":{"tag":"x"}}},"-":1,"a/b~c d":2,"Untagged":3,"Left":4,"Right":5}`))
	require.NoError(t, err)
	assert.Equal(t, "😀", v.Role)
	assert.Equal(t, 1e308, v.Any.(map[string]any)["a"].([]any)[0])
	assert.Equal(t, `{"b":1e999}`, string(v.Raw))
	assert.Equal(t, []any{json.Number("1e999"), -3, uint8(255), true, 1e3, "x"}, []any{v.Number, v.QInt, *v.QUint, v.QBool, v.QFloat, v.QText})
	assert.Equal(t, [2]int{1, 2}, v.Pair)
	assert.Equal(t, map[color]int{"red": 1}, v.ByColor)
	assert.Equal(t, []any{1, 2, 4, 5}, []any{v.Point.X, v.Place.Y, v.Left, v.Right})
	assert.Equal(t, []int{1, 2, 3}, []int{v.Dash, v.Odd, v.Untagged})

	one, err := request.JSON[tagged](post(`{"Side":1}`))
	require.NoError(t, err)
	assert.Equal(t, tagged{right2: right2{1}}, one, "the one whose name is in a tag")
}

func TestDecoderIsCaseSensitive(t *testing.T) {
	type user struct {
		Role  string `json:"role"`
		Admin bool   `json:"admin"`
		Age   int
	}
	loose := request.Decoder{AllowUnknown: true}
	for _, body := range []string{
		`{"role":"user","ROLE":"root","Admin":true}`, `{"ROLE":"root","role":"user"}`, `{"Admin":true,"ROLE":"root","role":"user","age":7}`,
		`{"Role":"root", "role":"user" , "ADMIN" : true }`, "{\"role\":\"user\",\"ro\u017fe\":1,\"\u212Aey\":2,\"Admin\":true,\"AGE\":[{\",\":\"}\"}]}",
	} {
		var u user
		require.NoError(t, loose.Decode(post(body), &u), body)
		assert.Equal(t, user{Role: "user"}, u, body)
	}
	var deep []map[string]user
	require.NoError(t, loose.Decode(post(`[{"ROLE":{"Role":"x","x":1}},{"a":{"X":1,"Y":2}}]`), &deep))
	assert.Equal(t, []map[string]user{{"ROLE": {}}, {"a": {}}}, deep)
	text := []byte(`{"Admin":true}`)
	require.NoError(t, loose.Unmarshal(text, new(user)))
	assert.Equal(t, `{"Admin":true}`, string(text), "the caller's text is the caller's")
}

// The package has to follow pointers in interfaces, because encoding/json does.
func TestDecoderFollowsPointersInInterfaces(t *testing.T) {
	type part struct {
		Quantity int `json:"quantity"`
	}
	type envelope struct {
		inner
		*outer
		Payload any             `json:"payload"`
		List    []any           `json:"list"`
		Pair    [1]fmt.Stringer `json:"pair"`
		Map     map[string]any  `json:"map"`
		Deep    *[]map[string]*envelope
	}
	fresh := func() *envelope {
		return &envelope{Payload: &part{}, List: []any{1, &part{}}[:1], Map: map[string]any{"a": &part{}}, Deep: &[]map[string]*envelope{nil}}
	}
	for _, row := range []struct {
		body string
		want []string
	}{
		{`{"payload":{"quantity":"x"}}`, []string{"#/payload/quantity must be a whole number"}},
		{`{"payload":{"QUANTITY":1,"foo":2}}`, []string{"#/payload/QUANTITY unknown member", "#/payload/foo unknown member"}},
		{`{"payload":[]}`, []string{"#/payload must be an object"}},
		{`{"list":[{},{"QUANTITY":1}]}`, []string{"#/list/1/QUANTITY unknown member"}},
	} {
		assert.Equal(t, row.want, faults(t, request.Decoder{}.Unmarshal([]byte(row.body), fresh())), row.body)
	}
	v := fresh()
	require.NoError(t, request.Decoder{}.Unmarshal([]byte(`{"payload":{"quantity":7},"list":["x"],"map":{"a":{"b":1}},"tags":[1],"Deep":[{"k":{"payload":{"x":1}}}]}`), v))
	assert.Equal(t, &part{7}, v.Payload)
	assert.Equal(t, map[string]any{"a": map[string]any{"b": 1.0}}, v.Map, "the values of a map are new")
	require.NoError(t, request.Decoder{AllowUnknown: true}.Unmarshal([]byte(`{"payload":{"QUANTITY":7}}`), v))
	assert.Equal(t, &part{7}, v.Payload, "passed over")
	require.NoError(t, request.Decoder{}.Unmarshal([]byte(`{"payload":null}`), v))
	assert.Nil(t, v.Payload)

	var cycle any
	cycle = &cycle
	assert.Equal(t, 500, details(t, request.Decoder{}.Unmarshal([]byte(`{"a":1}`), &cycle)).Status)
	elements := []any{&part{}}
	assert.Equal(t, []string{"#/0/quantity must be a whole number"}, faults(t, request.Decoder{}.Unmarshal([]byte(`[{"quantity":true}]`), &elements)))
}

// If releases of Go decode a value differently, or only some of them can, the package refuses it
// in every release.
func TestDecoderIsTheSameOnEachRelease(t *testing.T) {
	type key struct{ F float64 }
	for why, row := range map[string]struct {
		v        any
		bad      []string
		harmless string
	}{
		"keys that are floats":   {new(struct{ M map[float64]int }), []string{`{"M":{"1":1,"1.0":2}}`, `{"M":{"NaN":1}}`, `{"M":{"x":1}}`, `{"M":{}}`, `{"M":7}`}, `{"M":null}`},
		"keys of any type":       {new([]map[any]int), []string{`[{"1":1}]`}, `[]`},
		"keys that are structs":  {new(map[key]int), []string{`{"1":1}`}, `null`},
		"keys that are pointers": {new(map[*color]int), []string{`{"green":1}`, `{"red":1}`}, `null`},
		"a number that reads itself, in a string": {new(struct {
			A month  `json:"a,string"`
			B *month `json:"b,string"`
		}), []string{`{"a":"1"}`, `{"a":1}`, `{"b":"x"}`}, `{"a":null,"b":null}`},
		"a text that reads itself, in a string": {new(struct {
			A color `json:"a,string"`
		}), []string{`{"a":"red"}`, `{"a":"\"red\""}`, `{"a":7}`}, `{}`},
		"a pointer type with a name, in a string": {new(struct {
			A number `json:"a,string"`
		}), []string{`{"a":"1"}`, `{"a":1}`}, `{"a":null}`},
	} {
		for _, body := range row.bad {
			d := details(t, request.Decoder{}.Unmarshal([]byte(body), row.v))
			assert.Equal(t, 500, d.Status, "%s: %s", why, body)
			assert.ErrorContains(t, d.Unwrap(), "release of Go", why)
		}
		assert.NoError(t, request.Decoder{}.Unmarshal([]byte(row.harmless), row.v), why)
	}
}

type (
	month  int
	number *int
)

func (m *month) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*int)(m)) }

func TestDecoderDepthIsThatOfEncodingJSON(t *testing.T) {
	loose := request.Decoder{MaxDepth: 5 << 20}
	assert.NoError(t, loose.Unmarshal([]byte(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), new(any)))
	for _, n := range []int{10_001, 5 << 20} {
		d := details(t, loose.Unmarshal([]byte(strings.Repeat("[", n)+strings.Repeat("]", n)), new(any)))
		assert.Equal(t, 400, d.Status)
		assert.Contains(t, d.Detail, "nested too deeply")
	}
}

// If encoding/json cannot decode into a type, the fault is not the client's.
func TestJSONReportsABugInATypeAs500(t *testing.T) {
	var notAPointer zoo
	var nothing any
	for why, v := range map[string]any{
		"an embedded pointer to an unexported struct": &twice{},
		"a channel":             &struct{ Left chan int }{},
		"an interface":          &struct{ Left fmt.Stringer }{},
		"not a pointer":         notAPointer,
		"nil":                   nothing,
		"a pointer that is nil": (*zoo)(nil),
	} {
		var d *problem.Details
		func() {
			defer func() {
				if p := recover(); p != nil { // as the experiment of Go 1.26 does for some of these
					d = problem.New(500, problem.Cause(fmt.Errorf("%v", p)))
				}
			}()
			d = details(t, request.Decoder{}.Decode(post(`{"Left":1}`), v))
		}()
		assert.Equal(t, 500, d.Status, why)
		assert.NotContains(t, d.Detail, "json", why)
		assert.Error(t, d.Unwrap(), "the log knows more: %s", why)
	}
	var v any = &zoo{}
	assert.Equal(t, []string{"#/ROLE unknown member"}, faults(t, request.Decoder{}.Decode(post(`{"ROLE":"x"}`), &v)), "through an interface")
}

func TestJSONReportsWhereTheTextIsMalformed(t *testing.T) {
	for body, want := range map[string]string{
		`{"role":01}`: "the error is at byte 10.", `{'a':1}`: "the error is at byte 2.", `{"a":1,}`: "the error is at byte 8.", "\ufeff{}": "the error is at byte 1.", `{"role":"x"} {}`: "the error is at byte 14.",
		`{"any":["\q"]}`: "the error is at byte 11.", `{"role":"x"`: "ends too early.", "-": "ends too early.",
		strings.Repeat("[", 65): "nested too deeply.",
	} {
		d := details(t, request.Decoder{}.Decode(post(body), new(zoo)))
		assert.Equal(t, 400, d.Status, body)
		assert.Contains(t, d.Detail, want, body)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The cost of a body and the size of the response are linear in the size of the body, with a small
// factor, for every kind of fault.
func TestJSONCostIsLinearInTheBody(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	bodies := map[string]func(n int) string{
		"repeated inside a long name": func(n int) string { return `{"` + long[:n/2] + `":{` + strings.Repeat(`"a":1,`, n/12) + `"b":1}}` },
		"unknown inside long names": func(n int) string {
			return `{"nested":{"` + long[:n/4] + `":{"inner":{` + strings.Repeat(`"`+long[:20]+`":1,`, n/40) + `"b":1}}}}`
		},
		"long names repeated": func(n int) string { return `{"words":{` + strings.Repeat(`"`+long[:n/200]+`":1,`, 200) + `"b":1}}` },
		"each wrong":          func(n int) string { return `{"list":[` + strings.Repeat(`7,`, n/2) + `7]}` },
		"each in another": func(n int) string {
			return `{"any":` + strings.Repeat(`{"`+long[:n/70]+`":`, 60) + `{"a":1,"a":2}` + strings.Repeat("}", 61)
		},
		"keys": func(n int) string {
			var b strings.Builder
			for i := range n / 8 {
				b.WriteString(`"0` + strconv.Itoa(i) + `":true,`)
			}
			return `{"byint":{` + b.String() + `"b":true}}`
		},
		"escapes":  func(n int) string { return `{"words":{` + strings.Repeat(`"\u0061":"",`, n/12) + `"b":""}}` },
		"all good": func(n int) string { return `{"list":[` + strings.Repeat(`{"tags":[1]},`, n/13) + `{}]}` },
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			const size = 110_000
			small, large := body(size/8), body(size)
			require.Greater(t, len(large), size/2)
			cost := func(text string) uint64 {
				var v zoo
				r := post(text)
				return allocated(func() { _ = request.Decoder{}.Decode(r, &v) })
			}
			cost(small) // what is made once
			a, b := cost(small), cost(large)
			assert.LessOrEqual(t, b, uint64(20*len(large)), "%d bytes", len(large))
			assert.LessOrEqual(t, b, 24*a, "8 times the size costs at most three times as much again")
			var v zoo
			if err := (request.Decoder{}).Decode(post(large), &v); err != nil {
				d := details(t, err)
				doc, _ := d.AppendJSON(nil)
				assert.LessOrEqual(t, len(doc), 80<<10)
				page, _ := d.AppendHTML(nil)
				assert.LessOrEqual(t, len(page), 80<<10)
				list, _ := d.Extensions["errors"].([]problem.FieldError)
				for _, f := range list {
					assert.LessOrEqual(t, len(f.Pointer), 512)
				}
			}
		})
	}
}

// code12 is a text that may look like a number with an exponent.
type code12 string

func (c *code12) UnmarshalText(text []byte) error { *c = code12(text); return nil }

// Types that decode themselves may take seconds for a number that is long or has a large
// exponent, and are asked twice.
func TestJSONBoundsNumbersThatTypesDecode(t *testing.T) {
	type sums struct {
		Int    *big.Int
		Float  *big.Float
		Rat    *big.Rat
		Number json.Number
		Code   code12
		Own    json.RawMessage
		Any    any
		Keys   map[code12]int
	}
	digits := strings.Repeat("7", 1000)
	escaped := strings.Repeat(`\u0037`, 1001)
	for body, want := range map[string][]string{
		`{"Int":` + digits + `,"Float":"` + digits + `","Rat":"` + digits[:499] + "/" + digits[:500] + `","Number":` + digits + `}`: nil,
		`{"Float":"1e999","Rat":"1e-000999","Number":1e999,"Code":"12e34567","Own":{"e99999":1e99999},"Any":[0.` + digits + `7]}`:   nil,
		`{"Int":7` + digits + `,"Float":"7` + digits + `","Rat":"` + escaped + `","Number":7` + digits + `}`: {
			"#/Int must be a number in the supported range", "#/Float must be a number in the supported range",
			"#/Rat must be a number in the supported range", "#/Number must be a number in the supported range"},
		`{"Int":"` + strings.Repeat("7_", 600) + `7","Float":"1E+1000","Rat":"1/1p-1000","Number":1e1000,"Code":"` + digits + `7"}`: {
			"#/Int must be a number in the supported range", "#/Float must be a number in the supported range",
			"#/Rat must be a number in the supported range", "#/Number must be a number in the supported range",
			"#/Code must be a number in the supported range"},
		`{"Number":"1e1000"}`:             {"#/Number must be a number in the supported range"},
		`{"Int":"` + escaped + `"}`:       {"#/Int must be a number in the supported range"},
		`{"Float":"e1000"}`:               {"#/Float must be a number in the supported range"},
		`{"Code":"` + digits + `-seven"}`: nil,
		`{"Keys":{"7` + digits + `":1}}`:  {"#/Keys invalid member name (inside this value)"},
	} {
		err := request.Decoder{}.Unmarshal([]byte(body), new(sums))
		if want == nil {
			assert.NoError(t, err, "%.80s", body)
			continue
		}
		assert.Equal(t, want, faults(t, err), "%.80s", body)
	}
}

func TestJSONBoundsPointers(t *testing.T) {
	name := strings.Repeat("n", 600)
	assert.Equal(t, []string{"#/any/a duplicate member (inside this value)"},
		faults(t, request.Decoder{}.Decode(post(`{"any":{"a":{"`+name+`":{"b":1,"b":2}}}}`), new(zoo))))
	assert.Equal(t, []string{"# unknown member (inside this value)"}, faults(t, request.Decoder{}.Decode(post(`{"`+name+`":1}`), new(zoo))))
}

// FuzzDecoder has encoding/json as its oracle: it decodes every accepted text too, and encoding the
// value yields the same text again, except for unknown members that were allowed.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`{"role":"user","ROLE":"root","Admin":true}`, `{"float":1e999}`, `{"point":{"X":1},"place":{"x":2}}`, `{"qint":"3","qbool":"true","qtext":"\"\""}`,
		`{"number":"12"}`, `{"byint":{"1":true,"01":true}}`, `{"pair":[1,2]}`, `{"pair":[]}`, `{"role":"\ud800"}`, `{"bytes":"AAE=","raw":[1e999]}`,
		`{"Side":1,"Left":2,"Right":3}`, `{"nested":{"":{"inner":{"tags":[1]},"tag":"x"}}}`, `{"bytime":{"2026-01-01T00:00:00Z":1}}`, `{"€":1,"-":2}`,
		`{"color":"red","colors":["blue",null],"since":null,"big":1e2}`, `{"list":[null,{},{"TAG":"x"}]}`, `{"quint":null,"qfloat":"-0"}`,
		`{"ROLE":"root"}`, `{"role":"a","r\u006fle":"b"}`, `{"any":[{"a":1,"a":2}]}`, `{"x":{"a":{"b":1,"b":2}}}`,
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, body string, loose bool) {
		var got zoo
		err := request.Decoder{AllowUnknown: loose}.Unmarshal([]byte(body), &got)
		if err != nil {
			d := details(t, err)
			assert.Contains(t, []int{400, 422}, d.Status, "%q: %v", body, d.Unwrap())
			return
		}
		var want zoo
		dec := json.NewDecoder(strings.NewReader(body))
		if !loose {
			dec.DisallowUnknownFields()
			require.NoError(t, dec.Decode(&want), "%q", body)
			assert.Equal(t, want, got, "%q", body)
		}
		assertNames(t, body, loose)
		oracle(t, body, loose, got)
	})
}

// assertNames fails if an object in the text has a name twice, or if loose is false and the
// text has a name that zoo has not, in exactly that spelling.
func assertNames(t *testing.T, text string, loose bool) {
	t.Helper()
	known := jsonscan.MembersOf(reflect.TypeFor[zoo]())
	type object struct {
		names map[string]bool
		value bool // the next token is a value
	}
	var open []*object // nil for an array
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return
		}
		require.NoError(t, err, "%q", text)
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if depth := len(open); depth > 0 && open[depth-1] != nil {
			o := open[depth-1]
			if o.value = !o.value; o.value {
				name, _ := token.(string)
				assert.False(t, o.names[name], "%q twice in %q", name, text)
				o.names[name] = true
				assert.True(t, loose || depth > 1 || known[name].Name == name, "%q in %q", name, text)
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, nil)
		}
	}
}

func TestUnmarshalNeedsNoRequest(t *testing.T) {
	var v zoo
	assert.NoError(t, request.Decoder{}.Unmarshal([]byte(` {"role":"x"} `), &v))
	assert.Equal(t, "x", v.Role)
	assert.Equal(t, http.StatusBadRequest, details(t, request.Decoder{}.Unmarshal(nil, &v)).Status)
}
