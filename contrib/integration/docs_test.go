package integration_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tests returns the names of the tests of this module.
func tests(t *testing.T) map[string]bool {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

// Each row of the table in docs/integration.md ends with the test that checks it, and
// each test of a library has a row.
func TestTableNamesItsTests(t *testing.T) {
	b, err := os.ReadFile("../../docs/integration.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(b), "|---|---|---|---|\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	row := regexp.MustCompile("^\\|.+\\|.+\\|.+\\| `(Test\\w+)` \\|$")
	all := tests(t)
	delete(all, t.Name())
	named := map[string]bool{}
	for line := range strings.Lines(table) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if assert.NotNil(t, m, "a row without a test: %s", line) {
			assert.True(t, all[m[1]], "no such test: %s", m[1])
			named[m[1]] = true
		}
	}
	for test := range all {
		if !strings.HasPrefix(test, "TestMigration") { // docs/migration.md
			assert.True(t, named[test], "%s stands in no row", test)
		}
	}
}
