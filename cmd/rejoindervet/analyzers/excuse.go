package analyzers

import (
	"go/ast"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// directive is the beginning of a comment that suppresses findings.
const directive = "//rejoindervet:ignore"

// Excuse reports comments that suppress findings without a reason, or that do not name a check.
var Excuse = &analysis.Analyzer{
	Name: "excuse",
	Doc:  "report comments that suppress findings without a reason",
	URL:  url,
	Run:  runExcuse,
}

func runExcuse(pass *analysis.Pass) (any, error) {
	for _, f := range pass.Files {
		forDirectives(f, func(c *ast.Comment, name, reason string) {
			switch {
			case !isCheck(name):
				pass.Reportf(c.Pos(), "this comment suppresses nothing, since %q is not a check: write %s CHECK REASON", name, directive)
			case reason == "":
				pass.Reportf(c.Pos(), "this comment suppresses nothing, since it gives no reason: write %s %s and why the response is right", directive, name)
			}
		})
	}
	return nil, nil
}

// excuses returns the lines on which comments suppress a check: the line of the comment and the
// line below it.
func excuses(pass *analysis.Pass, check string) map[line]bool {
	lines := map[line]bool{}
	for _, f := range pass.Files {
		forDirectives(f, func(c *ast.Comment, name, reason string) {
			if name == check && reason != "" {
				at := pass.Fset.Position(c.Pos())
				lines[line{at.Filename, at.Line}] = true
				lines[line{at.Filename, at.Line + 1}] = true
			}
		})
	}
	return lines
}

// forDirectives calls f for each comment of a file that begins with the directive.
func forDirectives(file *ast.File, f func(c *ast.Comment, check, reason string)) {
	for _, group := range file.Comments {
		for _, c := range group.List {
			rest, ok := strings.CutPrefix(c.Text, directive)
			if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
				continue
			}
			rest, _, _ = strings.Cut(rest, " // ") // a comment after the reason is not part of it
			name, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
			f(c, name, strings.TrimSpace(reason))
		}
	}
}

func isCheck(name string) bool {
	switch name {
	case "leak", "noreturn", "twice", "code", "body", "required", "plain":
		return true
	}
	return false
}
