package jsonscan_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

type own struct{}

func (*own) UnmarshalJSON([]byte) error { return nil }

type text struct{}

func (*text) UnmarshalText([]byte) error { return nil }

type number int

func (*number) UnmarshalText([]byte) error { return nil }

func TestExpectedDescribesEachType(t *testing.T) {
	assert.Empty(t, jsonscan.Expected(nil))
	for _, row := range []struct {
		v    any
		want string
	}{
		{own{}, ""}, {new(own), ""}, {text{}, "a string"}, {number(1), "a string"}, {json.Number(""), "a number"}, {"", "a string"}, {new(*string), "a string"}, {true, "true or false"},
		{1, "a whole number"}, {int64(1), "a whole number"}, {uint(1), "a non-negative whole number"}, {uintptr(1), "a non-negative whole number"},
		{float32(1), "a number"}, {[]byte{}, "a string in base64"}, {[]int{}, "an array"}, {[2]byte{}, "an array"}, {map[string]int{}, "an object"}, {struct{}{}, "an object"},
		{make(chan int), ""}, {complex(1, 1), ""}, {new(any), ""},
	} {
		assert.Equal(t, row.want, jsonscan.Expected(reflect.TypeOf(row.v)), "%T", row.v)
	}
}

func TestKeysAreStringsNumbersOrTexts(t *testing.T) {
	for _, v := range []any{"", 1, int8(1), int64(1), uint(1), uint64(1), uintptr(1), text{}, number(1)} {
		assert.False(t, jsonscan.UndecodableKey(reflect.TypeOf(v)), "%T", v)
	}
	for _, v := range []any{true, float32(1), 1.5, own{}, struct{}{}, [1]int{}, new(int), new(any), complex(1, 1)} {
		assert.True(t, jsonscan.UndecodableKey(reflect.TypeOf(v)), "%T", v)
	}
	assert.True(t, jsonscan.UndecodableKey(reflect.TypeFor[any]()))
}

func TestDecodesItselfLooksAtTheTypeAlone(t *testing.T) {
	assert.True(t, jsonscan.DecodesItself(reflect.TypeFor[own]()))
	for _, typ := range []reflect.Type{reflect.TypeFor[*own](), reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[any](), reflect.TypeFor[json.Number](), reflect.TypeFor[text](), reflect.TypeFor[int]()} {
		assert.False(t, jsonscan.DecodesItself(typ), "%v", typ)
	}
}
