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

// docs returns the pages in docs, by path.
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

// goSources returns the text of all Go files three times: as it is, and indented by one and by two
// tabs less. So it contains a snippet from the body of a function too.
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

// pieces splits a block of Go before each line that follows an empty line and is not indented, since a
// page may leave out declarations.
func pieces(block string) []string {
	var all []string
	for text := range strings.SplitSeq(strings.TrimSpace(block), "\n\n") {
		if n := len(all); n > 0 && strings.HasPrefix(text, "\t") {
			all[n-1] += "\n\n" + text
			continue
		}
		all = append(all, text)
	}
	return all
}

// Each piece of Go in the pages is, character for character, in a file that is compiled.
func TestDocsShowCodeThatCompiles(t *testing.T) {
	sources := goSources(t)
	for name, page := range docs(t) {
		for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
			for _, piece := range pieces(m[1]) {
				assert.True(t, strings.Contains(sources, piece+"\n"), "%s: no Go file has\n%s", name, piece)
			}
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

func TestDependabotKnowsEachModule(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, ".github", "dependabot.yml"))
	require.NoError(t, err)
	for _, dir := range nestedModules() {
		assert.Contains(t, string(b), "      - /"+dir+"\n")
	}
}
