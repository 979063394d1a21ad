package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// words are terms that net/http and RFC 9110 do not use in this sense, with those
// that they use.
var words = []struct {
	banned *regexp.Regexp
	better string
}{
	{regexp.MustCompile(`(?i)\banswer(s|ed|ing)?\b`), "response, to respond, to reply"},
	{regexp.MustCompile(`(?i)\b(whoever|nobody|somebody)\b`), "the caller, the client, no caller"},
	{regexp.MustCompile(`(?i)\b(asks? for|wants|wanted)\b`), "to request, to require"},
	{regexp.MustCompile(`(?i)\btells\b`), "to report, to return"},
	{regexp.MustCompile(`(?i)\bputs? (\w+ ){0,4}in order\b`), "to normalize, to correct"},
	{regexp.MustCompile(`(?i)\b(lets? (\w+ )?pass|goes past)\b`), "to pass through"},
	{regexp.MustCompile(`(?i)\bas good as\b`), "equivalent to"},
	{regexp.MustCompile(`\bElse\b|[;:] else\b`), "otherwise"},
	{regexp.MustCompile(`\bPanics if\b`), "X panics if"},
	{regexp.MustCompile(`(?i)\bheld by a test\b`), "checked by a test"},
}

func TestCommentsUseTheTermsOfNetHTTP(t *testing.T) {
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			checkWords(t, fset.Position(group.Pos()).String(), group.Text())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING && strings.Contains(s.Value, " ") {
				checkWords(t, fset.Position(s.Pos()).String(), s.Value)
			}
			return true
		})
	})
}

func TestDocumentsUseTheTermsOfNetHTTP(t *testing.T) {
	walk(t, func(path string) {
		switch {
		case !strings.HasSuffix(path, ".md"),
			filepath.Base(path) == "CONTRIBUTING.md",                 // lists the words
			strings.HasSuffix(path, "internal/benchmarks/REPORT.md"): // is written by a command
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkWords(t, path, code.ReplaceAllString(string(text), ""))
	})
}

// code is what stands between backquotes in a document: it has words of others.
var code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")

func checkWords(t *testing.T, where, text string) {
	t.Helper()
	text = strings.Join(strings.Fields(text), " ")
	for _, w := range words {
		if found := w.banned.FindString(text); found != "" {
			t.Errorf("%s: %q: better %s", where, found, w.better)
		}
	}
}

// walk calls f with each file of the repository that is not test data.
func walk(t *testing.T, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		f(path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
