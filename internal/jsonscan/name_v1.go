//go:build !goexperiment.jsonv2

package jsonscan

import (
	"strings"
	"unicode"
)

// validName reports whether encoding/json takes a name from a tag. It passes over
// others as if there were none.
func validName(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	}) < 0
}
