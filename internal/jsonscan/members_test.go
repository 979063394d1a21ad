package jsonscan_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rejoinder-go/rejoinder/internal/jsonscan"
)

// They are looked up for each body that is refused, and a struct may have hundreds.
func TestMembersOfATypeAreFoundOnce(t *testing.T) {
	typ := reflect.TypeFor[struct {
		A, B, C int
		D       string `json:"d"`
	}]()
	assert.Len(t, jsonscan.MembersOf(typ), 4)
	assert.Zero(t, testing.AllocsPerRun(10, func() { jsonscan.MembersOf(typ) }))
}
