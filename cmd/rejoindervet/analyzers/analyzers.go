// Package analyzers finds HTTP responses that are wrong before they are sent.
//
// Start with [All]. Each check is an [analysis.Analyzer] of its own, and knows
// net/http, the package respond of Rejoinder, and the functions of the analyzed
// program that send responses through them. A program need not import Rejoinder.
//
// A check reports only what happens on every path that leads to a place, or
// that leads away from it, so that two conditions which depend on each other
// cannot make it wrong. It leaves out test files, files that import testing or
// net/http/httptest, and generated files: no client reads what they send.
//
// A line with a comment such as
//
//	//rejoindervet:ignore leak this port is open to operators only
//
// on it or above it is excused from that check. The reason is required, and the
// check [Excuse] reports a comment without one.
package analyzers

import (
	"fmt"
	"go/ast"
	"go/token"

	"golang.org/x/tools/go/analysis"
)

// url leads to the description of the checks.
const url = "https://pkg.go.dev/github.com/rejoinder-go/rejoinder/cmd/rejoindervet"

// All returns every check.
func All() []*analysis.Analyzer {
	return []*analysis.Analyzer{Leak, NoReturn, Twice, Code, Body, Required, Plain, Excuse}
}

// check makes the analyzer of a check that looks at the responses of a package.
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

// line is a place where a comment excuses findings.
type line struct {
	file   string
	number int
}

// found reports a finding unless a comment excuses it.
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

// lineOf returns the number of the line that a position is on.
func (r *reporter) lineOf(pos token.Pos) int { return r.Fset.Position(pos).Line }
