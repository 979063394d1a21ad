package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rejoinder-go/rejoinder/middleware/middlewaretest/conformance"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of docs/conformance.md anew")

const (
	page  = "../../../docs/conformance.md"
	begin = "| rule | clause | level | requirement |\n|---|---|---|---|\n"
)

// The page ends with the table of all rules.
func TestDocsListTheRules(t *testing.T) {
	var table strings.Builder
	for _, r := range conformance.Rules() {
		fmt.Fprintf(&table, "| `%s` | [%s](%s) | %s | %s |\n", r.ID, r.Clause(), r.Link(), r.Level, r.Requirement)
	}
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	text, got, found := strings.Cut(string(b), begin)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(text+begin+table.String()), 0o644))
		return
	}
	assert.Equal(t, table.String(), got, "run this test with -update")
}
