//go:build !goexperiment.jsonv2 || !go1.27

package jsonscan

import "reflect"

// hasUnmarshalJSONFrom reports whether a pointer type has the method UnmarshalJSONFrom.
// This build of encoding/json does not call it.
func hasUnmarshalJSONFrom(reflect.Type) bool { return false }
