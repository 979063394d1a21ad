package analyzers

import (
	"go/ast"
	"go/types"
	"strings"
)

// eachEvent calls f for each event that can happen.
func (p *program) eachEvent(f func(*unit, *event)) {
	for _, u := range p.units {
		u.events(func(_ *cfgBlock, _ int, e *event) { f(u, e) })
	}
}

// Code reports status codes that net/http does not send, or that have no effect.
var Code = check("code",
	`report status codes that cannot be sent

net/http panics if a code is below 100 or above 999. It sends a 1xx code as an interim
response, and then another final response. Browsers do not follow http.Redirect unless
the code is a redirect.`, runCode)

func runCode(r *reporter) {
	r.eachEvent(func(u *unit, e *event) {
		c := e.code
		if !c.known || c.param != nil || c.at == nil {
			return
		}
		switch {
		case c.value < 100 || c.value > 999:
			r.found(e.call, nil, "the client sees a closed connection, since net/http panics on the status code %d: write one from 200 to 599", c.value)
		case strings.HasSuffix(e.known, ".Redirect"):
			if !isRedirect(c.value) {
				r.found(e.call, nil, "the client does not follow this redirect, since %d is not a redirect: write http.StatusFound or http.StatusSeeOther", c.value)
			}
		case c.value == 101:
			if e.known == "net/http.ResponseWriter.WriteHeader" && !r.upgrades(u) {
				r.found(e.call, nil, "the client of this 101 is not told which protocol follows: set the header fields Connection and Upgrade, or write a final status code")
			}
		case c.value < 200:
			if e.act.has(actBody) {
				r.found(e.call, nil, "the client sees 200 with this body, since %d is not a final status code: write a final one", c.value)
			} else if e.w != nil && e.act == 0 && r.lastUse(u, e) {
				r.found(e.call, nil, "the client sees 200, since %d is not a final status code and no other follows: write a final one", c.value)
			}
		}
	})
}

// isRedirect reports whether a response with the code has a Location.
func isRedirect(code int) bool {
	switch code {
	case 201, 300, 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// upgrades reports whether the function around a unit may switch protocols.
func (r *reporter) upgrades(u *unit) bool {
	f := r.fieldsIn(u.scope())
	return f.any || f.names["Upgrade"]
}

// lastUse reports whether a unit is a handler that does not use its response writer after an
// event.
func (r *reporter) lastUse(u *unit, e *event) bool {
	if !isHandler(u) || u.decl == nil || r.inLoop(e.call) {
		return false
	}
	used := false
	ast.Inspect(u.scope(), func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && r.TypesInfo.Uses[id] == e.w {
			used = used || id.Pos() > e.call.End() || r.isDeferred(id)
		}
		return !used
	})
	return !used
}

func (p *program) inLoop(n ast.Node) bool {
	for ; n != nil; n = p.parents[n] {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			return true
		case *ast.FuncLit, *ast.FuncDecl:
			return false
		}
	}
	return false
}

func (p *program) isDeferred(n ast.Node) bool {
	for ; n != nil; n = p.parents[n] {
		if _, ok := n.(*ast.DeferStmt); ok {
			return true
		}
	}
	return false
}

// Body reports bodies that the status code forbids, and that are therefore not sent.
var Body = check("body",
	`report writes to a body that the status code forbids

A response with 101, 204 or 304 has no body: net/http discards what is written. A 205
must not have one either.`, runBody)

func runBody(r *reporter) {
	r.eachEvent(func(u *unit, e *event) {
		if !e.act.has(actBody) {
			return
		}
		c := e.before.code
		if !e.before.sent {
			if c = e.code; c.at == nil || !r.hasBody(e) {
				return
			}
		} else if e.act.has(actStatus) || e.known == "net/http.ResponseWriter.Write" && r.isEmpty(e.call.Args[0]) {
			return // two responses, which the check twice reports, or an empty body
		}
		if !c.known || c.param != nil {
			return
		}
		switch c.value {
		case 101, 204, 304:
			r.found(e.call, nil, "the client sees no body, since a %d has none: remove this write, or write another status code", c.value)
		case 205:
			r.found(e.call, nil, "the client may mistake this body for the next response, since a 205 has none: remove this write, or write another status code")
		}
	})
}

// hasBody reports whether a call that sends a status code and a body has a body that is not empty.
func (r *reporter) hasBody(e *event) bool {
	some := len(e.call.Args) > 2 || len(e.flows) > 0
	for _, f := range e.flows {
		some = some && !r.isEmpty(f.expr)
	}
	for _, arg := range e.call.Args {
		if id, ok := ast.Unparen(arg).(*ast.Ident); ok && id.Name == "nil" {
			return false
		}
	}
	return some && strings.HasPrefix(e.known, "net/http.") || some && len(e.flows) > 0
}

// Twice reports status codes and header fields that are set after the header was sent.
var Twice = check("twice",
	`report responses that are sent twice, and header fields that are set too late

The first WriteHeader or Write sends the status code and the header. Later changes have
no effect, and net/http logs a superfluous call of WriteHeader.`, runTwice)

func runTwice(r *reporter) {
	for _, u := range r.units {
		u.events(func(b *cfgBlock, i int, e *event) {
			if e.w == nil || r.assigned(e.w) || r.mayHijack(u, e.w) {
				return
			}
			if e.before.sent {
				r.late(u, e)
				return
			}
			// The first response, which is followed by another on every path.
			if e.act.has(actStatus) && e.act.begins() && !e.act.has(actRefuse) && !e.act.has(actDelegate) {
				later := u.inevitable(b, i, func(o *event) bool {
					return o.w == e.w && o.act.has(actStatus) && !o.act.has(actAttempt)
				})
				if later != nil && !later.before.sent && later.call != e.call {
					r.found(e.call, nil, "the client sees this response followed by the body of %s (line %d), which comes too late for its status code: return after this one", later.name, r.lineOf(later.call.Pos()))
				}
			}
		})
	}
}

// late reports an event that has no effect, because the response has begun.
func (r *reporter) late(u *unit, e *event) {
	first := e.before.first
	switch {
	case first.call == e.call:
	case e.act.has(actField):
		if strings.HasPrefix(e.field, "Trailer:") || e.field == "" || r.announcesTrailers(u) {
			return
		}
		r.found(e.call, nil, "the client never sees this change of %s, since %s (line %d) has sent the header: change it before", e.field, first.name, r.lineOf(first.call.Pos()))
	case e.act.has(actStatus) && !e.act.has(actAttempt):
		r.found(e.call, nil, "the client never sees this status code, since %s (line %d) has sent %s: decide on the status code first, and send one response", first.name, r.lineOf(first.call.Pos()), codeName(e.before.code))
	}
}

func codeName(c code) string {
	if c.known && c.param == nil {
		return "the header with " + itoa(c.value)
	}
	return "the header"
}

// announcesTrailers reports whether the function around a unit may set trailer fields.
func (r *reporter) announcesTrailers(u *unit) bool {
	f := r.fieldsIn(u.scope())
	return f.names["Trailer"] || f.any
}

// mayHijack reports whether the function around a unit may hijack the connection of a response.
func (r *reporter) mayHijack(u *unit, w *types.Var) bool {
	found := false
	ast.Inspect(u.scope(), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			if r.varOf(n.X) == w && n.Type != nil && strings.HasSuffix(types.ExprString(n.Type), "Hijacker") {
				found = true
			}
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "Hijack"
		}
		return !found
	})
	return found
}
