package analyzers

import (
	"slices"
	"strings"
)

// Plain reports errors in plain text, in a package that sends problem documents.
var Plain = check("plain",
	`report http.Error where the package sends problem documents elsewhere

A client that reads application/problem+json cannot read the text/plain of http.Error and
http.NotFound. The check looks at packages that call package respond, unless they also use
middleware.Normalize, which replaces such responses.`, runPlain)

func runPlain(r *reporter) {
	if !r.importsRespond() || r.normalizes() || strings.HasPrefix(r.Pkg.Path()+"/", rejoinder+"respond/") {
		return
	}
	leaks := func(e *event) bool {
		return slices.ContainsFunc(e.flows, func(f flowOf) bool { return e.code.is5xx() && r.textOf(f.expr, f.form).what != "" })
	}
	r.eachEvent(func(u *unit, e *event) {
		switch e.known {
		case "net/http.Error", "net/http.NotFound":
			if c := e.code; !c.known || c.param != nil || !isError(c.value) || leaks(e) {
				return // the check leak reports what leaks
			}
			r.found(e.call, r.respondInstead(e), "the client sees text/plain here, and a problem document where this package calls respond: write respond.Error instead")
		}
	})
}
