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
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestBadBodySaysWhatIsWrongWithTheJSON(t *testing.T) {
	type embedded struct{}
	var dst struct {
		embedded
		Age     int8              `json:"age"`
		Size    uint              `json:"size"`
		Price   float64           `json:"price"`
		Name    *string           `json:"name"`
		Open    bool              `json:"open"`
		Items   []struct{}        `json:"items"`
		Pair    [2]int            `json:"pair"`
		Raw     []byte            `json:"raw"`
		Since   time.Time         `json:"since"`
		Exact   *big.Int          `json:"exact"`
		Labels  map[string]string `json:"labels"`
		Profile struct {
			Color string `json:"color"`
			Odd   int    `json:"a/b~c d"`
		} `json:"profile"`
	}
	for _, tt := range []struct{ doc, pointer, detail string }{
		{`{"age":"x"}`, "#/age", "must be a whole number"},
		{`{"age":1.5}`, "#/age", "must be a whole number in the range that is supported"},
		{`{"age":128}`, "#/age", "must be a whole number in the range that is supported"},
		{`{"size":true}`, "#/size", "must be a whole number that is not negative"},
		{`{"size":-1}`, "#/size", "must be a whole number that is not negative in the range that is supported"},
		{`{"price":"1"}`, "#/price", "must be a number"},
		{`{"price":1e999}`, "#/price", "must be a number in the range that is supported"},
		{`{"name":7}`, "#/name", "must be a string"},
		{`{"open":1}`, "#/open", "must be true or false"},
		{`{"items":{}}`, "#/items", "must be an array"},
		{`{"pair":1}`, "#/pair", "must be an array"},
		{`{"raw":1}`, "#/raw", "must be a string in base64"},
		{`{"labels":[]}`, "#/labels", "must be an object"},
		{`{"profile":"x"}`, "#/profile", "must be an object"},
		{`{"profile":{"color":1}}`, "#/profile/color", "must be a string"},
		{`{"profile":{"a/b~c d":"x"}}`, "#/profile/a~1b~0c%20d", "must be a whole number"},
		{`[]`, "#", "must be an object"},
		{`"x"`, "#", "must be an object"},
	} {
		err := json.Unmarshal([]byte(tt.doc), &dst)
		require.Error(t, err, tt.doc)
		for _, d := range []*problem.Details{problem.From(fmt.Errorf("x: %w", err)), problem.From(problem.BadBody(err))} {
			assert.Equal(t, 422, d.Status, tt.doc)
			assert.Equal(t, []problem.FieldError{{Detail: tt.detail, Pointer: tt.pointer}}, d.Extensions["errors"], tt.doc)
			assert.ErrorIs(t, d, err)
		}
	}
}

func TestBadBodyKnowsWhyContentCannotBeRead(t *testing.T) {
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
		{"malformed", decode(`{"A":01}`), 400, "see byte 7"},
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
	assert.Equal(t, 422, problem.From(fmt.Errorf("x: %w", decode(`{"b":1}`))).Status, "From knows the unknown member too")
}
