package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestBadBodyDescribesTheFaultInTheJSON(t *testing.T) {
	type embedded struct{}
	var dst struct {
		embedded
		Age    int8              `json:"age"`
		Size   uint              `json:"size"`
		Price  float64           `json:"price"`
		Name   *string           `json:"name"`
		Open   bool              `json:"open"`
		Items  []struct{}        `json:"items"`
		Pair   [2]int            `json:"pair"`
		Raw    []byte            `json:"raw"`
		Since  time.Time         `json:"since"`
		Exact  *big.Int          `json:"exact"`
		Labels map[string]string `json:"labels"`
		Any    any               `json:"any"`
		Number json.Number       `json:"number"`
		Rows   []struct {
			SKU  string   `json:"sku"`
			Tags []string `json:"tags"`
		} `json:"rows"`
		Profile struct {
			Color string `json:"color"`
			Odd   int    `json:"a/b~c d"`
		} `json:"profile"`
	}
	for _, tt := range []struct{ doc, pointer, detail string }{
		{`{"age":"x"}`, "#/age", "must be a whole number"},
		{`{"age":1.5}`, "#/age", "must be a whole number in the supported range"},
		{`{"age":128}`, "#/age", "must be a whole number in the supported range"},
		{`{"size":true}`, "#/size", "must be a non-negative whole number"},
		{`{"size":-1}`, "#/size", "must be a non-negative whole number in the supported range"},
		{`{"price":"1"}`, "#/price", "must be a number"},
		{`{"price":1e999}`, "#/price", "must be a number in the supported range"},
		{`{"name":7}`, "#/name", "must be a string"},
		{`{"open":1}`, "#/open", "must be true or false"},
		{`{"items":{}}`, "#/items", "must be an array"},
		{`{"pair":1}`, "#/pair", "must be an array"},
		{`{"raw":1}`, "#/raw", "must be a string in base64"},
		{`{"labels":[]}`, "#/labels", "must be an object"},
		{`{"profile":"x"}`, "#/profile", "must be an object"},
		{`{"profile":{"color":1}}`, "#/profile/color", "must be a string"},
		{`{"profile":{"a/b~c d":"x"}}`, "#/profile/a~1b~0c%20d", "must be a whole number"},
		{`{"rows":[{"sku":1}]}`, "#/rows/sku", "must be a string"},
		{`{"rows":[{"tags":["a",1]}]}`, "#/rows/tags", "must be a string"},
		{`{"age":"x","zz":1}`, "#/age", "must be a whole number"},
		{`{"any":1e999}`, "#/any", "must be a number in the supported range"},
		{`{"number":true}`, "", "must be a number"},
		{`[]`, "#", "must be an object"},
		{`"x"`, "#", "must be an object"},
	} {
		err := json.Unmarshal([]byte(tt.doc), &dst)
		require.Error(t, err, tt.doc)
		for _, d := range []*problem.Details{problem.From(problem.BadBody(fmt.Errorf("x: %w", err))), problem.From(fmt.Errorf("x: %w", problem.BadBody(err)))} {
			assert.Equal(t, 422, d.Status, tt.doc)
			code := problem.CodeType
			if strings.HasSuffix(tt.detail, "supported range") && !strings.Contains(tt.doc, "1.5") {
				code = problem.CodeRange
			}
			assert.Equal(t, []problem.FieldError{{Detail: tt.detail, Pointer: tt.pointer, Code: code}}, d.Extensions["errors"], tt.doc)
			assert.ErrorIs(t, d, err)
		}
	}
}

type hidden struct{ A int }

type embeds struct{ *hidden }

// Where the implementations of encoding/json report different things, the problem has
// only what all of them report.
func TestBadBodyIsTheSameInEveryBuild(t *testing.T) {
	type row struct {
		Quoted int         `json:"quoted,string"`
		Text   string      `json:"text,string"`
		Number json.Number `json:"number"`
		Bytes  []byte      `json:"bytes"`
		Since  time.Time   `json:"since"`
		ByInt  map[int]int `json:"byint"`
		Func   func()      `json:"func"`
		Reader io.Reader   `json:"reader"`
		embeds
	}
	for _, tt := range []struct {
		doc    string
		want   int
		detail string
	}{
		{`{"quoted":3}`, 400, "The body of the request cannot be decoded."},
		{`{"quoted":"x"}`, 400, "The body of the request cannot be decoded."},
		{`{"quoted":" 3"}`, 400, "The body of the request cannot be decoded."},
		{`{"text":"x"}`, 400, "The body of the request cannot be decoded."},
		{`{"number":"x"}`, 400, "The body of the request cannot be decoded."},
		{`{"bytes":"!"}`, 400, "The body of the request cannot be decoded."},
		{`{"since":7}`, 400, "The body of the request cannot be decoded."},
		{`{"since":"x"}`, 400, "The body of the request cannot be decoded."},
		{`{"byint":{"x":1}}`, 400, "The body of the request cannot be decoded."},
		{`{"x":1}`, 422, ""},
		{`{"A":1}`, 500, ""},
		{`{'a'`, 400, "The body of the request is not well-formed JSON: the error is at byte 2."},
		{`{"quoted":"3",}`, 400, "The body of the request is not well-formed JSON: the error is at byte 15."},
	} {
		dec := json.NewDecoder(strings.NewReader(tt.doc))
		dec.DisallowUnknownFields()
		err := dec.Decode(new(row))
		require.Error(t, err, tt.doc)
		d := problem.From(problem.BadBody(fmt.Errorf("x: %w", err)))
		assert.Equal(t, tt.want, d.Status, tt.doc)
		if tt.want == 400 {
			assert.Equal(t, tt.detail, d.Detail, tt.doc)
			assert.Empty(t, d.Extensions, tt.doc)
		}
		assert.ErrorIs(t, d, err)
	}
	notAPointer := reflect.ValueOf(row{}).Interface()
	for why, err := range map[string]error{
		"not a pointer": json.Unmarshal([]byte("{}"), notAPointer), "a channel": json.Unmarshal([]byte("1"), new(chan int)),
		"an interface": json.Unmarshal([]byte("1"), new(io.Reader)), "a function": json.Unmarshal([]byte("1"), new(func())),
	} {
		assert.Equal(t, 500, problem.From(problem.BadBody(err)).Status, why)
	}
}

// Long names and deep nesting in a body do not make the response long.
func TestBadBodyGivesShortPointers(t *testing.T) {
	type node struct {
		Next *node          `json:"next"`
		By   map[string]int `json:"by"`
		N    int            `json:"n"`
	}
	for why, doc := range map[string]string{
		"a long name":   `{"by":{"` + strings.Repeat("x", 1<<20) + `":"x"}}`,
		"many names":    strings.Repeat(`{"next":`, 9000) + `{"n":"x"}` + strings.Repeat("}", 9000),
		"many dots":     `{"by":{"` + strings.Repeat(".", 1<<20) + `":"x"}}`,
		"an empty name": `{"by":{"":"x"}}`,
	} {
		for range 2 {
			v := new(node)
			err := json.Unmarshal([]byte(doc), v)
			require.Error(t, err, why)
			for _, err := range []error{problem.BadBody(err), problem.BadBodyFor(v, err)} {
				d := problem.From(err)
				assert.Equal(t, 422, d.Status, why)
				assert.Less(t, len(write(t, d)), 1000, why)
			}
		}
	}
}

func TestBadBodyForNeedsToBeGivenTheType(t *testing.T) {
	type order struct{ Age int }
	err := json.Unmarshal([]byte(`{"Age":"x"}`), new(order))
	for why, v := range map[string]any{"a pointer": new(order), "the value": order{}} {
		assert.Equal(t, []problem.FieldError{{Detail: "must be a whole number", Pointer: "#/Age", Code: "type"}}, problem.From(problem.BadBodyFor(v, err)).Extensions["errors"], why)
	}
	for why, v := range map[string]any{"nothing": nil, "a nil pointer": (*int)(nil), "another": new(string), "another struct": new(struct{ Age string })} {
		d := problem.From(problem.BadBodyFor(v, err))
		assert.Equal(t, 400, d.Status, why)
		assert.Empty(t, d.Extensions, why)
	}
	assert.NoError(t, problem.BadBodyFor(new(order), nil))
	assert.Equal(t, 413, problem.From(problem.BadBodyFor(new(order), &http.MaxBytesError{Limit: 7})).Status)
}

func TestBadBodyReportsWhyReadingFailed(t *testing.T) {
	decode := func(text string) error {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		return dec.Decode(new(struct{ A int }))
	}
	readFile := func() error { // a server's read deadline looks like this
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		_ = a.SetReadDeadline(time.Unix(1, 0))
		_, err := a.Read(make([]byte, 1))
		return err
	}
	for _, tt := range []struct {
		why    string
		err    error
		want   int
		detail string
	}{
		{"nothing sent", decode(""), 400, "empty"},
		{"blank", decode(" \n"), 400, "empty"},
		{"cut short", decode(`{"A":`), 400, "ends too early"},
		{"cut short, wrapped", fmt.Errorf("x: %w", io.ErrUnexpectedEOF), 400, "ends too early"},
		{"malformed", decode(`{"A":01}`), 400, "the error is at byte 7"},
		{"a member that is unknown", decode(`{"Secret":1}`), 422, ""},
		{"too large", &http.MaxBytesError{Limit: 17}, 413, "17 bytes"},
		{"too slow", readFile(), 408, ""},
		{"too slow, from the system", os.ErrDeadlineExceeded, 408, ""},
		{"anything", errors.New("secret"), 400, "cannot be decoded"},
	} {
		d, ok := errors.AsType[*problem.Details](problem.BadBody(tt.err))
		require.True(t, ok, tt.why)
		assert.Equal(t, tt.want, d.Status, tt.why)
		assert.Contains(t, d.Detail, tt.detail, tt.why)
		assert.NotContains(t, strings.ToLower(write(t, d)), "secret", tt.why)
		assert.Equal(t, tt.err, d.Unwrap(), tt.why)
	}
	assert.NoError(t, problem.BadBody(nil))
}
