//go:build !goexperiment.jsonv2 || !go1.27

package jsonscan

import "reflect"

// ownFrom reports whether a pointer type has the method UnmarshalJSONFrom, which
// this build of encoding/json does not know.
func ownFrom(reflect.Type) bool { return false }
