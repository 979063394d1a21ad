//go:build !goexperiment.jsonv2

package jsonscan

import (
	"strings"
	"unicode"
)

// validName reports whether encoding/json accepts a name in a tag. It ignores all
// others.
func validName(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	}) < 0
}
