package problem_test

import (
	"errors"
	"io/fs"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

// chosen is an error whose MarshalJSON method decides what is sent.
type chosen struct{ Secret string }

func (chosen) Error() string                { return "secret" }
func (chosen) MarshalText() ([]byte, error) { return []byte("for clients"), nil }

// toldByPointer has that method on its pointer, so only addressable values have it.
type toldByPointer struct{ Secret string }

func (toldByPointer) Error() string                 { return "secret" }
func (*toldByPointer) MarshalJSON() ([]byte, error) { return []byte(`"for clients"`), nil }

type secretCode string

func (secretCode) Error() string { return "" }

type node struct {
	Next *node
	Err  error
}

func TestNoFieldOfAnErrorIsSent(t *testing.T) {
	secret := &fs.PathError{Op: "open", Path: "/secret", Err: fs.ErrNotExist}
	list := []error{secret}
	var err error = secret
	cycle := &node{}
	cycle.Next = cycle
	type holder struct {
		Deep any `json:"deep"`
	}
	type embedding struct {
		*fs.PathError
		Note string
	}
	leaks := map[string]any{
		"itself":                            secret,
		"its value":                         *secret,
		"in a map":                          map[string]any{"err": secret},
		"in a map of errors":                map[string]error{"err": secret},
		"in a slice":                        []any{1, secret},
		"a pointer to a slice":              &list,
		"a slice of slices":                 [][]error{list},
		"an array":                          [1]any{*secret},
		"a slice of values":                 []fs.PathError{*secret},
		"a pointer to an interface":         &err,
		"in a struct":                       holder{secret},
		"in a pointer to a struct":          &holder{&holder{secret}},
		"in a struct in a map":              map[int]holder{1: {map[string][]any{"x": {holder{secret}}}}},
		"embedded":                          embedding{secret, "note"},
		"of another package":                holder{&url.Error{Op: "Get", URL: "http://secret/", Err: fs.ErrNotExist}},
		"a key of a map":                    map[secretCode]int{"secret": 1},
		"a text that is an error":           []any{secretCode("secret")},
		"an interface of errors":            struct{ Err error }{secret},
		"in a list":                         &node{Next: &node{Err: secret}},
		"one that cannot say it for itself": map[string]any{"x": toldByPointer{"secret"}},
		"joined":                            []any{errors.Join(secret), secret},
		"a cycle":                           cycle,
	}
	for name, v := range leaks {
		d := problem.New(409, problem.Extension("info", v), problem.Extension("kept", "yes"))
		for format, appendTo := range map[string]func([]byte) ([]byte, error){"JSON": d.AppendJSON, "XML": d.AppendXML, "HTML": d.AppendHTML} {
			doc, err := appendTo(nil)
			e, ok := errors.AsType[*problem.ExtensionError](err)
			require.True(t, ok, "%s in %s: %v", name, format, err)
			assert.Equal(t, "info", e.Name, "%s in %s", name, format)
			assert.NotContains(t, string(doc), "secret", "%s in %s", name, format)
			assert.NotContains(t, string(doc), "info", "%s in %s: whole or not at all", name, format)
			assert.Contains(t, string(doc), "yes", "%s in %s", name, format)
		}
		assert.Error(t, d.Extension("info", new(any)), name)
	}
	for want, v := range map[string]any{
		`"for clients"`:       chosen{"secret"},
		`["for clients"]`:     []any{chosen{"secret"}},
		`{"x":"for clients"}`: map[string]any{"x": &toldByPointer{"secret"}},
		`[{"x":"for clients"}]`: []struct {
			X toldByPointer `json:"x"`
		}{{toldByPointer{"secret"}}},
		`{"Err":null,"Note":"n"}`: struct {
			Err    error
			Note   string
			hidden error
		}{nil, "n", secret},
		`{"a":["2026-01-01T00:00:00Z",1]}`:                                           map[string]any{"a": []any{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 1}},
		`{"b":{"type":"about:blank","title":"Not Found","status":404,"detail":"x"}}`: map[string]any{"b": problem.New(404, problem.Detail("x"), problem.Cause(secret))},
	} {
		doc, err := problem.New(409, problem.Extension("info", v)).AppendJSON(nil)
		require.NoError(t, err, want)
		assert.Contains(t, string(doc), `"info":`+want)
	}
}

// Go 1.27 encodes maps with keys of any type, and Go 1.26 does not.
func TestExtensionsAreEncodedByEveryRelease(t *testing.T) {
	type holder struct {
		M map[float64]int `json:"m,omitempty"`
	}
	for why, v := range map[string]any{
		"float keys": map[float64]int{1.5: 1}, "empty": map[bool]int{}, "any keys": map[any]int{"a": 1}, "deep": []any{holder{map[float64]int{1: 1}}},
		"array keys": &map[[2]int]string{},
	} {
		doc, err := problem.New(400, problem.Extension("x", v)).AppendJSON(nil)
		var e *problem.ExtensionError
		assert.ErrorAs(t, err, &e, why)
		assert.NotContains(t, string(doc), `"x"`, why)
	}
	for why, v := range map[string]any{
		"left out": holder{}, "whole numbers": map[int8]bool{-1: true}, "texts": map[time.Month]int{1: 1}, "times": map[time.Time]int{{}: 1}, "no map at all": []*holder{nil},
	} {
		_, err := problem.New(400, problem.Extension("x", v)).AppendJSON(nil)
		assert.NoError(t, err, why)
	}
}
