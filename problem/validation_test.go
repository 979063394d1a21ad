package problem_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestPointerIsTheFragmentOfRFC6901(t *testing.T) {
	for _, tt := range []struct {
		want string
		path []any
	}{
		// The examples of RFC 6901, section 6.
		{"#", nil},
		{"#/foo", []any{"foo"}},
		{"#/foo/0", []any{"foo", 0}},
		{"#/", []any{""}},
		{"#/a~1b", []any{"a/b"}},
		{"#/c%25d", []any{"c%d"}},
		{"#/e%5Ef", []any{"e^f"}},
		{"#/g%7Ch", []any{"g|h"}},
		{"#/i%5Cj", []any{`i\j`}},
		{"#/k%22l", []any{`k"l`}},
		{"#/%20", []any{" "}},
		{"#/m~0n", []any{"m~n"}},
		// Others.
		{"#/age", []any{"age"}},
		{"#/~01", []any{"~1"}},
		{"#/%C3%A9/%23", []any{"é", "#"}},
		{"#/a/3/4/true", []any{"a", uint8(3), int64(4), true}},
		{"#/items/-", []any{"items", "-"}},
	} {
		assert.Equal(t, tt.want, problem.Pointer(tt.path...))
	}
}

func TestPointerFromNamespaceDropsTheTypeName(t *testing.T) {
	for _, tt := range []struct{ namespace, want string }{
		{"Order.age", "#/age"},
		{"Order.items[0].sku", "#/items/0/sku"},
		{"Order.matrix[1][2]", "#/matrix/1/2"},
		{"Order.labels[a.b].c", "#/labels/a.b/c"},
		{"Order.labels[a/b~c]", "#/labels/a~1b~0c"},
		{"Orders[0].sku", "#/0/sku"},
		{"[0].sku", "#/0/sku"},
		{"Order", "#"},
		{"", "#"},
	} {
		assert.Equal(t, tt.want, problem.PointerFromNamespace(tt.namespace), tt.namespace)
	}
}

func TestValidationWithoutFaultsIsNoError(t *testing.T) {
	var v problem.Validation
	assert.NoError(t, v.Err())
	assert.NoError(t, problem.Validation{}.Err())
	assert.True(t, v.Check(true, "never said", "a"))
	assert.NoError(t, v.Err(problem.Title("t")), "not even a typed nil")
	assert.NotContains(t, write(t, problem.New(422, problem.Errors(v...))), "errors")
}

func TestValidationListsFaultsAsTheRFCDoes(t *testing.T) {
	var v problem.Validation
	assert.False(t, v.Check(false, "must be a positive integer", "age"))
	v.Check(false, "must be 'green', 'red' or 'blue'", "profile", "color")
	v.Add(problem.FieldError{Detail: "without a place"})
	err := v.Err(problem.Title("Your request is not valid."), problem.Detail(""))
	d, ok := errors.AsType[*problem.Details](err)
	require.True(t, ok)
	assert.Equal(t, `{"type":"about:blank","title":"Your request is not valid.","status":422,"errors":[`+
		`{"detail":"must be a positive integer","pointer":"#/age"},`+
		`{"detail":"must be 'green', 'red' or 'blue'","pointer":"#/profile/color"},`+
		`{"detail":"without a place"}]}`, write(t, d))
	assert.Same(t, d, problem.From(err))
}

func TestValidationReadsTheExampleOfTheRFCBack(t *testing.T) {
	d := read(t, golden(t, "rfc9457-s3-4.json"))
	var v problem.Validation
	require.NoError(t, d.Extension("errors", &v))
	assert.Equal(t, problem.Validation{
		{Detail: "must be a positive integer", Pointer: "#/age"},
		{Detail: "must be 'green', 'red' or 'blue'", Pointer: "#/profile/color"},
	}, v)
}

func TestValidationIsBounded(t *testing.T) {
	var v problem.Validation
	for i := range 10 * problem.MaxFieldErrors {
		v.Check(false, "wrong", i)
	}
	assert.Len(t, v, problem.MaxFieldErrors)
	v.Add(make([]problem.FieldError, 3)...)
	assert.Len(t, v, problem.MaxFieldErrors)
	assert.Equal(t, "#/0", v[0].Pointer, "the first ones stay")

	long := strings.Repeat("x", 2_000)
	v = nil
	v.Add(problem.FieldError{Detail: long, Pointer: "#/a/" + long, Parameter: long, Header: long, Code: long})
	assert.Len(t, v[0].Detail, 1024)
	assert.Equal(t, []int{3, 512, 512, 512}, []int{len(v[0].Pointer), len(v[0].Parameter), len(v[0].Header), len(v[0].Code)})
	v.Check(false, "wrong", "a", long)
	assert.Equal(t, "#/a", v[1].Pointer)
}

func TestValidationIsCopiedIntoTheProblem(t *testing.T) {
	var v problem.Validation
	v.Check(false, "before", "a")
	d := problem.New(422, problem.Errors(v...))
	v[0].Detail = "after"
	assert.Contains(t, write(t, d), "before")
}
