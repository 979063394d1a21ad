package analyzers

import (
	"go/ast"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// directive starts a comment that excuses a line.
const directive = "//rejoindervet:ignore"

// Excuse reports comments that excuse a line without saying why, or that name
// no check.
var Excuse = &analysis.Analyzer{
	Name: "excuse",
	Doc:  "report comments that excuse a line from a check without a reason",
	URL:  url,
	Run: func(pass *analysis.Pass) (any, error) {
		for _, f := range pass.Files {
			forDirectives(f, func(c *ast.Comment, name, reason string) {
				switch {
				case !isCheck(name):
					pass.Reportf(c.Pos(), "this comment excuses nothing, since %q is not a check: write %s CHECK REASON", name, directive)
				case reason == "":
					pass.Reportf(c.Pos(), "this comment excuses nothing, since it gives no reason: write %s %s and why the response is right", directive, name)
				}
			})
		}
		return nil, nil
	},
}

// excuses returns the lines that comments excuse from a check: the line of the
// comment, and the line below a comment that stands alone.
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

// forDirectives calls f for each comment of a file that is meant to excuse a line.
func forDirectives(file *ast.File, f func(c *ast.Comment, check, reason string)) {
	for _, group := range file.Comments {
		for _, c := range group.List {
			rest, ok := strings.CutPrefix(c.Text, directive)
			if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
				continue
			}
			rest, _, _ = strings.Cut(rest, " // ") // a comment on the comment is not its reason
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
