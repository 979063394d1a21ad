// Package analyzers reports code that sends wrong HTTP responses.
//
// Start with [All]. Each check is an [analysis.Analyzer]. It knows net/http, package respond of
// Rejoinder, and the functions of the analyzed program that respond through these. The program
// does not have to import Rejoinder.
//
// A check reports only what happens on every path to or from a statement, so that conditions
// which depend on each other cause no false findings. It ignores test files, files that import
// testing or net/http/httptest, and generated files, since no client receives their responses.
//
// To suppress the findings of a check on a line, add a comment to the line or above it:
//
//	//rejoindervet:ignore leak this port is open to operators only
//
// The reason is required. The check [Excuse] reports comments without one.
package analyzers

import (
	"fmt"
	"go/ast"
	"go/token"

	"golang.org/x/tools/go/analysis"
)

// url is where the checks are documented.
const url = "https://pkg.go.dev/github.com/rejoinder-go/rejoinder/cmd/rejoindervet"

// All returns every check.
func All() []*analysis.Analyzer {
	return []*analysis.Analyzer{Leak, NoReturn, Twice, Code, Body, Required, Plain, Excuse}
}

// check returns the analyzer for a check of the responses of a package.
func check(name, doc string, run func(*reporter)) *analysis.Analyzer {
	a := &analysis.Analyzer{Name: name, Doc: doc, URL: url, Requires: []*analysis.Analyzer{flow}}
	a.Run = func(pass *analysis.Pass) (any, error) {
		p := pass.ResultOf[flow].(*program)
		if p.responds() {
			run(&reporter{Pass: pass, program: p, excuses: excuses(pass, name)})
		}
		return nil, nil
	}
	return a
}

// reporter reports the findings of one check in one package.
type reporter struct {
	*analysis.Pass
	*program
	excuses map[line]bool
}

// line is a line on which a comment suppresses findings.
type line struct {
	file   string
	number int
}

// found reports a finding unless a comment suppresses it.
func (r *reporter) found(node ast.Node, fixes []analysis.SuggestedFix, format string, args ...any) {
	at := r.Fset.Position(node.Pos())
	if r.excuses[line{at.Filename, at.Line}] || !r.reads(node.Pos()) {
		return
	}
	r.Report(analysis.Diagnostic{
		Pos: node.Pos(), End: node.End(), Category: r.Analyzer.Name,
		Message: fmt.Sprintf(format, args...), SuggestedFixes: fixes,
	})
}

// lineOf returns the line number of a position.
func (r *reporter) lineOf(pos token.Pos) int { return r.Fset.Position(pos).Line }
