package rejoinder_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
)

var update = flag.Bool("update", false, "rewrite testdata/documents.txt")

type (
	base struct {
		ID   int    `json:"id"`
		Note string `json:"no.te"`
	}
	middle struct {
		*Inner
		Level uint8 `json:"level"`
	}
	Inner struct {
		Depth int `json:"depth"`
	}
	plain struct {
		Age    int8            `json:"age"`
		Name   *string         `json:"name"`
		Open   bool            `json:"open"`
		Price  float32         `json:"price"`
		Slash  int             `json:"a/b"`
		Tilde  int             `json:"~1~"`
		Cent   int             `json:"100% é"`
		Dotted int             `json:"a.b.c"`
		Digits int             `json:"0"`
		Raw    json.RawMessage `json:"raw"`
		Bytes  []byte          `json:"bytes"`
		Deep   struct {
			Size uint `json:"size"`
			Next *struct {
				Slash int `json:"x/y"`
			} `json:"next"`
		} `json:"deep"`
	}
	odd       plain // for bodies of which BadBody alone does not know enough
	embedding struct {
		base
		middle
		Own int `json:"own"`
	}
	lists struct {
		Rows   []plain         `json:"rows"`
		Pair   [2]base         `json:"pair"`
		Grid   [][]int         `json:"grid"`
		Labels map[string]int  `json:"labels"`
		Bases  map[string]base `json:"bases"`
		ByInt  map[int8]bool   `json:"byint"`
		Deep   map[string][]map[string]embedding
		Tree   tree `json:"tree"`
		Any    any  `json:"any"`
	}
	tree   []tree
	quotes struct {
		Int  int          `json:"int,string"`
		Bool *bool        `json:"bool,string"`
		Text string       `json:"text,string"`
		Rows []quotedOnly `json:"rows"`
	}
	quotedOnly struct {
		Float float64 `json:"float,string"`
		Plain int     `json:"plain"`
	}
	selfish struct {
		X     int              `json:"x"`
		Spot  spot             `json:"spot"`
		Spots []spot           `json:"spots"`
		ByKey map[string]*spot `json:"bykey"`
		Hue   hue              `json:"hue"`
		Hues  map[hue]int      `json:"hues"`
		Since time.Time        `json:"since"`
		Big   *big.Int         `json:"big"`
	}
	clashing struct {
		A  struct{ B, C int } `json:"a"`
		AB int                `json:"a.B"`
		Up int                `json:"up"`
		UP int                `json:"UP"`
		OK int                `json:"ok"`
	}
	recursive struct {
		Next *recursive           `json:"next"`
		Kids []recursive          `json:"kids"`
		Name map[string]recursive `json:"name"`
		N    int                  `json:"n"`
	}
	moments struct {
		A []time.Time       `json:"a"`
		B [][]time.Time     `json:"b"`
		C []json.RawMessage `json:"c"`
	}
	numbers struct {
		A json.Number `json:"a,string"`
	}
	generic[T any] struct {
		Value T `json:"value"`
	}
)

// spot reads itself, with encoding/json.
type spot struct{ X, Y int }

func (s *spot) UnmarshalJSON(b []byte) error {
	type fields spot
	return json.Unmarshal(b, (*fields)(s))
}

// ints reads itself, into a type without a name.
type ints []int

func (i *ints) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*[]int)(i)) }

// hue reads itself from a text.
type hue string

func (h *hue) UnmarshalText(b []byte) error {
	if *h = hue(b); *h != "red" {
		return errors.New("secret: no hue")
	}
	return nil
}

// decoded has bodies with one fault each, since of several encoding/json reports
// the one that its release comes upon.
var decoded = []struct {
	into   any
	bodies []string
}{
	{plain{}, []string{`{"age":"x"}`, `{"age":1.5}`, `{"age":128}`, `{"age":-1e99}`, `{"name":1}`, `{"open":"true"}`, `{"price":1e39}`,
		`{"a/b":"x"}`, `{"~1~":[]}`, `{"100% é":{}}`, `{"raw":x}`, `{"bytes":"!"}`, `{"bytes":7}`, `{"bytes":[1,"x"]}`,
		`{"deep":[]}`, `{"deep":{"size":-1}}`, `{"deep":{"next":{"x/y":"x"}}}`, `{"unknown":1}`, `{"deep":{"unknown":1}}`,
		`[]`, `7`, `"x"`, ``, ` `, `{`, `{"age"`, `{"age":1,}`, `{'age':1}`, `{"age":01}`, `{"age":tru}`, `{"a` + "\x00" + `":1}`, `{"age":1`}},
	{odd{}, []string{`{"AGE":true}`, `{"deep":{"SIZE":{}}}`, `{"a.b.c":"x"}`, `{"0":"x"}`}},
	{embedding{}, []string{`{"id":"x"}`, `{"no.te":1}`, `{"level":256}`, `{"LEVEL":-1}`, `{"own":"x"}`, `{"base":{}}`}},
	{lists{}, []string{`{"rows":{}}`, `{"rows":[{"age":"x"}]}`, `{"rows":[{},{"deep":{"next":{"x/y":"x"}}}]}`, `{"rows":[7]}`, `{"pair":[{},{"id":"x"}]}`,
		`{"grid":7}`, `{"grid":[7]}`, `{"grid":[[1,"x"]]}`, `{"labels":[]}`, `{"labels":{"a/b.c~1":"x"}}`, `{"bases":{"k.id":{"id":"x"}}}`, `{"bases":{"k":7}}`,
		`{"byint":{"1":7}}`, `{"byint":{"x":true}}`, `{"Deep":{"a":[{"b":{"own":"x"}}]}}`, `{"Deep":{"a":[{"b":{"level":"x"}}]}}`, `{"tree":7}`, `{"tree":[[],[7]]}`,
		`{"any":1e999}`, `{"any":[{"a":1e999}]}`, `{"labels":{"` + strings.Repeat("long", 500) + `":"x"}}`}},
	{quotes{}, []string{`{"int":3}`, `{"int":"x"}`, `{"int":true}`, `{"int":[1]}`, `{"bool":"True"}`, `{"bool":7}`, `{"text":"x"}`, `{"text":{}}`,
		`{"rows":[{"float":7}]}`, `{"rows":[{"float":true}]}`, `{"rows":[{"plain":true}]}`}},
	{selfish{}, []string{`{"spot":{"X":"x"}}`, `{"spot":7}`, `{"spots":[{"Y":"x"}]}`, `{"spots":7}`, `{"bykey":{"k":{"X":1.5}}}`, `{"x":"x"}`, `{"hue":7}`, `{"hue":"green"}`,
		`{"hue":[]}`, `{"hues":{"green":1}}`, `{"hues":{"red":"x"}}`, `{"since":7}`, `{"since":"x"}`, `{"big":"x"}`, `{"big":true}`}},
	{clashing{}, []string{`{"a":{"B":"x"}}`, `{"a":{"C":"x"}}`, `{"a.B":"x"}`, `{"up":"x"}`, `{"UP":"x"}`, `{"ok":"x"}`}},
	{recursive{}, []string{`{"next":{"next":{"n":"x"}}}`, `{"next":{"kids":[{"n":"x"}]}}`, `{"name":{"a":{"name":{"b":{"n":"x"}}}}}`,
		strings.Repeat(`{"next":`, 60) + `{"n":"x"}` + strings.Repeat("}", 60), strings.Repeat(`{"next":`, 200) + `{"n":"x"}` + strings.Repeat("}", 200)}},
	{generic[plain]{}, []string{`{"value":{"age":"x"}}`, `{"value":7}`}},
	{generic[generic[[]int]]{}, []string{`{"value":{"value":{}}}`, `{"value":{"value":["x"]}}`}},
	{struct{ In struct{ X int } }{}, []string{`{"In":{"X":"x"}}`, `{"in":{"x":"x"}}`, `{"In":7}`}},
	{struct {
		A ints
		B int
	}{}, []string{`{"A":["a"]}`, `{"B":"x"}`, `7`}},
	{struct {
		A time.Time
		B int
	}{}, []string{`{"A":7}`, `{"B":"x"}`, `7`}},
	{[]moments{}, []string{`[{"a":"A"}]`, `[{"a":[7]}]`, `[{"b":[7]}]`, `[{"b":7}]`, `[{"b":[[7]]}]`, `[{"c":7}]`, `[7]`}},
	{map[string]moments{}, []string{`{"k.a":{"a":"A"}}`, `{"k":{"b":[7]}}`}},
	{moments{}, []string{`{"a":"A"}`, `{"b":[7]}`, `{"c":{}}`}},
	{numbers{}, []string{`{"a":0}`, `{"a":true}`, `{"a":"x"}`}},
	{map[string]base{}, []string{`[]`, `{"k":{"id":"x"}}`, `{"":7}`}},
	{map[string]int{}, []string{`{"a":"x"}`, `7`}},
	{[]embedding{}, []string{`{}`, `[{"id":"x"}]`, `[{},{"depth":1.5}]`, `[7]`}},
	{[]spot{}, []string{`{}`, `[{"X":"x"}]`}},
	{tree{}, []string{`7`, `[[7]]`}},
	{int8(0), []string{`"x"`, `300`, `1.5`, `{}`}},
	{"", []string{`7`, `"` + "\x01" + `"`}},
	{spot{}, []string{`{"X":"x"}`, `7`}},
	{hue(""), []string{`"green"`, `7`}},
	{new(plain), []string{`{"age":"x"}`, `7`}},
	{json.Number(""), []string{`true`, `"x"`}},
}

// TestDocumentsAreTheSameOnEachRelease compares with what the releases of Go, and
// both implementations of encoding/json in each, once gave: run it with each.
func TestDocumentsAreTheSameOnEachRelease(t *testing.T) {
	var b strings.Builder
	document := func(name string, err error) {
		doc, e := problem.From(err).AppendJSON(nil)
		require.NoError(t, e)
		fmt.Fprintf(&b, "  %-10s %s\n", name, doc)
	}
	for _, d := range decoded {
		for _, body := range d.bodies {
			typ := reflect.TypeOf(d.into)
			fmt.Fprintf(&b, "%v %.100q\n", typ, body)
			document("request", request.Decoder{MaxDepth: 1000}.Unmarshal([]byte(body), reflect.New(typ).Interface()))
			v := reflect.New(typ).Interface()
			dec := json.NewDecoder(strings.NewReader(body))
			dec.DisallowUnknownFields()
			err := dec.Decode(v)
			require.Error(t, err, "%v %q", typ, body)
			document("BadBodyFor", problem.BadBodyFor(v, err))
			if typ == reflect.TypeFor[plain]() {
				document("BadBody", problem.BadBody(err))
			}
		}
	}
	file := filepath.Join("testdata", "documents.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	want, got := strings.Split(string(golden), "\n"), strings.Split(b.String(), "\n")
	require.Len(t, got, len(want))
	about := ""
	for i, line := range want {
		if !strings.HasPrefix(line, " ") {
			about = line
		}
		assert.Equal(t, line, got[i], about)
	}
}
