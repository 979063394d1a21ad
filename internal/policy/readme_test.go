package policy

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"os"
	"os/exec"
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

// A block with a package clause is a whole file. Any other is the body of a function in example_test.go.
func TestReadmeShowsCodeThatCompiles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "example_test.go"))
	require.NoError(t, err)
	examples := strings.ReplaceAll(string(b), "\n\t", "\n") // the body of a function, unindented
	_, blocks := readme(t, "go")
	files := map[string]string{}
	for i, block := range blocks {
		if strings.HasPrefix(block, "package ") {
			files[fmt.Sprintf("readme%d", i)] = block
			continue
		}
		assert.Contains(t, examples, block)
	}
	assert.NotEmpty(t, files)
	compile(t, files)
}

// compile builds each file as a package of this module. The directory of the package exists only in the
// overlay of the go command.
func compile(t *testing.T, files map[string]string) {
	t.Helper()
	top, err := filepath.Abs(root)
	require.NoError(t, err)
	dir, replace := t.TempDir(), map[string]string{}
	args := []string{"build", "-o", os.DevNull, "-overlay", filepath.Join(dir, "overlay.json")}
	for name, text := range files {
		formatted, err := format.Source([]byte(text))
		if assert.NoError(t, err, "%s", text) {
			assert.Equal(t, string(formatted), text)
		}
		file := filepath.Join(dir, name+".go")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		replace[filepath.Join(top, "internal", name, "snippet.go")] = file
		args = append(args, "./internal/"+name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	cmd := exec.Command("go", args...)
	cmd.Dir = top
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

func TestReadmeShowsTheExactResponse(t *testing.T) {
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
	assert.Contains(t, blocks, "go test ./...\n", ".ci/run runs this line")
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

func TestDocumentsNameTestsThatExist(t *testing.T) {
	all := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.isTest() {
				all[f.Name.Name] = true
			}
		}
	}
	for _, page := range []string{"ARCHITECTURE.md", "SECURITY.md"} {
		b, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(b), -1)
		require.NotEmpty(t, named)
		for _, m := range named {
			assert.True(t, all[m[1]], "%s names %s", page, m[1])
		}
	}
}

// The figures are those of the newest report.
func TestReadmeShowsTheTableOfTheReport(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "internal", "benchmarks", "REPORT.md"))
	require.NoError(t, err)
	_, summary, found := strings.Cut(string(b), "\n## In short\n")
	require.True(t, found)
	rows := strings.FieldsFunc(strings.SplitN(summary, "\n## ", 2)[0], func(r rune) bool { return r == '\n' })
	text, _ := readme(t, "go")
	_, costs, _ := strings.Cut(text, "\n## What it costs\n")
	for _, row := range rows {
		if strings.HasPrefix(row, "|") {
			assert.Contains(t, costs, row)
		}
	}
	date, _, _ := strings.Cut(strings.SplitN(string(b), "\n\n", 3)[1], ", ")
	assert.Contains(t, costs, date)
}
