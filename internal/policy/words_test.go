package policy

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	for _, s := range sources(t) {
		if isTestdata(s.path) {
			continue
		}
		for _, group := range s.file.Comments {
			checkWords(t, s.path, group.Text())
		}
		if s.isTest() { // its strings may be data
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && strings.Contains(text.Value, " ") {
				checkWords(t, s.path, text.Value)
			}
			return true
		})
	}
}

func TestDocumentsUseTheTermsOfNetHTTP(t *testing.T) {
	walk(func(name string) {
		switch {
		case path.Ext(name) != ".md", isTestdata(name),
			name == "CONTRIBUTING.md": // lists the words
			return
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		checkWords(t, name, code.ReplaceAllString(string(text), ""))
	})
}

func isTestdata(path string) bool { return strings.Contains(path, "testdata/") }

// code is what stands between backquotes in a document: it has words of others.
var code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")

func checkWords(t *testing.T, where, text string) {
	t.Helper()
	text = strings.Join(strings.Fields(text), " ")
	for _, w := range words {
		if at := w.banned.FindStringIndex(text); at != nil {
			t.Errorf("%s: ...%s: better %s", where, text[max(0, at[0]-40):at[1]], w.better)
		}
	}
}
