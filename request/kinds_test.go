package request_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/request"
)

// Each kind of Go type refuses each other kind of JSON value.
func TestJSONRefusesAnotherKindOfValue(t *testing.T) {
	kinds := map[string]string{
		"true": "bool", "1": "number", `"x"`: "string", "[]": "array", "{}": "object",
	}
	for member, row := range map[string]struct{ reads, wanted string }{
		"role": {"string", "a string"}, "bool": {"bool", "true or false"}, "int8": {"number", "a whole number"},
		"uint": {"number", "a non-negative whole number"}, "float32": {"number", "a number"}, "float": {"number", "a number"},
		"number": {"number", "a number"}, "pair": {"array", "an array"}, "list": {"array", "an array"},
		"words": {"object", "an object"}, "nested": {"object", "an object"}, "color": {"string", "a string"},
	} {
		for text, kind := range kinds {
			err := request.Decoder{}.Unmarshal([]byte(`{"`+member+`":`+text+`}`), new(zoo))
			if kind == row.reads {
				if err != nil {
					assert.NotContains(t, faults(t, err), "#/"+member+" must be "+row.wanted, text)
				}
				continue
			}
			if assert.Error(t, err, "%s into %s", text, member) {
				assert.Equal(t, []string{"#/" + member + " must be " + row.wanted}, faults(t, err), "%s into %s", text, member)
			}
		}
	}
}

func TestJSONReadsEscapesWhereverTheyStand(t *testing.T) {
	v, err := request.JSON[zoo](post(`{"\u0072ole":"\b\f\n\r\t\/\"\\\u00e9","color":"\u0072ed","bytes":"\u0041AE\u003d","number":"\u0031\u0032","qint":"\u0033",` +
		`"qtext":"\"\\u0061\"","words":{"\u0061":"b"},"byint":{"\u0031":true},"bycolor":{"bl\u0075e":1},"Untagged":7}`))
	require.NoError(t, err)
	assert.Equal(t, "\b\f\n\r\t/\"\\é", v.Role)
	assert.Equal(t, []any{color("red"), []byte{0, 1}, json.Number("12"), 3, "a", 7}, []any{v.Color, v.Bytes, v.Number, v.QInt, v.QText, v.Untagged})
	assert.Equal(t, []any{map[string]string{"a": "b"}, map[int8]bool{1: true}, map[color]int{"blue": 1}}, []any{v.Words, v.ByInt, v.ByColor})
	for body, want := range map[string]string{
		`{"color":"\u0067reen"}`: "#/color invalid value", `{"bytes":"\u0021"}`: "#/bytes must be a string in base64", `{"number":"\u0078"}`: "#/number must be a number",
		`{"qtext":"\"\ud83d\""}`: "#/qtext must be a string that contains a string", `{"qint":"\u0078"}`: "#/qint must be a string that contains a whole number",
	} {
		assert.Equal(t, []string{want}, faults(t, request.Decoder{}.Unmarshal([]byte(body), new(zoo))), body)
	}
}

// strictly refuses null, which encoding/json passes to UnmarshalJSON of a value but not of a pointer.
type strictly string

func (s *strictly) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return errors.New("secret: null")
	}
	return json.Unmarshal(b, (*string)(s))
}

func TestJSONPassesNullToUnmarshalJSON(t *testing.T) {
	type both struct {
		Value   strictly
		Pointer *strictly
	}
	assert.Equal(t, []string{"#/Value invalid value"}, faults(t, request.Decoder{}.Unmarshal([]byte(`{"Value":null}`), new(both))))
	assert.NoError(t, request.Decoder{}.Unmarshal([]byte(`{"Pointer":null,"Value":"x"}`), new(both)))
	assert.NoError(t, request.Decoder{}.Unmarshal([]byte(`{"qint":null,"quint":null,"qbool":null,"role":null,"pair":null,"words":null}`), new(zoo)))
}

func TestJSONBoundsNumbersOfEachLength(t *testing.T) {
	for body, want := range map[string]string{
		`{"float32":1` + strings.Repeat("0", 45) + `}`: "#/float32 must be a number in the supported range",
		`{"float32":1` + strings.Repeat("0", 29) + `}`: "",
		`{"float32":1` + strings.Repeat("0", 38) + `}`: "",
		`{"float":1` + strings.Repeat("0", 400) + `}`:  "#/float must be a number in the supported range",
		`{"float":1E999}`:     "#/float must be a number in the supported range",
		`{"any":1E999}`:       "#/any must be a number in the supported range",
		`{"any":-1E3}`:        "",
		`{"uint":1E2}`:        "#/uint must be a non-negative whole number in the supported range",
		`{"byuint":{"01":0}}`: "#/byuint/01 member name must be a non-negative whole number in the supported range",
		`{"byuint":{"10":0}}`: "",
	} {
		err := request.Decoder{}.Unmarshal([]byte(body), new(zoo))
		if want == "" {
			assert.NoError(t, err, body)
			continue
		}
		assert.Equal(t, []string{want}, faults(t, err), body)
	}
}

func TestStringOptionRequiresOnlyANumber(t *testing.T) {
	type quoted struct {
		N json.Number `json:",string"`
		I int         `json:",string"`
		B bool        `json:",string"`
	}
	for _, body := range []string{`{"N":"\"1\""}`, `{"N":"[1]"}`, `{"N":"{}"}`, `{"N":"null"}`, `{"N":"x"}`, `{"N":"1 "}`, `{"N":1}`} {
		assert.Equal(t, []string{"#/N must be a string that contains a number"}, faults(t, request.Decoder{}.Unmarshal([]byte(body), new(quoted))), body)
	}
	for _, body := range []string{`{"I":"[1]"}`, `{"I":"[]"}`, `{"I":"{}"}`, `{"I":"{\"a\":1}"}`, `{"I":"null"}`, `{"I":"1 "}`, `{"I":"\"1\""}`, `{"I":null,"B":"1"}`} {
		assert.Len(t, faults(t, request.Decoder{}.Unmarshal([]byte(body), new(quoted))), 1, body)
	}
	var v quoted
	require.NoError(t, request.Decoder{}.Unmarshal([]byte(`{"N":"-1.5e3","I":"-7","B":"false"}`), &v))
	assert.Equal(t, quoted{"-1.5e3", -7, false}, v)
}

// slippery is a map key that decodes itself and then cannot be a key.
type slippery struct{ v any }

func (s *slippery) UnmarshalText([]byte) error { s.v = []int{1}; return nil }

func TestJSONDistinguishesKeys(t *testing.T) {
	assert.Equal(t, []string{"#/bycolor/green invalid member name", "#/bycolor/mauve invalid member name"},
		faults(t, request.Decoder{}.Unmarshal([]byte(`{"bycolor":{"green":1,"mauve":2}}`), new(zoo))), "which are not the same key")
	assert.Equal(t, []string{"#/zzz unknown member"}, faults(t, request.Decoder{}.Unmarshal([]byte(`{"Count":"3","id":1,"any":1,"zzz":1}`), new(order))), "it is unknown and no other member")
	v := new(struct {
		M map[slippery]int
		N int
	})
	assert.Equal(t, []string{"#/N must be a whole number"}, faults(t, request.Decoder{}.Unmarshal([]byte(`{"M":{"a":1,"b":1},"N":"x"}`), v)))
}

type (
	// Base is embedded by its name, by a name in a tag, and beside others.
	Base  struct{ ID int }
	word  string
	Word  string
	named = *int
)

func TestJSONReadsTheMembersThatEncodingJSONDoes(t *testing.T) {
	for body, row := range map[string]struct {
		into any
		want string // the fault
	}{
		`{"-":1}`: {new(struct {
			A int `json:"-"`
		}), "#/- unknown member"},
		`{"word":"x"}`:  {new(struct{ word }), "#/word unknown member"},
		`{"Word":"x"}`:  {new(struct{ Word }), ""},
		`{"hidden":{}}`: {new(struct{ hidden left }), "#/hidden unknown member"},
		`{"b":{"ID":1}}`: {new(struct {
			Base `json:"b"`
		}), ""},
		`{"ID":2}`: {new(struct {
			Base `json:"b"`
		}), "#/ID unknown member"},
		`{"ID":3}`: {new(struct{ *Base }), ""},
		`{"A":"4"}`: {new(struct {
			A named `json:",string"`
		}), ""},
		`{"C":6}`: {new(struct {
			//lint:ignore SA5008 encoding/json ignores the option here
			C []int `json:",string"`
		}), "#/C must be an array"},
		`{"D":[7]}`: {new(struct {
			//lint:ignore SA5008 encoding/json ignores the option here
			D []int `json:",string"`
		}), ""},
		`{"E":"8"}`: {new(struct {
			E uintptr `json:",string"`
		}), ""},
		`{"Side":"9"}`: {new(struct {
			left
			texts
		}), ""},
		`{"Side":10}`: {new(struct {
			texts
			left
		}), "#/Side must be a string"},
	} {
		err := request.Decoder{}.Unmarshal([]byte(body), row.into)
		if row.want == "" {
			assert.NoError(t, err, body)
			continue
		}
		if assert.Error(t, err, body) {
			assert.Equal(t, []string{row.want}, faults(t, err), body)
		}
	}
}

type texts struct {
	Other string `json:"Side"`
}

func TestJSONAcceptsAFewMediaTypes(t *testing.T) {
	for _, row := range []struct {
		name, value string
		want        int
	}{
		{"Content-Encoding", "", 200}, {"Content-Encoding", " \t", 200}, {"Content-Encoding", "IDENTITY", 200}, {"Content-Encoding", "br", 415},
		{"Content-Type", `application/json; charset=""`, 200}, {"Content-Type", "application/json; charset=utf-16", 415}, {"Content-Type", "text/json", 415},
	} {
		_, err := request.JSON[any](post("{}", row.name, row.value))
		if row.want == 200 {
			assert.NoError(t, err, "%s: %q", row.name, row.value)
			continue
		}
		assert.Equal(t, http.StatusUnsupportedMediaType, details(t, err).Status, "%s: %q", row.name, row.value)
	}
}

// The fields and elements of a Go value decides which types its parts are decoded into.
func TestDecoderFollowsExistingValues(t *testing.T) {
	type part struct {
		Quantity int `json:"quantity"`
	}
	deep := func(n int) (v any) {
		v = &part{1}
		for range n {
			inner := v
			v = &inner
		}
		return v
	}
	wrong := `{"quantity":"x"}`
	for why, row := range map[string]struct {
		into any
		body string
		want string // the fault
	}{
		"a pointer that is nil":                 {&zoo{Role: "x"}, `{"float":1,"list":[null,{"tag":"y"}]}`, ""},
		"a pointer that is nil, in an any":      {&struct{ A any }{(*part)(nil)}, `{"A":` + wrong + `}`, ""},
		"an array of anything":                  {&[1]any{&part{}}, `[` + wrong + `]`, "#/0/quantity must be a whole number"},
		"an array with too few places":          {&[1]any{&part{}}, `[{},` + wrong + `]`, "# must have 1 element"},
		"an array with another element in it":   {&[2]any{nil, &part{}}, `[` + wrong + `,{"quantity":1}]`, ""},
		"a slice with an element behind":        {&[]any{&part{}}, `[{},` + wrong + `]`, ""},
		"pointers in each other":                {deep(40), wrong, "#/quantity must be a whole number"},
		"a member that reads nothing":           {&struct{ A any }{new(part)}, `{"A":{"Quantity":1}}`, "#/A/Quantity unknown member"},
		"the same member, of the zero value":    {&struct{ A any }{}, `{"A":{"Quantity":1}}`, ""},
		"a member in a pointer to an interface": {&struct{ A *any }{func() *any { var v any = new(part); return &v }()}, `{"A":` + wrong + `}`, "#/A/quantity must be a whole number"},
	} {
		err := request.Decoder{}.Unmarshal([]byte(row.body), row.into)
		if row.want == "" {
			assert.NoError(t, err, why)
			continue
		}
		if assert.Error(t, err, why) {
			assert.Equal(t, []string{row.want}, faults(t, err), why)
		}
	}
	assert.Equal(t, 500, details(t, request.Decoder{}.Unmarshal([]byte(wrong), deep(60))).Status, "it could be a cycle")
	for _, v := range []any{nil, zoo{}, (*zoo)(nil)} {
		assert.NotPanics(t, func() { assert.Equal(t, 500, details(t, request.Decoder{}.Unmarshal([]byte(`{}`), v)).Status) }, "%T", v)
	}
}

func TestDecoderNamesTheFirstBadType(t *testing.T) {
	v := new(struct {
		A map[float64]int
		B map[any]int
	})
	d := details(t, request.Decoder{}.Unmarshal([]byte(`{"A":{},"B":{}}`), v))
	assert.ErrorContains(t, d.Unwrap(), "map[float64]int")
}

func TestJSONKeepsNamesOfObjectsApart(t *testing.T) {
	for body, want := range map[string][]string{
		`{"any":{"x":{"a":1},"a":2,"y":{"a":3}}}`:                         nil,
		`{"any":{"x":{"a":1},"a":2,"y":{"b":3},"a":4}}`:                   {"#/any/a duplicate member"},
		`{"words":{"a":"1"},"any":{"a":1},"raw":{"a":1}}`:                 nil,
		`{"nested":{"tag":{"inner":{"tag":"x"},"tag":"y"},"inner":null}}`: nil,
		`{"color":"\ud83d","bytes":"\ud83d","number":"\ud83d"}`: {"#/color must not contain unpaired surrogates", "#/bytes must not contain unpaired surrogates",
			"#/number must not contain unpaired surrogates"},
	} {
		err := request.Decoder{}.Unmarshal([]byte(body), new(zoo))
		if want == nil {
			assert.NoError(t, err, body)
			continue
		}
		assert.Equal(t, want, faults(t, err), body)
	}
}

func TestDecoderDepthCountsOpenValues(t *testing.T) {
	d := request.Decoder{MaxDepth: 2}
	assert.NoError(t, d.Unmarshal([]byte(`{"list":[],"pair":[1,2],"words":{},"any":[],"raw":{},"bytes":[],"nested":{}}`), new(zoo)), "one after the other")
	for _, body := range []string{`{"list":[{}]}`, `{"nested":{"a":{}}}`, `{"any":[[]]}`, `{"raw":[{}]}`} {
		assert.Equal(t, "The body of the request is nested too deeply.", details(t, d.Unmarshal([]byte(body), new(zoo))).Detail, body)
	}
}

func TestDecoderReadsABodyAsLongAsItsBound(t *testing.T) {
	var v any
	for n, want := range map[int64]int{7: 200, 8: 200, 6: 413} {
		for _, length := range []int64{7, -1} {
			r := post(`{"a":1}`)
			r.ContentLength = length
			err := request.Decoder{MaxBytes: n}.Decode(r, &v)
			if want == 200 {
				assert.NoError(t, err, "%d", n)
				continue
			}
			assert.Equal(t, want, details(t, err).Status, "%d", n)
		}
	}
}
