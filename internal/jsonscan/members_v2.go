//go:build goexperiment.jsonv2

package jsonscan

import "strings"

// validName reports whether encoding/json accepts a name in a tag. This build accepts
// every name without a reserved character.
func validName(name string) bool { return !strings.ContainsAny(name, "\\'\"`") }
