//go:build goexperiment.jsonv2 && go1.27

package jsonscan

import (
	jsonv2 "encoding/json/v2"
	"reflect"
)

var unmarshalerFrom = reflect.TypeFor[jsonv2.UnmarshalerFrom]()

// hasUnmarshalJSONFrom reports whether a pointer type has the method UnmarshalJSONFrom,
// which this build of encoding/json calls.
func hasUnmarshalJSONFrom(p reflect.Type) bool { return p.Implements(unmarshalerFrom) }
