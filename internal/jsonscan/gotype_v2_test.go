//go:build goexperiment.jsonv2 && go1.27

package jsonscan_test

import (
	"encoding/json/jsontext"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

type ownFrom struct{}

func (*ownFrom) UnmarshalJSONFrom(*jsontext.Decoder) error { return nil }

func TestDecodesItselfFromADecoder(t *testing.T) {
	assert.True(t, jsonscan.DecodesItself(reflect.TypeFor[ownFrom]()))
	assert.Empty(t, jsonscan.Expected(reflect.TypeFor[ownFrom]()))
}
