package analyzers

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// eachEvent calls f with each event that a path leads to.
func (p *program) eachEvent(f func(*unit, *event)) {
	for _, u := range p.units {
		u.events(func(_ *cfgBlock, _ int, e *event) { f(u, e) })
	}
}

// Code reports status codes that net/http does not send as they are written.
var Code = check("code",
	`report status codes that cannot be sent

net/http panics on a code below 100 or above 999, sends an informational code
before the final one instead of as it, and a redirect needs a code that browsers follow.`, runCode)

func runCode(r *reporter) {
	r.eachEvent(func(u *unit, e *event) {
		c := e.code
		if !c.known || c.param != nil || c.at == nil {
			return
		}
		switch {
		case c.value < 100 || c.value > 999:
			r.found(e.call, nil, "the client sees a connection that is cut, since net/http panics on the status code %d: write one from 200 to 599", c.value)
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

// isRedirect reports whether a code goes with a Location.
func isRedirect(code int) bool {
	switch code {
	case 201, 300, 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// upgrades reports whether the code around a unit may switch protocols.
func (r *reporter) upgrades(u *unit) bool {
	f := r.fieldsIn(u.scope())
	return f.any || f.names["Upgrade"]
}

// lastUse reports whether a function does nothing with its response writer
// behind an event, and is the handler itself.
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

// Body reports bodies that are never sent, because the status code forbids them.
var Body = check("body",
	`report writes to a body that the status code forbids

A response with 101, 204 or 304 has no body: net/http drops what is written. One with 205 must
not have one either.`, runBody)

func runBody(r *reporter) {
	r.eachEvent(func(u *unit, e *event) {
		if !e.act.has(actBody) {
			return
		}
		c := e.before.code
		if !e.before.sent {
			if c = e.code; c.at == nil || !r.saysSomething(e) {
				return
			}
		} else if e.act.has(actStatus) || e.known == "net/http.ResponseWriter.Write" && r.isEmpty(e.call.Args[0]) {
			return // two responses, or nothing
		}
		if !c.known || c.param != nil {
			return
		}
		switch c.value {
		case 101, 204, 304:
			r.found(e.call, nil, "the client sees no body, since a %d has none: drop this write, or write another status code", c.value)
		case 205:
			r.found(e.call, nil, "the client may take this body for the next response, since a 205 has none: drop this write, or write another status code")
		}
	})
}

// saysSomething reports whether a call that sends a status code and a body has
// been given something to put into the body.
func (r *reporter) saysSomething(e *event) bool {
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

// Twice reports what comes too late in a response.
var Twice = check("twice",
	`report responses that are sent twice, and header fields that are set too late

The first WriteHeader or Write sends the status code and the header. Whatever changes
them after that is lost, and net/http logs a superfluous call of WriteHeader.`, runTwice)

func runTwice(r *reporter) {
	for _, u := range r.units {
		u.events(func(b *cfgBlock, i int, e *event) {
			if e.w == nil || r.assigned(e.w) || r.takesOver(u, e.w) {
				return
			}
			if e.before.sent {
				r.late(u, e)
				return
			}
			// An event of its own that is followed by another on every path.
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

// late reports an event that the response before it makes void.
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

// announcesTrailers reports whether the code around a unit sets trailers, which
// are header fields that come after the body.
func (r *reporter) announcesTrailers(u *unit) bool {
	f := r.fieldsIn(u.scope())
	return f.names["Trailer"] || f.any
}

// takesOver reports whether the code around a unit may take over the connection
// of a response, or looks at the type of the writer.
func (r *reporter) takesOver(u *unit, w *types.Var) bool {
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

// NoReturn reports code that goes on after a response that refuses.
var NoReturn = check("noreturn",
	`report code that goes on after a response that ends the request

http.Error, http.NotFound, http.Redirect, the functions of package respond, and functions
of the program that call them on every path, do not end the handler: a return does. The
check reports such a call in a branch if the code behind the branch writes to the response again, hands
it to another handler, reads the request's body, does what was refused with a 4xx, or uses the value that is nil because of the error.`, runNoReturn)

func runNoReturn(r *reporter) {
	for _, u := range r.units {
		u.events(func(b *cfgBlock, i int, e *event) {
			if e.w == nil || !e.act.has(actRefuse) || e.act.has(actAttempt) {
				return
			}
			branch := r.branchOf(e.call)
			if branch == nil {
				return
			}
			refused := e.code.known && e.code.param == nil && e.code.value >= 400 && e.code.value < 500
			later := u.inevitable(b, i, func(o *event) bool {
				return o.w == e.w && o.act.responds() && o.call.Pos() > branch.End()
			})
			if later == nil {
				later = u.inevitable(b, i, func(o *event) bool {
					return (o.act == actWork || o.act == actTask && refused) && o.call.Pos() > branch.End()
				})
			}
			if later == nil {
				if use := r.nilUse(e.call, branch); use != nil {
					r.found(e.call, r.insertReturn(u, e, branch), "the client sees this response, but the handler goes on and uses %s (line %d), which is not valid after the error: return after %s", use.Name, r.lineOf(use.Pos()), e.name)
				}
				return
			}
			effect := "so the client sees both in one response"
			if later.act.has(actDelegate) {
				effect = "so the refused request is served, and the client sees both in one response"
			} else if later.act.has(actWork | actTask) {
				effect = "so the refused request is served although the client sees that it is not"
			}
			r.found(e.call, r.insertReturn(u, e, branch), "the handler goes on after %s and calls %s (line %d), %s: return after %s", e.name, later.name, r.lineOf(later.call.Pos()), effect, e.name)
		})
	}
}

// branchOf returns the statement that a call, which is a statement by itself,
// is in a branch of: an if or a case of a switch. It is nil if there is none.
func (p *program) branchOf(call *ast.CallExpr) ast.Stmt {
	stmt, ok := p.parents[call].(*ast.ExprStmt)
	if !ok {
		return nil
	}
	switch list := p.parents[stmt].(type) {
	case *ast.BlockStmt:
		if branch, ok := p.parents[list].(*ast.IfStmt); ok {
			return outermostIf(p, branch)
		}
	case *ast.CaseClause:
		branch, _ := p.parents[p.parents[list]].(ast.Stmt)
		return branch
	}
	return nil
}

// outermostIf returns the first if of a chain of else if.
func outermostIf(p *program, s *ast.IfStmt) ast.Stmt {
	for {
		outer, ok := p.parents[s].(*ast.IfStmt)
		if !ok || outer.Else != s {
			return s
		}
		s = outer
	}
}

// nilUse returns the first use, behind a branch on err != nil, of a pointer or
// interface that the failed call returned beside err.
func (r *reporter) nilUse(call *ast.CallExpr, branch ast.Stmt) *ast.Ident {
	cond, ok := branch.(*ast.IfStmt)
	if !ok || cond.Init != nil || cond.Else != nil || r.parents[r.parents[call]] != cond.Body || terminates(cond.Body) {
		return nil
	}
	test, ok := cond.Cond.(*ast.BinaryExpr)
	if !ok || test.Op != token.NEQ || !r.isEmpty(test.Y) || !isErrorType(r.TypesInfo.TypeOf(test.X)) {
		return nil
	}
	list := stmtsOf(r.parents[cond])
	for i, s := range list {
		if s != ast.Stmt(cond) || i == 0 || i == len(list)-1 {
			continue
		}
		made, ok := list[i-1].(*ast.AssignStmt)
		if !ok || len(made.Rhs) != 1 || len(made.Lhs) < 2 || r.varOf(made.Lhs[len(made.Lhs)-1]) != r.varOf(test.X) {
			return nil
		}
		for _, left := range made.Lhs[:len(made.Lhs)-1] {
			if use := r.dereference(list[i+1], r.varOf(left)); use != nil {
				return use
			}
		}
	}
	return nil
}

// dereference returns a use of a field or method of v in a simple statement, or
// nil. v is a pointer or an interface.
func (r *reporter) dereference(s ast.Stmt, v *types.Var) (use *ast.Ident) {
	if v == nil {
		return nil
	}
	switch v.Type().Underlying().(type) {
	case *types.Pointer, *types.Interface:
	default:
		return nil
	}
	switch s.(type) {
	case *ast.ExprStmt, *ast.AssignStmt, *ast.DeferStmt, *ast.DeclStmt:
	default:
		return nil
	}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.BinaryExpr:
			return false
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && use == nil && r.varOf(id) == v {
				use = id
			}
		}
		return use == nil
	})
	return use
}

func stmtsOf(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// terminates reports whether a block ends by leaving the function or a loop.
func terminates(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	switch s := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		return ok && strings.HasPrefix(types.ExprString(call.Fun), "panic")
	}
	return false
}
