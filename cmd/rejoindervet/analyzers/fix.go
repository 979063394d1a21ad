package analyzers

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

func itoa(n int) string { return strconv.Itoa(n) }

// source returns the source of an expression.
func (r *reporter) source(e ast.Expr) string {
	var b bytes.Buffer
	_ = format.Node(&b, r.Fset, e) // a Buffer does not fail, and e has been parsed
	return b.String()
}

// insertReturn returns a fix that adds a return after a call. It returns nil unless that is safe: the
// function has no results, the call is the last statement of its branch and not in a loop, and the
// code after it releases nothing.
func (r *reporter) insertReturn(u *unit, e *event, branch ast.Stmt) []analysis.SuggestedFix {
	stmt := r.parents[e.call].(ast.Stmt)
	list := stmtsOf(r.parents[stmt])
	if u.ftype.Results != nil || len(list) == 0 || list[len(list)-1] != stmt || r.inLoop(e.call) || releases(u.body, branch.End()) {
		return nil
	}
	end := stmt.End()
	for _, group := range r.file(end).Comments {
		if group.Pos() >= end && r.lineOf(group.Pos()) == r.lineOf(end) {
			end = group.List[0].End()
		}
	}
	if end > list[len(list)-1].End() && r.lineOf(end) != r.lineOf(stmt.End()) {
		return nil // the comment has more lines
	}
	indent := strings.Repeat("\t", max(0, r.Fset.Position(stmt.Pos()).Column-1))
	return []analysis.SuggestedFix{{
		Message:   "Insert return",
		TextEdits: []analysis.TextEdit{{Pos: end, End: end, NewText: []byte("\n" + indent + "return")}},
	}}
}

// releases reports whether the code after pos releases a resource without defer.
func releases(body *ast.BlockStmt, pos token.Pos) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.DeferStmt, *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && n.Pos() > pos {
				switch sel.Sel.Name {
				case "Unlock", "RUnlock", "Close", "Done", "Release", "Rollback", "Stop":
					found = true
				}
			}
		}
		return true
	})
	return found
}

// importsRespond reports whether the package imports package respond.
func (p *program) importsRespond() bool { return p.imports(respondPath) != nil }

func (p *program) imports(path string) *types.Package {
	for _, i := range p.pass.Pkg.Imports() {
		if i.Path() == path {
			return i
		}
	}
	return nil
}

// normalizes reports whether the package uses middleware.Normalize.
func (p *program) normalizes() bool {
	for _, obj := range p.pass.TypesInfo.Uses {
		if fn, ok := obj.(*types.Func); ok && fn.Pkg() != nil && fn.Pkg().Path() == middlewarePath && strings.HasPrefix(fn.Name(), "Normalize") {
			return true
		}
	}
	return false
}

// respondWithCause returns a fix that replaces http.Error by respond.Error, with the error as the
// cause, so that only the log has it. It returns nil if the text is not just that error.
func (r *reporter) respondWithCause(e *event, c code, o origin) []analysis.SuggestedFix {
	if e.known != "net/http.Error" || !r.importsRespond() || len(e.flows) != 1 {
		return nil
	}
	cause := ""
	switch text := ast.Unparen(e.flows[0].expr).(type) {
	case *ast.CallExpr:
		sel, ok := ast.Unparen(text.Fun).(*ast.SelectorExpr)
		switch {
		case ok && sel.Sel.Name == "Error" && len(text.Args) == 0 && sel.X == o.at:
			cause = r.source(sel.X)
		case ok && r.knownName(text) == "fmt.Sprintf":
			cause = r.source(sel.X) + ".Errorf(" + r.list(text) + ")"
		}
	}
	if cause == "" {
		return nil
	}
	return r.replace(e, "cause", func(respond, problem string) string {
		return respond + ".Error(" + r.source(e.call.Args[0]) + ", " + r.source(c.at) + ", " + problem + ".Cause(" + cause + "))"
	})
}

// list returns the source of the arguments of a call.
func (r *reporter) list(call *ast.CallExpr) string {
	var args []string
	for _, arg := range call.Args {
		args = append(args, r.source(arg))
	}
	s := strings.Join(args, ", ")
	if call.Ellipsis.IsValid() {
		s += "..."
	}
	return s
}

// respondInstead returns a fix that replaces http.Error or http.NotFound by respond.Error, with the
// same status code and the same text as the detail.
func (r *reporter) respondInstead(e *event) []analysis.SuggestedFix {
	w := e.call.Args[0]
	return r.replace(e, "detail", func(respond, problem string) string {
		if e.known == "net/http.NotFound" {
			return respond + ".Error(" + r.source(w) + ", " + r.httpName(e.call) + ".StatusNotFound)"
		}
		s := respond + ".Error(" + r.source(w) + ", " + r.source(e.call.Args[2])
		if call, ok := e.call.Args[1].(*ast.CallExpr); ok && r.knownName(call) == "net/http.StatusText" {
			return s + ")"
		}
		if text, ok := r.constString(e.call.Args[1]); !ok || text != "" && !isReason(text, e.code.value) {
			s += ", " + problem + ".Detail(" + r.source(e.call.Args[1]) + ")"
		}
		return s + ")"
	})
}

// httpName returns the name of package net/http in a call of one of its functions.
func (r *reporter) httpName(call *ast.CallExpr) string {
	return types.ExprString(ast.Unparen(call.Fun).(*ast.SelectorExpr).X)
}

// replace returns a fix that replaces a call and adds the imports that the new call needs. It returns
// nil if one of their names has another meaning at the call.
func (r *reporter) replace(e *event, what string, text func(respond, problem string) string) []analysis.SuggestedFix {
	if _, ok := ast.Unparen(e.call.Fun).(*ast.SelectorExpr); !ok {
		return nil // a dot import
	}
	var edits []analysis.TextEdit
	file := r.file(e.call.Pos())
	if !r.usesHTTP(file) {
		return nil // the import of net/http would be unused
	}
	respond, edit, ok := r.nameOf(file, e.call.Pos(), respondPath, "respond")
	if !ok {
		return nil
	}
	edits = append(edits, edit...)
	problem, edit, ok := r.nameOf(file, e.call.Pos(), problemPath, "problem")
	if !ok {
		return nil
	}
	s := text(respond, problem)
	if strings.Contains(s, problem+".") {
		edits = append(edits, edit...)
	}
	edits = append(edits, analysis.TextEdit{Pos: e.call.Pos(), End: e.call.End(), NewText: []byte(s)})
	return []analysis.SuggestedFix{{Message: "Write respond.Error, with the " + what, TextEdits: edits}}
}

// usesHTTP reports whether a file uses more of net/http than Error and NotFound.
func (r *reporter) usesHTTP(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			obj := r.TypesInfo.Uses[sel.Sel]
			id, isID := sel.X.(*ast.Ident)
			if isID && obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == "net/http" && obj.Name() != "Error" && obj.Name() != "NotFound" {
				_, isPkg := r.TypesInfo.Uses[id].(*types.PkgName)
				found = found || isPkg
			}
		}
		return !found
	})
	return found
}

// nameOf returns the name of a package at a position, and the edit that imports the package if the
// file does not.
func (r *reporter) nameOf(file *ast.File, pos token.Pos, path, name string) (string, []analysis.TextEdit, bool) {
	for _, spec := range file.Imports {
		if p, _ := strconv.Unquote(spec.Path.Value); p == path {
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "_" || name == "." {
				return "", nil, false
			}
			_, obj := r.Pkg.Scope().Innermost(pos).LookupParent(name, pos)
			_, ok := obj.(*types.PkgName)
			return name, nil, ok
		}
	}
	if _, obj := r.Pkg.Scope().Innermost(pos).LookupParent(name, pos); obj != nil {
		return "", nil, false
	}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.IMPORT {
			continue
		}
		if last := decl.Specs[len(decl.Specs)-1]; decl.Lparen.IsValid() {
			return name, []analysis.TextEdit{{Pos: last.End(), End: last.End(), NewText: []byte("\n\t" + strconv.Quote(path))}}, true
		}
		return name, []analysis.TextEdit{{Pos: decl.End(), End: decl.End(), NewText: []byte("\nimport " + strconv.Quote(path))}}, true
	}
	return "", nil, false
}

// isReason reports whether a text is only the reason phrase of the status code.
func isReason(text string, code int) bool {
	return strings.EqualFold(strings.TrimSpace(text), reasonOf(code))
}

func reasonOf(code int) string { return http.StatusText(code) }
