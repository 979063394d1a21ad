package problem_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestExtensionReadsWireAndGoValuesAlike(t *testing.T) {
	type account struct {
		Href string `json:"href"`
	}
	server := problem.New(403,
		problem.Extension("balance", 30),
		problem.Extension("exact", json.Number("9007199254740993")),
		problem.Extension("accounts", []account{{"/a"}, {"/b"}}),
		problem.Extension("nothing", nil),
		problem.Errors(problem.FieldError{Detail: "too old", Pointer: "#/age"}))
	client := read(t, write(t, server))
	for name, d := range map[string]*problem.Details{"server": server, "client": client} {
		var balance int
		require.NoError(t, d.Extension("balance", &balance), name)
		assert.Equal(t, 30, balance, name)
		var exact big.Int
		require.NoError(t, d.Extension("exact", &exact), name)
		assert.Equal(t, "9007199254740993", exact.String(), name)
		var accounts []account
		require.NoError(t, d.Extension("accounts", &accounts), name)
		assert.Equal(t, []account{{"/a"}, {"/b"}}, accounts, name)
		var errs []problem.FieldError
		require.NoError(t, d.Extension("errors", &errs), name)
		assert.Equal(t, []problem.FieldError{{Detail: "too old", Pointer: "#/age"}}, errs, name)
		some := &balance
		require.NoError(t, d.Extension("nothing", &some), name)
		assert.Nil(t, some, name)
	}
}

func TestExtensionReportsAMissingName(t *testing.T) {
	d := read(t, `{"title":"a","balance":30}`)
	for _, name := range []string{"Balance", "title", "", "x"} {
		n := 17
		err := d.Extension(name, &n)
		require.ErrorIs(t, err, problem.ErrNoExtension, name)
		e, ok := errors.AsType[*problem.ExtensionError](err)
		require.True(t, ok)
		assert.Equal(t, name, e.Name)
		assert.Equal(t, 17, n)
	}
	assert.ErrorIs(t, new(problem.Details).Extension("x", new(int)), problem.ErrNoExtension)
	assert.ErrorIs(t, problem.New(404, problem.Extension("status", 200)).Extension("status", new(int)), problem.ErrNoExtension, "what is not sent is not read")
}

func TestExtensionReportsWhatDoesNotFit(t *testing.T) {
	d := read(t, `{"balance":"thirty"}`)
	err := d.Extension("balance", new(int))
	assert.ErrorContains(t, err, `extension "balance"`)
	_, ok := errors.AsType[*json.UnmarshalTypeError](err)
	assert.True(t, ok, "%v", err)
	assert.NotErrorIs(t, err, problem.ErrNoExtension)

	_, ok = errors.AsType[*json.InvalidUnmarshalError](d.Extension("balance", nil))
	assert.True(t, ok, "a destination that is no pointer")
	assert.Error(t, problem.New(500, problem.Extension("x", math.NaN())).Extension("x", new(float64)), "a value that cannot be sent cannot be read")
}
