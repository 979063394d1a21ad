//go:build goexperiment.jsonv2

package jsonscan

import "strings"

// validName reports whether encoding/json takes a name from a tag, which in this
// build it does unless the name has a character that is reserved.
func validName(name string) bool { return !strings.ContainsAny(name, "\\'\"`") }
