package main

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEquivalentMutantsExist(t *testing.T) {
	const module = "../.."
	judged, err := readJudged("equivalent.txt")
	require.NoError(t, err)
	existing := map[string]map[string]bool{}
	for key := range judged {
		pkg, _, _ := strings.Cut(key, ":")
		if existing[pkg] == nil {
			existing[pkg] = keysOf(t, module, pkg)
		}
		assert.True(t, existing[pkg][key], "equivalent.txt has a mutant that does not exist: %s", key)
	}
}

// keysOf returns the keys of all mutants of a package.
func keysOf(t *testing.T, module, pkg string) map[string]bool {
	t.Helper()
	list, err := output(module, "go", "list", "-f", `{{join .GoFiles " "}}`, "./"+pkg)
	require.NoError(t, err)
	known, keys := consts{}, map[string]bool{}
	files := strings.Fields(list)
	for _, f := range files {
		require.NoError(t, known.add(filepath.Join(module, pkg, f)))
	}
	for _, f := range files {
		_, mutants, err := mutate(module, path.Join(pkg, f), known, 1)
		require.NoError(t, err)
		for _, m := range mutants {
			keys[m.key()] = true
		}
	}
	return keys
}
