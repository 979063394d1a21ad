package policy

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readme returns the README and its fenced blocks of one language.
func readme(t *testing.T, language string) (text string, blocks []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	text = string(b)
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	require.NotEmpty(t, blocks)
	return text, blocks
}

func TestReadmeShowsCodeThatCompiles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "example_test.go"))
	require.NoError(t, err)
	examples := strings.ReplaceAll(string(b), "\n\t", "\n") // the body of a function, unindented
	_, blocks := readme(t, "go")
	for _, block := range blocks {
		assert.Contains(t, examples, block)
	}
}

func TestReadmeShowsTheExactAnswer(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "example_test.go"))
	require.NoError(t, err)
	_, output, ok := strings.Cut(string(b), "// Output:\n")
	require.True(t, ok)
	output, _, _ = strings.Cut(output, "}\n\n")
	output = regexp.MustCompile(`(?m)^\t// ?`).ReplaceAllString(output, "")
	_, blocks := readme(t, "http")
	assert.Equal(t, []string{output}, blocks)
}

func TestReadmeHasTheTwoCommands(t *testing.T) {
	_, blocks := readme(t, "sh")
	assert.Contains(t, blocks, "go run ./examples/quickstart\n")
	assert.Contains(t, blocks, "go test ./...\n", "the check runs this line")
}

func TestReadmeLinksLeadSomewhere(t *testing.T) {
	text, _ := readme(t, "go")
	text = regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "code") // f[T](x) is no link
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(m[1], "://") {
			_, err := os.Stat(filepath.Join(root, m[1]))
			assert.NoError(t, err, "README links to %s", m[1])
		}
	}
}

func TestArchitectureNamesTestsThatExist(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	require.NoError(t, err)
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(b), -1)
	require.NotEmpty(t, named)
	all := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.isTest() {
				all[f.Name.Name] = true
			}
		}
	}
	for _, m := range named {
		assert.True(t, all[m[1]], "ARCHITECTURE.md names %s", m[1])
	}
}
