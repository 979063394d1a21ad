package analyzers

import (
	"go/ast"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Plain reports plain text errors in a package that sends problem documents.
var Plain = check("plain",
	`report http.Error where the package sends problem documents elsewhere

A client that expects application/problem+json cannot parse the text/plain of http.Error and
http.NotFound. The check applies to packages that call package respond or set the Content-Type
of a problem document. It does not apply if they use middleware.Normalize, which replaces such
responses.`, runPlain)

func runPlain(r *reporter) {
	if r.normalizes() || strings.HasPrefix(r.Pkg.Path()+"/", rejoinder+"respond/") {
		return
	}
	byHand := r.problemWriters()
	elsewhere := "calls respond: write respond.Error instead"
	switch {
	case r.importsRespond():
	case len(byHand) > 0:
		elsewhere = "writes application/problem+json itself: write one here too"
	default:
		return
	}
	leaks := func(e *event) bool {
		return slices.ContainsFunc(e.flows, func(f flowOf) bool { return e.code.is5xx() && r.textOf(f.expr, f.form).what != "" })
	}
	r.eachEvent(func(u *unit, e *event) {
		switch e.known {
		case "net/http.Error", "net/http.NotFound":
			c := e.code
			if !c.known || c.param != nil || !isError(c.value) || byHand[u.scope()] || leaks(e) {
				return // the check leak reports what leaks
			}
			var fixes []analysis.SuggestedFix
			if r.importsRespond() {
				fixes = r.respondInstead(e)
			}
			r.found(e.call, fixes, "the client sees text/plain here, and a problem document where this package %s", elsewhere)
		}
	})
}

// problemWriters returns the functions that write problem documents without package respond.
func (r *reporter) problemWriters() map[ast.Node]bool {
	writers := map[ast.Node]bool{}
	r.eachEvent(func(u *unit, e *event) {
		if e.act == actField && e.field == "Content-Type" && len(e.call.Args) == 2 {
			if s, _ := r.constString(e.call.Args[1]); strings.HasPrefix(s, "application/problem+") {
				writers[u.scope()] = true
			}
		}
	})
	return writers
}
