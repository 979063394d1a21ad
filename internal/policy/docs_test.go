package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs are the pages beside the README.
func docs(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	pages := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		pages["docs/"+filepath.Base(name)] = string(b)
	}
	return pages
}

// goSources returns all Go files, unindented by one and by two tabs, so that the
// body of a function can be found in them.
func goSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, tabs := range []string{"\n", "\n\t", "\n\t\t"} {
			all.WriteString(strings.ReplaceAll(string(b), tabs, "\n"))
		}
		return err
	})
	require.NoError(t, err)
	return all.String()
}

// A block of Go stands, letter by letter, in a file that is compiled.
func TestDocsShowCodeThatCompiles(t *testing.T) {
	sources := goSources(t)
	for name, page := range docs(t) {
		for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
			assert.True(t, strings.Contains(sources, m[1]), "%s: no Go file has\n%s", name, m[1])
		}
	}
}

func TestDocsLinkToSomewhere(t *testing.T) {
	for name, page := range docs(t) {
		page = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(page, "code")
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(page, -1) {
			if !strings.Contains(m[1], "://") {
				_, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1]))
				assert.NoError(t, err, "%s links to %s", name, m[1])
			}
		}
	}
}
